# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% tags=["parameters"]
from typing import Optional

study: Optional[str] = None  # folder of a study; None for the embedded one
store: Optional[str] = None  # path or URL of a store, in place of a study
versions: Optional[dict[str, int]] = None  # versions of its tables; None for the latest
since: Optional[str] = None  # first day of the period; None for all posts
until: Optional[str] = None  # first day after the period; None for all posts
place: str = "geonames:707292"  # id or name, such as Izium or Lyman, Donetsk
horizon: str = "30D"  # how long after a signal an event counts
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
mentions: bool = True  # also show posts that mention the place by name
codebook: Optional[str] = None  # CSV codebook for a store; None for the packaged one
kinds: list[str] = []  # for a store, only these kinds of event; empty for all
timezone: str = "Europe/Kyiv"  # for a store, the time zone that defines days
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
repeated_until: Optional[str] = None  # planned end of repeated reports; None for a single one

# %%
from foxgrape.studies.briefs import place_brief
from foxgrape.display.chance import chance_claim
from foxgrape.display.html import Headline
from foxgrape.display.key_figures import figures_in_a_row
from foxgrape.display.report_tables import chance_figure, codes_table, signal_figures
from foxgrape.display.sections import events_section, signals_section
from foxgrape.display.titles import title
from foxgrape.display.what_changed import WhatChanged
from foxgrape.reports import open_data

data = open_data(
    study,
    store,
    versions=versions,
    since=since,
    until=until,
    codebook=codebook,
    kinds=kinds,
    timezone=timezone,
    observed_until=observed_until,
    repeated_until=repeated_until,
)
analysis = data.analyse(horizon=horizon, clock=clock, signals="both" if mentions else "codes")
brief = place_brief(analysis, place)
title(data, analysis, "One place", heading=brief.name)

# %%
tested = {f"{name} (all places)": claim for name, claim in chance_figure(analysis).items()}
figures_in_a_row({"Events": f"{len(brief.events):,}", **signal_figures(brief.analysis), **tested})

# %%
claim = chance_claim(analysis, "all signals of the study, whatever their place")
Headline(brief.finding(), claim, more=brief.details())

# %% [markdown]
# ## Events

# %%
events_section(
    brief.analysis,
    brief.events,
    empty="No events at this place; add events to the study or the store.",
)

# %% [markdown]
# ## Signals
#
# Posts with a code for the place, and posts that mention it by name.

# %%
signals_section(
    brief.analysis,
    empty="No signals: no post contains a code for this place or names it.",
    csv_file="signals.csv",
)

# %% [markdown]
# ## Codes for the place

# %%
codes_table(data.codebook, brief.place_id)

# %%
WhatChanged(brief.analysis)
