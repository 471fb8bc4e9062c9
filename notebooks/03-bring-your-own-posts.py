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
# # Analyse your own posts
#
# After this notebook you can read an export of your own, map the columns of a table, inspect the
# records that could not be read, keep the posts in a store, and create a study from them. It runs
# in about fifteen seconds.
#
# The files here are created by the notebook, so that it runs anywhere. Replace them by the paths of
# your own files.

# %%
import json
from pathlib import Path
from tempfile import mkdtemp


from foxgrape import Store, ingest, new_study, open_study, read_posts, show
from foxgrape._util.files import study_folder

folder = Path(mkdtemp())

# %% [markdown]
# ## A Telegram export
#
# In Telegram Desktop choose ⋮ → *Export chat history* → *Machine-readable JSON*. It writes a
# `result.json`. The small one below has a damaged third message.

# %%
messages = [
    {"id": 1, "type": "message", "date": "2022-09-10T15:16:40", "date_unixtime": "1662812200",
     "from": "My channel", "text": "Good evening, we are from Ukraine"},
    {"id": 2, "type": "message", "date": "2022-09-10T18:02:11", "date_unixtime": "1662822131",
     "from": "My channel", "text": ["Under ", {"type": "bold", "text": "Izium"}, " 🍇"]},
    {"id": 3, "type": "message", "date_unixtime": "yesterday",
     "from": "My channel", "text": "🦊"},
]  # fmt: skip
export = folder / "result.json"
chat = {"name": "My channel", "type": "public_channel", "id": 42, "messages": messages}
export.write_text(json.dumps(chat, ensure_ascii=False), encoding="utf-8")

options = {"account": "my_channel", "on_error": "quarantine"}
posts, report = read_posts(export, with_report=True, **options)
posts[["post_id", "account", "posted_at", "text"]]

# %% [markdown]
# Records that could not be read are kept in the quarantine, with their number and the reason.
# Without `on_error="quarantine"`, the first bad record raises an error that names file, record and
# field.

# %%
report.quarantine_frame()

# %% [markdown]
# ## A table with its own column names
#
# Common column names are recognized; the mapping is in `report.mapping`. Times without an offset
# need a time zone.

# %%
table = folder / "dump.csv"
table.write_text(
    "id,when,who,what_was_said\n"
    "7,2022-11-10T08:20,river_news,a bullfinch\n"
    "8,2022-11-11,river_news,🍉\n",
    encoding="utf-8",
)
more = read_posts(
    table,
    timezone="Europe/Kyiv",
    columns={"text": "what_was_said", "posted_at": "when", "account": "who"},
)
more[["post_id", "posted_at", "posted_until", "text"]]

# %% [markdown]
# A time to the minute became an interval of one minute, and a date the whole day in Kyiv. `show`
# displays times with their precision, in a time zone of your choice; in JupyterLab, with paging and
# filters:

# %%
show(more, timezone="Europe/Kyiv")

# %% [markdown]
# ## A store, for data that keep arriving

# %%
store = Store(folder / "store")
for _ in range(2):  # the same file again changes nothing
    print(ingest("posts", export, store, account="my_channel").sentence())

# %% [markdown]
# ## A study, for one question
#
# A study combines posts and events. The events here are those of the embedded study.

# %%
events = study_folder("izium-2022") / "events.csv"
new_study(folder / "mine", posts=[export], events=[events], account="my_channel")

# %%
mine = open_study(folder / "mine").analyse()
for line in mine.findings():
    print(line)

# %% [markdown]
# This 🍇 was posted on 10 September, a day before Kyiv's confirmation. Moscow's statement is known
# only
# to be from the same day, so the order of the post and the first confirmation is unknown.
#
# ## Exercises
#
# 1. Read an export of your own. What is in its quarantine?
# 2. Change a text in `result.json` and ingest it again. What does `store.versions("posts")` show?
# 3. Build a report: `foxgrape report build lead_times --study FOLDER`.
