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
clock = None  # confirmed or occurred; None for the one that the events have
confirmed_by = None
signals = "codes"  # or mentions, or both
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

pio.renderers.default = "plotly_mimetype"  # store figures as data; the page draws them
data = open_study(study)
options = {"horizon": horizon, "clock": clock, "confirmed_by": confirmed_by}
analysis = data.analyse(**options, signals=signals)
title(data)

# %%
headline(analysis)

# %% [markdown]
# ## Signals and their events
#
# Each row is one post that contained a code for a place, or its name. The wider the bar, the less
# exactly the time is known.

# %%
timeline(analysis)

# %%
signals_table(analysis)

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
if baseline and signals == "codes":
    named = data.analyse(**options, signals="mentions")
    display(
        section(
            "Baseline: posts that mention the place by name", compare_with_baseline(analysis, named)
        )
    )
    timeline(named).show()
    display(signals_table(named))

# %% [markdown]
# ## Methods and data

# %%
methods(analysis)
