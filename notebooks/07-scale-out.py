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
# # Scale out
#
# After this notebook you can detect codes in more posts than memory holds, go on where a call was
# stopped, and let a cluster do the same work. It runs in about thirty seconds.
#
# Posts are a folder of Parquet files, or a [store](../docs/store.md). Here they are made: two
# accounts, a third of a million posts, of which few are coded.

# %%
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
from distributed import LocalCluster

from foxgrape import detect, detect_all, show

folder = Path(mkdtemp())
source = folder / "posts"
source.mkdir()

TEXTS = ["Good morning!", "Доброго ранку! 🔥", "Новини о 18:00", "🍇", "Stay safe 🙏", "🦊?"]
rng = np.random.default_rng(1)
for number in range(3):
    rows = np.arange(number * 110_000, (number + 1) * 110_000)
    drawn = rng.choice(len(TEXTS), size=len(rows), p=[0.4, 0.3, 0.197, 0.002, 0.1, 0.001])
    posts = pd.DataFrame(
        {
            "post_id": pd.Series(rows).astype("str"),
            "account": np.where(rows % 2, "one", "two"),
            "posted_at": pd.Timestamp("2022-01-01", tz="UTC") + pd.to_timedelta(rows, unit="min"),
            "text": pd.Series(TEXTS, dtype="str").take(drawn).to_numpy(),
        }
    )
    posts.to_parquet(source / f"{number}.parquet", row_group_size=10_000)

# %% [markdown]
# ## Here, part by part
#
# Never more than `batch` posts are in memory. The signals are those of one call of `detect`, row
# for row: the surprisal too, which needs the whole past of an account.

# %%
told = detect_all(source, folder / "here", batch=50_000)
print(told.sentence())

# %%
signals = pd.read_parquet(told.signals_file)
show(signals[["account", "posted_at", "posted_until", "code", "place", "surprisal"]])

# %%
whole = pd.concat([pd.read_parquet(file) for file in sorted(source.iterdir())])
signals.equals(detect(whole))

# %% [markdown]
# ## Stopped, and gone on with
#
# What is done lies in the folder until all is. Here somebody presses Ctrl-C halfway.


# %%
def stop_halfway(done: int, parts: int) -> None:
    """Stand in for a hand on the keyboard."""
    if done == parts // 2:
        raise KeyboardInterrupt


try:
    detect_all(source, folder / "stopped", batch=50_000, progress=stop_halfway)
except KeyboardInterrupt:
    print("stopped")
again = detect_all(source, folder / "stopped", batch=50_000)
print(again.sentence())
pd.read_parquet(again.signals_file).equals(signals)

# %% [markdown]
# ## On a cluster
#
# The same call with the address of a Dask scheduler. Here the cluster is two processes on this
# machine; elsewhere it is whatever `dask scheduler` and `dask worker` were started on, with the
# same version of foxgrape and the files under the same path.

# %%
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    apart = detect_all(source, folder / "there", batch=50_000, scheduler=cluster.scheduler_address)
print(apart.sentence())
pd.read_parquet(apart.signals_file).equals(signals)

# %% [markdown]
# On one machine a cluster gains little, and for few posts it is done later than one process:
# [More posts than memory](../docs/scale.md) has measured from when on one is worth it.
#
# ## Exercises
#
# 1. Find names of places too, with `mentions=True`. How much longer does it take?
# 2. Add a fourth file, and call `detect_all` into the same folder again. What happens, and why?
# 3. Kill a worker in the middle: `cluster.workers[0].kill()` from `progress`. Are the signals the
#    same?
