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
# After this notebook you can detect signals in more posts than fit into memory, have a cluster do
# it with the same result, and go on after a stop. It runs in about twenty seconds.
#
# The posts here are made on the spot: those of the embedded study, many times over, as a folder of
# Parquet files in the columns of the posts table. Put a folder or a store of your own in its place.

# %%
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd
from distributed import LocalCluster

from foxgrape import detect, detect_all, open_study, show

folder = Path(mkdtemp())
posts = open_study().posts
source = folder / "posts"
source.mkdir()
for number in range(4):
    copies = [
        posts.assign(post_id=posts["post_id"] + f"/{number}/{copy}", account=f"account {copy}")
        for copy in range(50)
    ]
    pd.concat(copies).to_parquet(source / f"{number}.parquet", index=False)

# %% [markdown]
# ## Here
#
# A part of the posts is held at once (`batch`), and never all. What is found is written to
# `signals.parquet`.

# %%
here = detect_all(source, folder / "here", batch=3000)
print(f"{here.signals:,} signals in {here.posts:,} posts, in {here.parts} parts")

# %%
signals = pd.read_parquet(folder / "here" / "signals.parquet")
show(signals.head(50), timezone="Europe/Kyiv")

# %% [markdown]
# They are the signals of one call of `detect` over all posts, row for row.

# %%
whole = pd.concat(map(pd.read_parquet, sorted(source.iterdir())), ignore_index=True)
pd.testing.assert_frame_equal(signals, detect(whole), check_dtype=False)

# %% [markdown]
# ## On a cluster
#
# Two processes of this computer stand for two machines. Of a real cluster, give the address that
# `dask scheduler` says; its workers must see the files under the same path.

# %%
with LocalCluster(
    n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
) as cluster:
    there = detect_all(source, folder / "there", batch=3000, scheduler=cluster.scheduler_address)
print(f"{there.signals:,} signals in {there.posts:,} posts, in {there.parts} parts")

# %%
pd.testing.assert_frame_equal(signals, pd.read_parquet(folder / "there" / "signals.parquet"))

# %% [markdown]
# The same rows in the same order. When a cluster is worth its trouble was measured: see *More posts
# than memory* in the documentation (`docs/explanation/scale.md`). Posts as few as these are done before it has
# been set up.
#
# ## Stopped, and gone on with
#
# Parts that are done lie in `parts` until all are. Here the call is stopped at half of them, as
# by a key or by the end of a night's window; the same call again does only what is missing.


# %%
def stop_early(done: int, of: int) -> None:
    """Stop when half of the parts are done."""
    if 2 * done >= of:
        raise KeyboardInterrupt


try:
    detect_all(source, folder / "stopped", batch=3000, progress=stop_early)
except KeyboardInterrupt:
    print(sorted(path.name for path in (folder / "stopped" / "parts").iterdir()))

# %%
again = detect_all(source, folder / "stopped", batch=3000)
print(f"{again.resumed} of {again.parts} parts had been done before")
pd.testing.assert_frame_equal(signals, pd.read_parquet(folder / "stopped" / "signals.parquet"))

# %% [markdown]
# ## Exercises
#
# 1. Stop a call, change a file in `posts`, and call again. What is said, and why is it right?
# 2. Find names too: `mentions=True`. How much longer does it take here, and on the cluster?
# 3. Put the posts into a store (`Store(folder / "store").upsert("posts", whole)`) and detect in it.
