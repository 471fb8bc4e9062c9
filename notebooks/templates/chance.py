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
from foxgrape.display.html import Headline, finding_block, table
from foxgrape.display.report_tables import (
    alarms_table,
    groups_table,
    key_figures,
    nulls_table,
    windows_table,
)
from foxgrape.display.sections import NoResult, result_or_reason, result_section
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
first, _, more = verdict.sentence().partition(". ")
reason = "" if len(analysis.signals) else analysis.why_no_signals()
Headline(f"{first.rstrip('.')}.", more=f"{more} {reason}".strip())

# %%
key_figures(analysis, verdict.claim)

# %%
if data.caution:
    display(finding_block("Caution", [data.caution]))

# %% [markdown]
# ## Coincidence
#
# The number of signals that were followed by an event at their place, compared with surrogates in
# which posts exchange places as far as the null model allows. Signals *after* an event count as
# echo: announcement and comment.

# %%
result_section(result, windows_table, groups_table)

# %% [markdown]
# ## Does the answer depend on the null model?
#
# A null model that does not preserve what posts and events share claims leads that do not exist.
# Where the null models disagree, a shared tempo or front explains the difference; only `local`
# preserves both.

# %%
others = options | {"n": min(options["n"], 999)} if many else options
nulls_table(
    [
        result if name == null else analysis.coincidence(window=windows, null=name, **others)
        for name in NULLS
    ]
)

# %% [markdown]
# ## Hazard
#
# The odds of an event at a place after a signal for it, adjusted for public knowledge: base rates,
# recent events and mentions, and the position of the front.

# %%
result_section(risk)

# %% [markdown]
# ## Alarms
#
# Each signal as an alarm for its place: the longer the alarm, the fewer events are missed and the
# more of space and time is alarmed. The diagonal is the expectation for random alarms.

# %%
result_section(scored, alarms_table)

# %%
if analysis.read == "codes" and len(analysis.signals) and not isinstance(scored, NoResult):
    names = data.analyse(clock=analysis.clock, signals="mentions")
    plain = names.alarm(window=windows, **options)
    words = (
        "A code adds information only if it warns better than posts that mention the place by "
        "name. Coded posts come first, posts with the name second. "
    )
    display(finding_block(words + scored.compare(plain, **options).sentence()))

# %% [markdown]
# ## Outcomes of signals
#
# An event that was claimed and later retracted is a competing outcome: neither the event nor
# censoring.

# %%
result_section(cumulative_incidence(analysis.links, data.events))

# %% [markdown]
# ## From posts to signals
#
# How many posts and signals each step leaves, and how many it leaves out.

# %%
table(
    ["Question", "Step", "n", "Left out"],
    analysis.counts(window=windows[-1]).astype(str).to_numpy().tolist(),
    "",
)

# %%
WhatChanged(analysis)
