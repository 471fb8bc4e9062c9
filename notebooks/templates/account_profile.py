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
account: str = "Andriy Yermak"  # name of the account
horizon: str = "30D"  # how long after a signal an event counts
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
signals: Optional[str] = None  # codes, mentions or both; None for names if no post has a code
codebook: Optional[str] = None  # CSV codebook for a store; None for the packaged one
kinds: list[str] = []  # for a store, only these kinds of event; empty for all
timezone: str = "Europe/Kyiv"  # for a store, the time zone that defines days
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
repeated_until: Optional[str] = None  # planned end of repeated reports; None for a single one

# %%
from foxgrape.studies.account_profile import account_profile
from foxgrape.plots.activity import activity, posting_rhythm
from foxgrape.display.chance import chance_claim
from foxgrape.display.html import Headline
from foxgrape.display.key_figures import figures_in_a_row
from foxgrape.display.report_tables import (
    calibration_table,
    chance_figure,
    emoji_table,
    signal_figures,
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
analysis = data.analyse(horizon=horizon, clock=clock, signals=signals)
profile = account_profile(analysis, account)
title(data, analysis, "Profile of an account", heading=account)

# %%
figures_in_a_row(
    {
        "Posts": f"{len(profile.posts):,}",
        **signal_figures(profile.analysis),
        **chance_figure(profile.analysis),
    }
)

# %%
claim = chance_claim(profile.analysis, "all signals of the account")
Headline(profile.finding(), claim, more=profile.details())

# %% [markdown]
# ## Activity
#
# When the account posts, and which emoji it uses. An emoji that an account posts all the time
# carries little information.

# %%
activity(profile.posts, profile.analysis.signals, zone=data.timezone)

# %%
posting_rhythm(profile.posts, zone=data.timezone)

# %%
emoji_table(profile)

# %% [markdown]
# ## Surprisal
#
# How unusual each signal was for the account, in bits, given its earlier posts. A signal of one
# more bit is half as likely.

# %%
profile.figure()

# %% [markdown]
# ## Signals and their events

# %%
signals_section(profile.analysis, csv_file="signals.csv")

# %% [markdown]
# ## Share of signals followed by an event
#
# The Kaplan–Meier share with an event at their place within the horizon: signals without an event
# so far count for as long as they were observed. Posts after their event and hindsight are left
# out. Where all or none had an event, the interval is undefined. A high share is no evidence of
# foresight, since events may be frequent at such places anyway: the headline says whether it is
# more than chance.

# %%
calibration_table(profile)

# %%
WhatChanged(profile.analysis)
