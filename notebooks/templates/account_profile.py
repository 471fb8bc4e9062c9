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
study = None  # folder of the study; None for the embedded one
store = None  # or the path of a store; versions pins the versions of its tables
versions = None
since = None  # first day of the period, and the first day after it; None for all posts
until = None
account = "Andriy Yermak"
horizon = "30D"
clock = None  # confirmed or occurred; None for the one that the events have
signals = None  # codes, mentions or both; None for codes, or names if no post has a code
codebook = None
kinds = []
timezone = "Europe/Kyiv"
observed_until = None

# %%
from foxgrape.studies.account_profile import account_profile
from foxgrape.plots.activity import activity, posting_rhythm
from foxgrape.display.html import Headline, section
from foxgrape.display.report_tables import calibration_table, emoji_table
from foxgrape.display.sections import signals_section
from foxgrape.display.titles import period_in_words
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
)
analysis = data.analyse(horizon=horizon, clock=clock, signals=signals)
profile = account_profile(analysis, account)
days = period_in_words(data)
section(f"{account}, {days}" if days else account, f"One account of {data.title}.", level=1)

# %%
Headline(profile.sentence())

# %%
WhatChanged(profile.analysis)

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
# How unusual each signal was for the account, in bits, given its earlier posts. One more bit is
# half as likely.

# %%
profile.figure()

# %% [markdown]
# ## Signals and their events

# %%
signals_section(profile.analysis, csv_file="signals.csv")

# %% [markdown]
# ## Share of signals followed by an event
#
# Kaplan–Meier estimate of the share with an event at their place within the horizon: open signals
# count for as long as they were observed. Posts after their event and hindsight do not count. With
# few signals the interval is wide; where all or none had an event it is undefined. A high share is
# not evidence of foresight, since events may be frequent at such places anyway: see the report
# *chance*.

# %%
calibration_table(profile)
