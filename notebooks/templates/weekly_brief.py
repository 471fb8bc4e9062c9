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
until = "2022-09-12"
days = 7
horizon = "30D"
clock = "confirmed"
signals = "codes"
codebook = None
kinds = []
timezone = "Europe/Kyiv"

# %%
import plotly.io as pio
from IPython.display import display

from foxgrape.studies.period_brief import period_brief
from foxgrape.plots.signals import timeline
from foxgrape.display.html import Headline, section, table
from foxgrape.display.report_tables import signals_table
from foxgrape.studies.from_store import open_study_or_store

pio.renderers.default = "plotly_mimetype"  # figures as data: the page draws them itself
data = open_study_or_store(
    study, store, versions=versions, codebook=codebook, kinds=kinds, timezone=timezone
)
found = period_brief(data, until=until, days=days, horizon=horizon, clock=clock, signals=signals)
section(data.title, f"Brief of {found.describe_days()}, days in {data.timezone}.", level=1)

# %%
Headline(found.sentence())

# %% [markdown]
# Only what was certain when the period ended stands here: a post once it was certainly posted, an
# event once it was certainly confirmed. What became known later changes nothing in this brief.

# %%
counts = found.counts.astype(str)
table(["What", "This period", "The one before"], counts.to_numpy().tolist(), "")

# %%
found.figure()

# %% [markdown]
# ## New signals

# %%
signals_table(found.analysis, found.new)

# %% [markdown]
# ## Leads confirmed
#
# Signals whose event was confirmed in this period, whenever they were posted. A lead counts only
# where the post certainly came first, and its code was not decoded only afterwards.

# %%
if len(found.confirmed):
    timeline(found.analysis.subset(found.confirmed["signal_id"])).show()
display(signals_table(found.analysis, found.confirmed))

# %% [markdown]
# ## Still open
#
# Signals without an event so far: right-censored, not failed. They stay in every estimate for as
# long as they were watched.

# %%
signals_table(found.analysis, found.waiting)

# %% [markdown]
# ## Overdue
#
# Signals whose horizon ran out in this period without an event.

# %%
signals_table(found.analysis, found.overdue)
