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
account = "Andriy Yermak"
horizon = "30D"
clock = None  # confirmed or occurred; None for the one that the events have
codebook = None
kinds = []
timezone = "Europe/Kyiv"
observed_until = None

# %%
import plotly.io as pio

from foxgrape.studies.account_profile import account_profile
from foxgrape.plots.activity import activity, posting_rhythm
from foxgrape.plots.signals import timeline
from foxgrape.display.html import Headline, Html, section, table
from foxgrape.display.report_tables import signals_table
from foxgrape.studies.from_store import open_study_or_store

pio.renderers.default = "plotly_mimetype"  # store figures as data; the page draws them
data = open_study_or_store(
    study,
    store,
    versions=versions,
    codebook=codebook,
    kinds=kinds,
    timezone=timezone,
    observed_until=observed_until,
)
profile = account_profile(data.analyse(horizon=horizon, clock=clock), account)
section(account, f"One account of {data.title}.", level=1)

# %%
Headline(profile.sentence())

# %% [markdown]
# ## Activity
#
# An emoji that an account posts all the time carries little information.

# %%
activity(profile.posts, profile.analysis.signals, zone=data.timezone)

# %%
posting_rhythm(profile.posts, zone=data.timezone)

# %%
table(
    ["Emoji", "Posts", "Share of posts", "Code for"],
    [
        [
            Html(f'<span class="sign">{row.emoji}</span>'),
            str(row.posts),
            f"{row.share:.1%}",
            row.places,
        ]
        for row in profile.emoji.head(20).itertuples()
    ],
    f"The most frequent of {len(profile.emoji)} emoji. A post counts once per emoji.",
)

# %% [markdown]
# ## Surprisal
#
# How unusual each signal was for the account, in bits, given its earlier posts. One more bit is
# half as likely.

# %%
profile.figure()

# %%
signals_table(profile.analysis)

# %%
timeline(profile.analysis)

# %% [markdown]
# ## Share of signals followed by an event
#
# Kaplan–Meier estimate of the share with an event at their place within the horizon: open signals
# count for as long as they were observed. Posts after their event and hindsight do not count. With
# few signals the interval is wide; where all or none had an event it is undefined. A high share is
# not evidence of foresight, since events may be frequent at such places anyway: see the report
# *chance*.

# %%
table(
    ["Signals by", "Value", "n", "With an event", "Share followed", "95% interval"],
    [
        [
            row.group,
            row.value,
            str(row.n),
            str(row.observed),
            f"{row.share:.0%}",
            "undefined" if row.lower != row.lower else f"{row.lower:.0%} to {row.upper:.0%}",
        ]
        for row in profile.calibration.itertuples()
    ],
)
