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
windows: list[str] = ["1D", "3D", "7D", "14D"]  # durations to test
null: str = "local"  # null model
by: Optional[str] = "code"  # column by which signals are grouped
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
signals: Optional[str] = None  # codes, mentions or both; None for names if no post has a code
history: str = "30D"  # how long past events predict the next
surrogates: Optional[int] = None  # None for 9999, or 1999 for more than 500 signals
seed: int = 1  # seed of the random numbers
codebook: Optional[str] = None  # CSV codebook for a store; None for the packaged one
kinds: list[str] = []  # for a store, only these kinds of event; empty for all
timezone: str = "Europe/Kyiv"  # for a store, the time zone that defines days
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
repeated_until: Optional[str] = None  # planned end of repeated reports; None for a single one

# %%
from IPython.display import display

from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.display.chance_tables import (
    alarms_table,
    groups_table,
    nulls_answer,
    nulls_table,
    sensitivity_block,
    verdict_headline,
    windows_table,
)
from foxgrape.display.html import Group, finding_block, table
from foxgrape.display.report_tables import key_figures, rows_file
from foxgrape.display.sections import (
    NoResult,
    outcomes_section,
    result_or_reason,
    result_section,
)
from foxgrape.display.titles import title
from foxgrape.stats.coincidence.surrogates import NULLS
from foxgrape.stats.verdict import Verdict
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
analysis = data.analyse(clock=clock, signals=signals)
MANY_SIGNALS = 500  # beyond it, fewer surrogates estimate p well enough
many = len(analysis.signals) > MANY_SIGNALS
options = {"n": surrogates or (1999 if many else 9999), "rng": seed}
result = analysis.coincidence(window=windows, null=null, by=by, **options)
risk = result_or_reason(lambda: analysis.hazard(window=windows[-1], history=history))
scored = result_or_reason(lambda: analysis.alarm(window=windows, **options))
title(data, analysis, "Test against chance")

# %%
verdict = Verdict(result, risk, scored)
key_figures(analysis, verdict.claim)

# %%
verdict_headline(verdict, "" if len(analysis.signals) else analysis.why_no_signals())

# %%
if data.caution:
    display(finding_block("Caution", more=data.caution))

# %% [markdown]
# ## Coincidence
#
# How many signals were followed by an event at their place, compared with surrogates: copies of
# the data in which posts exchange places at random, as far as the null model allows. Signals
# *after* an event are given for comparison: they announce it or comment on it.

# %%
result_section(result, windows_table, groups_table)

# %%
sensitivity_block(analysis, result)

# %% [markdown]
# ## Does the answer depend on the null model?
#
# A null model says what may be exchanged at random. Posts and events can share a tempo, such as
# that of an offensive, and a moving front. Only `local` keeps both: where other null models claim
# a lead and `local` does not, what posts and events share explains it.

# %%
others = options | {"n": min(options["n"], 999)} if many else options
results = [
    result if name == null else analysis.coincidence(window=windows, null=name, **others)
    for name in NULLS
]
answer = nulls_answer(results)
Group(*[finding_block(answer)] if answer else [], nulls_table(results))

# %% [markdown]
# ## Hazard
#
# How much more likely events are at a place after a signal for it. Public knowledge is taken into
# account: how often events come there, recent events and mentions, and where the front is.

# %%
result_section(risk)

# %% [markdown]
# ## Alarms
#
# Each signal raises an alarm for its place. The longer alarms last, the fewer events they miss,
# and the larger the share of places and days that they cover. Alarms at random lie on the diagonal.

# %%
result_section(scored, alarms_table)

# %%
if analysis.read == "codes" and len(analysis.signals) and not isinstance(scored, NoResult):
    names = data.analyse(clock=analysis.clock, signals="mentions")
    plain = names.alarm(window=windows, **options)
    words = (
        "A code adds information only if it warns better than posts that mention the place by name."
    )
    compared = scored.compare(plain, **options)
    display(finding_block(compared.sentence("coded posts", "posts with the name"), more=words))

# %% [markdown]
# ## Outcomes of signals
#
# An event that was claimed and later retracted counts apart: it is neither an event nor the lack
# of one.

# %%
outcomes_section(cumulative_incidence(analysis.links, data.events))

# %% [markdown]
# ## From posts to signals
#
# How many posts and signals each step leaves, and how many it leaves out.

# %%
table(
    ["Question", "Step", "n", "Left out"],
    [
        [row.question, row.step, f"{row.n:,}", f"{row.left_out:,}"]
        for row in analysis.counts(window=windows[-1]).itertuples()
    ],
    "",
)

# %%
rows_file(analysis)

# %%
WhatChanged(analysis)
