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
horizon: str = "30D"  # how long after a signal an event counts
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
confirmed_by: Optional[str] = None  # use only confirmations by this side, such as UA
signals: Optional[str] = None  # codes, mentions or both; None for names if no post has a code
baseline: bool = True  # also show posts that mention the place by name
codebook: Optional[str] = None  # CSV codebook for a store; None for the packaged one
kinds: list[str] = []  # for a store, only these kinds of event; empty for all
timezone: str = "Europe/Kyiv"  # for a store, the time zone that defines days
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
repeated_until: Optional[str] = None  # planned end of repeated reports; None for a single one

# %%
from IPython.display import display

from foxgrape.plots.place_map import place_map
from foxgrape.plots.signals import survival
from foxgrape.display.html import section
from foxgrape.display.report_tables import (
    compare_with_baseline,
    headline,
    key_figures,
    methods,
    sides_table,
    without_codes,
)
from foxgrape.display.sections import signals_section
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
options = {"horizon": horizon, "clock": clock, "confirmed_by": confirmed_by}
analysis = data.analyse(**options, signals=signals)
title(data, analysis, "Lead times of hints")

# %%
key_figures(analysis)

# %%
headline(analysis)

# %% [markdown]
# ## Signals and their events
#
# A signal is a post that points to a place. The wider a bar, the less exactly the time is known.

# %%
signals_section(analysis, csv_file="signals.csv")

# %% [markdown]
# ## Which side's confirmation?
#
# The same signals against each side's own confirmation. A lead over only one side tells you how
# quickly that side confirmed, not what the post knew.

# %%
sides_table(analysis)

# %% [markdown]
# ## Time from post to event
#
# The curve steps down when the events of signals come. Signals without an event are included
# for as long as they were observed: excluding them would bias lead times downwards.

# %%
survival(analysis.lead_times)

# %% [markdown]
# ## Where

# %%
place_map(analysis)

# %%
if baseline and analysis.read == "codes":
    named = without_codes(data.analyse(**options, signals="mentions"), analysis)
    display(
        section(
            "Baseline: posts that mention the place by name", compare_with_baseline(analysis, named)
        )
    )
    display(signals_section(named, csv_file="baseline.csv"))

# %%
WhatChanged(analysis)

# %% [markdown]
# ## Methods and data

# %%
methods(analysis)
