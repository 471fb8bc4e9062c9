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
windows = ["1D", "3D", "7D", "14D"]
null = "local"
by = "code"
clock = "confirmed"
history = "30D"
surrogates = 9999
seed = 1

# %%
import plotly.io as pio

from foxgrape import alarm, hazard, open_study
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.display.html import Headline, finding_block, section
from foxgrape.display.report_tables import alarms_table, groups_table, nulls_table, windows_table
from foxgrape.stats.coincidence.surrogates import NULLS

pio.renderers.default = "plotly_mimetype"  # figures as data: the page draws them itself
data = open_study(study)
codes = data.analyse(clock=clock)
drawn = {"n": surrogates, "rng": seed, "observed": data.observed}
found = codes.coincidence(window=windows, null=null, by=by, **drawn)
section(data.title, "Are its hints more than chance?", level=1)

# %%
Headline(found.sentence())

# %%
finding_block("What to beware of", [*found.warnings, data.caution])

# %% [markdown]
# ## Coincidence
#
# How many signals were followed by an event at their place, and how many would have been if posts
# knew nothing: in surrogates, posts have exchanged what they say as far as the null model lets
# them. Signals *after* their event count as echo, which is announcement and comment.

# %%
found.figure()

# %%
windows_table(found)

# %%
groups_table(found)

# %% [markdown]
# ## The same, on what nulls?
#
# A null model that does not hold what posts and events share claims a lead where there is none.
# Where the nulls disagree, tempo or front make the difference, and only `local` holds both.

# %%
nulls_table([codes.coincidence(window=windows, null=name, **drawn) for name in NULLS])

# %% [markdown]
# ## Hazard
#
# How many times likelier an event was at a place to which a signal had pointed, beyond what
# everyone knew: base rates, recent events and mentions, and where the front was.

# %%
risk = hazard(
    codes.signals,
    codes.events,
    window=windows[-1],
    history=history,
    clock=clock,
    observed=data.observed,
)
finding_block(risk.sentence(), risk.warnings)

# %%
risk.figure()

# %% [markdown]
# ## Alarms
#
# Each signal read as an alarm for its place: the longer it stands, the fewer events are missed and
# the more of space and time is alarmed. The diagonal is what alarms at random would do.

# %%
coded = alarm(codes.signals, codes.events, window=windows, clock=clock, **drawn)
finding_block(coded.sentence(), coded.warnings)

# %%
coded.figure()

# %%
alarms_table(coded)

# %% [markdown]
# A code is worth something only if it warns better than posts that say the name. Below, the first
# are coded posts, the second posts that call the place by its name.

# %%
names = data.analyse(clock=clock, signals="mentions")
plain = alarm(names.signals, codes.events, window=windows, clock=clock, **drawn)
finding_block(coded.compare(plain, n=surrogates, rng=seed).sentence())

# %% [markdown]
# ## What became of signals
#
# An event that was claimed and then retracted is neither the event foretold nor none.

# %%
outcomes = cumulative_incidence(codes.links, data.events)
finding_block(outcomes.sentence())

# %%
outcomes.figure()
