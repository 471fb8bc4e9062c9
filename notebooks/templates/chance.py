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
clock = None  # confirmed or occurred; None for the one that the events have
history = "30D"
surrogates = 9999
seed = 1
observed_until = None  # an instant with an offset; None for the study's

# %%
import plotly.io as pio

from foxgrape import alarm, hazard, open_study
from foxgrape.stats.survival.competing_risks import cumulative_incidence
from foxgrape.display.html import Headline, finding_block, section, table
from foxgrape.display.report_tables import alarms_table, groups_table, nulls_table, windows_table
from foxgrape.stats.coincidence.surrogates import NULLS
from foxgrape.stats.verdict import Verdict

pio.renderers.default = "plotly_mimetype"  # store figures as data; the page draws them
data = open_study(study).with_observation(observed_until=observed_until)
codes = data.analyse(clock=clock)
options = {"n": surrogates, "rng": seed, "observed": data.observed}
result = codes.coincidence(window=windows, null=null, by=by, **options)
risk = hazard(
    codes.signals,
    codes.events,
    window=windows[-1],
    history=history,
    clock=codes.clock,
    observed=data.observed,
)
coded = alarm(codes.signals, codes.events, window=windows, clock=codes.clock, **options)
section(data.title, "Are its hints more than chance?", level=1)

# %%
Headline(Verdict(result, risk, coded).sentence())

# %%
finding_block("Caveats", [*result.warnings, data.caution])

# %% [markdown]
# ## Coincidence
#
# The number of signals that were followed by an event at their place, compared with surrogates in
# which posts exchange places as far as the null model allows. Signals *after* an event count as
# echo: announcement and comment.

# %%
finding_block(result.sentence())

# %%
result.figure()

# %%
windows_table(result)

# %%
groups_table(result)

# %% [markdown]
# ## Does the answer depend on the null model?
#
# A null model that does not preserve what posts and events share claims leads that do not exist.
# Where the null models disagree, a shared tempo or front explains the difference; only `local`
# preserves both.

# %%
nulls_table([codes.coincidence(window=windows, null=name, **options) for name in NULLS])

# %% [markdown]
# ## Hazard
#
# The odds of an event at a place after a signal for it, adjusted for public knowledge: base rates,
# recent events and mentions, and the position of the front.

# %%
finding_block(risk.sentence(), risk.warnings)

# %%
risk.figure()

# %% [markdown]
# ## Alarms
#
# Each signal as an alarm for its place: the longer the alarm, the fewer events are missed and the
# more of space and time is alarmed. The diagonal is the expectation for random alarms.

# %%
finding_block(coded.sentence(), coded.warnings)

# %%
coded.figure()

# %%
alarms_table(coded)

# %% [markdown]
# A code adds information only if it warns better than posts that mention the place by name. Below,
# coded posts come first, posts with the name second.

# %%
names = data.analyse(clock=codes.clock, signals="mentions")
plain = alarm(names.signals, codes.events, window=windows, clock=codes.clock, **options)
finding_block(coded.compare(plain, n=surrogates, rng=seed).sentence())

# %% [markdown]
# ## Outcomes of signals
#
# An event that was claimed and later retracted is a competing outcome: neither the event nor
# censoring.

# %%
outcomes = cumulative_incidence(codes.links, data.events)
finding_block(outcomes.sentence())

# %%
outcomes.figure()

# %% [markdown]
# ## From posts to signals
#
# How many posts and signals each step leaves, and how many it leaves out.

# %%
table(
    ["Question", "Step", "n", "Left out"],
    codes.counts(window=windows[-1]).astype(str).to_numpy().tolist(),
    "",
)
