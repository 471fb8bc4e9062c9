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
# # Detect signals in more posts than memory
#
# After this notebook you can detect signals in more posts than fit into memory, run the same
# detection on a cluster, and resume it after an interruption. It runs in about twenty seconds.
#
# The posts here are copies of those of the embedded study, written to a folder of Parquet files
# with
# the columns of the posts table. Replace it by a folder or a store of your own.

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
# ## On one machine
#
# One partition of the posts is in memory at a time (`batch`). The signals are written to
# `signals.parquet`.

# %%
here = detect_all(source, folder / "here", batch=3000)
print(f"{here.signals:,} signals in {here.posts:,} posts, in {here.parts} parts")

# %%
signals = pd.read_parquet(folder / "here" / "signals.parquet")
show(signals.head(50), timezone="Europe/Kyiv")

# %% [markdown]
# The signals equal those of one call of `detect` over all posts, row for row.

# %%
all_posts = pd.concat(map(pd.read_parquet, sorted(source.iterdir())), ignore_index=True)
pd.testing.assert_frame_equal(signals, detect(all_posts), check_dtype=False)

# %% [markdown]
# ## On a cluster
#
# Two processes on this computer act as two machines. For a real cluster, pass the address that
# `dask scheduler` prints; its workers must see the files under the same path.

# %%
with LocalCluster(
    n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
) as cluster:
    there = detect_all(source, folder / "there", batch=3000, scheduler=cluster.scheduler_address)
print(f"{there.signals:,} signals in {there.posts:,} posts, in {there.parts} parts")

# %%
pd.testing.assert_frame_equal(signals, pd.read_parquet(folder / "there" / "signals.parquet"))

# %% [markdown]
# The rows and their order are the same. *More posts than memory* in the documentation
# (`docs/explanation/scale.md`) measures when a cluster is faster. For as few posts as here, its
# startup
# takes longer than the detection.
#
# ## Resume after an interruption
#
# Finished partitions are kept in `parts` until all are done. Here the call is interrupted after
# half of them. Repeating the same call processes only the missing ones.


# %%
def stop_early(done: int, of: int) -> None:
    """Interrupt when half of the partitions are done."""
    if 2 * done >= of:
        raise KeyboardInterrupt


try:
    detect_all(source, folder / "stopped", batch=3000, progress=stop_early)
except KeyboardInterrupt:
    print(sorted(path.name for path in (folder / "stopped" / "parts").iterdir()))

# %%
again = detect_all(source, folder / "stopped", batch=3000)
print(f"{again.resumed} of {again.parts} partitions were done before")
pd.testing.assert_frame_equal(signals, pd.read_parquet(folder / "stopped" / "signals.parquet"))

# %% [markdown]
# ## Exercises
#
# 1. Interrupt a call, change a file in `posts`, and repeat the call. What is the error, and why is
#    it right?
# 2. Detect place names too: `mentions=True`. How much longer does it take on one machine and on the
#    cluster?
# 3. Put the posts into a store (`Store(folder / "store").upsert("posts", all_posts)`) and detect in
#    it.
