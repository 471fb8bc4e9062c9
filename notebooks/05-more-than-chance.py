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
# # Test against chance
#
# After this notebook you can choose a null model, recognize one that is anti-conservative, and
# explain why p = 0.001 from a shuffle test is not evidence. It runs in about twenty seconds.
#
# Posts and events of one war share confounders: both become more frequent in an offensive, and both
# follow the front. Posts therefore name places where something will happen soon, whether or not
# their authors know about it.

# %%
import pandas as pd

from foxgrape import coincidence
from foxgrape.stats import simulate
from foxgrape.stats.coincidence.surrogates import NULLS

pd.options.display.max_colwidth = 400

# %% [markdown]
# ## A world without foresight
#
# 60 posts and 120 events follow a fast-moving front. No post has a planted event.

# %%
world = simulate.world(tempo="bursts", front=6.0, rng=1)
results = {
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
    for null, result in results.items()
)

# %% [markdown]
# The first three null models are the usual ones. They hold the number of posts and events fixed but
# not their common tempo, and claim a lead that does not exist. `place` holds the times but not the
# front. The warnings say so, because tempo and front can be measured.

# %%
results["shuffle"].figure()

# %%
results["local"].figure()

# %% [markdown]
# ## Error rates
#
# One world proves little. Here are thirty worlds without foresight. A test at the 5% level claims a
# lead in one or two of them on average, and sometimes in three or four. The full study, with 2,000
# worlds per family, is in `docs/explanation/null-models.md`.

# %%
LEVEL = 0.05
claims = dict.fromkeys(NULLS, 0)
for seed in range(30):
    world = simulate.world(tempo="bursts", front=6.0, rng=seed)
    for null in NULLS:
        test = coincidence(
            world.signals,
            world.events,
            window="7D",
            null=null,
            n=199,
            rng=seed,
            observed=world.observed,
        )
        claims[null] += test.p_trigger <= LEVEL
pd.Series(claims, name="worlds of 30 in which it claims a lead")

# %% [markdown]
# ## A world with foresight
#
# The same world, with an event planted after 40% of 120 posts.

# %%
world = simulate.world(signals=120, tempo="bursts", front=6.0, leads=0.4, rng=5)
result = coincidence(world.signals, world.events, window="7D", rng=1, observed=world.observed)
print(result.sentence())

# %% [markdown]
# ## Scan several windows
#
# Trying ten windows and reporting the best one is ten tests. The statistic of a scan is the maximum
# over all windows, in the surrogates too, so p is adjusted for the choice.

# %%
world = simulate.world(rng=8)
scan = coincidence(
    world.signals, world.events, window=[f"{days}D" for days in range(1, 11)], rng=1,
    observed=world.observed,
)  # fmt: skip
smallest = scan.windows["p_trigger"].min()
print(f"smallest p of ten windows {smallest:.3f}, adjusted {scan.p_trigger:.3f}")

# %% [markdown]
# ## Exercises
#
# 1. Simulate a world with a tempo and no front (`tempo="bursts"`, `front=0`). Which null models
#    hold now?
# 2. Plant leads after 15% of 60 posts, thirty times. In how many worlds does `local` detect them?
# 3. `foxgrape test --power` estimates how many signals you need. What is the result for your study?
