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
horizon = "30D"
clock = "confirmed"
confirmed_by = None
baseline = True

# %%
import plotly.io as pio
from IPython.display import display

from foxgrape import open_study
from foxgrape.plots.signals import place_map, survival, timeline
from foxgrape.display.html import section
from foxgrape.display.report_tables import (
    compare_with_baseline,
    headline,
    methods,
    sides_table,
    signals_table,
    title,
)

pio.renderers.default = "plotly_mimetype"  # figures as data: the page draws them itself
data = open_study(study)
options = {"horizon": horizon, "clock": clock, "confirmed_by": confirmed_by}
analysis = data.analyse(**options)
title(data)

# %%
headline(analysis)

# %% [markdown]
# ## Signals and their events
#
# Each row is one post that carried a code for a place. Bars are as wide as the time is rough.

# %%
timeline(analysis)

# %%
signals_table(analysis)

# %% [markdown]
# ## Whose confirmation?
#
# The same signals against each side's own confirmation. A lead that is there for one side only
# says how fast that side was.

# %%
sides_table(analysis)

# %% [markdown]
# ## How long signals wait
#
# The curve falls when a signal's event is confirmed. Signals without an event stay in for as long
# as they were watched: leaving them out would make hints look quicker and surer than they were.

# %%
survival(analysis.lead_times)

# %% [markdown]
# ## Where

# %%
place_map(analysis)

# %%
if baseline:
    named = data.analyse(**options, signals="mentions")
    display(
        section("Baseline: the place called by its name", compare_with_baseline(analysis, named))
    )
    timeline(named).show()
    display(signals_table(named))

# %% [markdown]
# ## Methods and data

# %%
methods(analysis)
