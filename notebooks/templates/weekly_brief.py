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
until: str = "2022-09-12"  # the day after the period
days: int = 7  # length of the period in days
horizon: str = "30D"  # how long after a signal an event counts
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
signals: Optional[str] = None  # codes, mentions or both; None for names if no post has a code
codebook: Optional[str] = None  # CSV codebook for a store; None for the packaged one
kinds: list[str] = []  # for a store, only these kinds of event; empty for all
timezone: str = "Europe/Kyiv"  # for a store, the time zone that defines days
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
repeated_until: Optional[str] = None  # planned end of repeated reports; None for a single one

# %%
from foxgrape.studies.briefs import period_brief
from foxgrape.display.chance import chance_claim
from foxgrape.display.html import Headline, bullets
from foxgrape.display.key_figures import period_figures
from foxgrape.display.report_tables import events_table, signals_table
from foxgrape.display.sections import signals_section
from foxgrape.display.titles import title
from foxgrape.display.what_changed import WhatChanged
from foxgrape.reports import open_data

data = open_data(
    study,
    store,
    versions=versions,
    codebook=codebook,
    kinds=kinds,
    timezone=timezone,
    observed_until=observed_until,
    repeated_until=repeated_until,
)
brief = period_brief(
    data,
    until=until,
    days=days,
    horizon=horizon,
    clock=clock,
    signals=signals,
)
heading = f"{brief.describe_days()}, {data.title}"
title(data, brief.analysis, "Brief of a period", heading=heading)

# %%
claim = chance_claim(brief.analysis, "all signals until then")
Headline(brief.sentence(), claim, bullets(brief.caveats()))

# %% [markdown]
# This brief uses only what was known when the period ended: a post once it was certainly posted,
# an event once it was certainly confirmed or, without a confirmation, once it had certainly
# occurred. When a post or an event was added to the data does not count: an event that is added
# later is in the brief of its own period if that is built again, and *What changed* names it. Codes
# are read as they are known today.

# %%
period_figures(brief)

# %%
brief.figure()

# %% [markdown]
# ## What happened
#
# Events that were confirmed or, without a confirmation, occurred in this period.

# %%
events_table(
    brief.events,
    data.confirmations,
    data.timezone,
    empty="No event became known in this period; check that the events were updated.",
)

# %% [markdown]
# ## New signals
#
# What was posted in this period.

# %%
signals_table(
    brief.analysis,
    brief.new,
    empty=brief.analysis.why_no_signals("of this period"),
    csv_file="new.csv",
)

# %% [markdown]
# ## Leads
#
# Signals whose first event became known in this period, whenever they were posted. A lead counts
# only if the post certainly came first and its code was not decoded only afterwards.

# %%
signals_section(
    brief.analysis,
    brief.confirmed,
    empty="No leads: no event that became known in this period had a signal before it.",
    csv_file="leads.csv",
)

# %% [markdown]
# ## Re-linked
#
# Earlier signals that had an event already, most of them because they were posted after it, and
# whose place now had a later event. They are in estimates of lead times, and no leads of this
# period.

# %%
signals_table(
    brief.analysis,
    brief.relinked,
    empty="No re-linked signals: no earlier signal got another event in this period.",
    csv_file="re-linked.csv",
)

# %% [markdown]
# ## Still open
#
# Signals without an event so far. Estimates include them for as long as they were observed
# (right-censored).

# %%
signals_table(
    brief.analysis,
    brief.waiting,
    empty="No open signals: each has had its event, or its horizon has ended.",
    csv_file="open.csv",
)

# %% [markdown]
# ## Overdue
#
# Signals whose horizon ended in this period without an event.

# %%
signals_table(
    brief.analysis,
    brief.overdue,
    empty=brief.open_signals.why_none_overdue(),
    csv_file="overdue.csv",
)

# %% [markdown]
# ## No longer followed
#
# Signals whose horizon ended in this period, and for which events were not recorded until then:
# nothing shows whether they had one.

# %%
signals_table(
    brief.analysis,
    brief.unfollowed,
    empty="None: events were recorded until the end of each horizon that ended in this period.",
    csv_file="unfollowed.csv",
)

# %%
WhatChanged(brief.analysis)
