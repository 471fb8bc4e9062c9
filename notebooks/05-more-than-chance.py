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

# %% [markdown]
# # More than chance?
#
# After this notebook you know a test that lies, one that does not, and why a p-value of 0.001 from
# the first is no evidence. It runs in about twenty seconds.
#
# Posts and events share a war. Both swell in an offensive, and both follow the front over the map.
# So posts name places where something will happen soon, whether or not their authors know it.

# %%
import pandas as pd

from foxgrape import coincidence
from foxgrape.stats import simulate
from foxgrape.stats.coincidence.surrogates import NULLS

pd.options.display.max_colwidth = 400

# %% [markdown]
# ## A world without any foresight
#
# 60 posts and 120 events follow a front that wanders quickly. Nothing is planted.

# %%
world = simulate.world(tempo="bursts", front=6.0, rng=1)
found = {
    null: coincidence(
        world.signals, world.events, window="7D", null=null, n=999, rng=1, observed=world.observed
    )
    for null in NULLS
}
pd.DataFrame(
    {
        "null": null,
        "p": result.p_trigger,
        "signals followed": f"{result.trigger_rate:.0%}",
        "warnings": " ".join(result.warnings),
    }
    for null, result in found.items()
)

# %% [markdown]
# The first three, which are what is usually offered, hold how many posts and events there are, and
# not that they swell together. They claim foresight, and there is none. `place` holds the times and
# not the front. The warnings say so, because tempo and front can be measured.

# %%
found["shuffle"].figure()

# %%
found["local"].figure()

# %% [markdown]
# ## How often do they lie?
#
# One world is an anecdote. Here are thirty, without foresight; a test of 5% claims a lead in one or
# two of them, and by bad luck in three or four. The full study, of 2,000 worlds a family, is in
# `docs/explanation/null-models.md`.

# %%
LEVEL = 0.05
claims = dict.fromkeys(NULLS, 0)
for seed in range(30):
    one = simulate.world(tempo="bursts", front=6.0, rng=seed)
    for null in NULLS:
        test = coincidence(
            one.signals, one.events, window="7D", null=null, n=199, rng=seed, observed=one.observed
        )
        claims[null] += test.p_trigger <= LEVEL
pd.Series(claims, name="worlds of 30 in which it claims a lead")

# %% [markdown]
# ## And where there is foresight?
#
# The same, with an event planted behind 40% of 120 posts.

# %%
world = simulate.world(signals=120, tempo="bursts", front=6.0, leads=0.4, rng=5)
result = coincidence(world.signals, world.events, window="7D", rng=1, observed=world.observed)
print(result.sentence())

# %% [markdown]
# ## Choosing the best window
#
# Whoever tries ten windows and tells the best has tried ten times. The statistic of a scan is the
# best of all windows, in the surrogates too, so the choice is paid for.

# %%
world = simulate.world(rng=8)
scan = coincidence(
    world.signals, world.events, window=[f"{days}D" for days in range(1, 11)], rng=1,
    observed=world.observed,
)  # fmt: skip
print(
    f"least p of ten windows {scan.windows['p_trigger'].min():.3f}, paid for {scan.p_trigger:.3f}"
)

# %% [markdown]
# ## Exercises
#
# 1. Make a world with a tempo and no front (`tempo="bursts"`, `front=0`). Which nulls hold now?
# 2. Plant leads behind 15% of 60 posts, thirty times. In how many worlds does `local` find them?
# 3. `foxgrape test --power` says how many signals you would need. What does it say of your study?
