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
store = None  # or the path of a store, with the versions of its tables
versions = None
account = "Andriy Yermak"
horizon = "30D"
clock = "confirmed"
codebook = None
kinds = []
timezone = "Europe/Kyiv"

# %%
import plotly.io as pio

from foxgrape.studies.account_profile import account_profile
from foxgrape.plots.activity import activity, posting_rhythm
from foxgrape.plots.signals import timeline
from foxgrape.display.html import Headline, Html, section, table
from foxgrape.display.report_tables import signals_table
from foxgrape.studies.from_store import open_study_or_store

pio.renderers.default = "plotly_mimetype"  # figures as data: the page draws them itself
data = open_study_or_store(
    study, store, versions=versions, codebook=codebook, kinds=kinds, timezone=timezone
)
profile = account_profile(data.analyse(horizon=horizon, clock=clock), account)
section(account, f"One account of {data.title}.", level=1)

# %%
Headline(profile.sentence())

# %% [markdown]
# ## Habits
#
# What an account posts all the time says little when it is posted again.

# %%
activity(profile.posts, profile.analysis.signals, zone=data.timezone)

# %%
posting_rhythm(profile.posts, zone=data.timezone)

# %%
table(
    ["Emoji", "Posts", "Share of posts", "Stands for"],
    [
        [
            Html(f'<span class="sign">{row.emoji}</span>'),
            str(row.posts),
            f"{row.share:.1%}",
            row.places,
        ]
        for row in profile.emoji.head(20).itertuples()
    ],
    f"The most frequent of {len(profile.emoji)} emoji; a post counts once for each.",
)

# %% [markdown]
# ## Surprisal
#
# Bits by which each signal was unusual for the account, given only what it had posted before: each
# more bit is half as likely.

# %%
profile.figure()

# %%
signals_table(profile.analysis)

# %%
timeline(profile.analysis)

# %% [markdown]
# ## How often its signals were borne out
#
# The share of signals that had an event at their place within the horizon, by Kaplan and Meier:
# signals that still wait count for as long as they were watched. Posts that came after their event
# and codes decoded only afterwards do not count. With few signals the interval is wide, and where
# all or none had an event nobody can give one. A share borne out is no evidence of foresight:
# events may be frequent at such places anyway, which the report *chance* judges.

# %%
table(
    ["Signals by", "Which", "Counted", "With an event", "Share borne out", "95% interval"],
    [
        [
            row.group,
            row.value,
            str(row.n),
            str(row.observed),
            f"{row.share:.0%}",
            "not known" if row.lower != row.lower else f"{row.lower:.0%} to {row.upper:.0%}",
        ]
        for row in profile.calibration.itertuples()
    ],
)
