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
# # Bring your own posts
#
# After this notebook you can read an export of your own, tell foxgrape what the columns of a table
# mean, see what could not be read and why, keep it all in a store, and make a study of it. It runs
# in about fifteen seconds.
#
# The files here are made on the spot, so that the notebook runs anywhere. Put the path of your own
# in their place.

# %%
import json
from pathlib import Path
from tempfile import mkdtemp

from foxgrape import Store, ingest, new_study, open_study, read_posts, show
from foxgrape._util.resources import study_folder

folder = Path(mkdtemp())

# %% [markdown]
# ## A Telegram export
#
# In Telegram Desktop: ⋮ → *Export chat history* → *Machine-readable JSON*. It writes a
# `result.json`; this is a small one, and its third message is damaged.

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
# Nothing is lost: what could not be read is kept beside, with its number and the reason. Without
# `on_error="quarantine"` the first bad record is an error that names file, record and field.

# %%
report.quarantine_frame()

# %% [markdown]
# ## A table with columns of its own
#
# Usual names are understood; `with_report=True` reports the mapping. Times without an
# offset need a zone.

# %%
table = folder / "dump.csv"
table.write_text(
    "id,when,who,what_was_said\n"
    "7,2022-11-10T08:20,Somebody,a bullfinch\n"
    "8,2022-11-11,Somebody,🍉\n",
    encoding="utf-8",
)
more = read_posts(
    table,
    timezone="Europe/Kyiv",
    columns={"text": "what_was_said", "posted_at": "when", "account": "who"},
)
more[["post_id", "posted_at", "posted_until", "text"]]

# %% [markdown]
# A minute became an interval of a minute, a day that of a day as lived in Kyiv. A reader is shown
# times as exactly as they are known, in a zone of their own; in the lab, paged and filtered:

# %%
show(more, timezone="Europe/Kyiv")

# %% [markdown]
# ## A store: for what comes in every day

# %%
store = Store(folder / "store")
for _ in range(2):  # the same file again changes nothing
    print(ingest("posts", export, store, account="my_channel").sentence())

# %% [markdown]
# ## A study: for one question
#
# Posts and events together. The events here are those of the embedded study.

# %%
events = study_folder("izium-2022") / "events.csv"
made = new_study(folder / "mine", posts=[export], events=[events], account="my_channel")
made

# %%
mine = open_study(folder / "mine").analyse()
for line in mine.findings():
    print(line)

# %% [markdown]
# Your 🍇 came on the evening of 10 September, when Moscow had spoken and Kyiv had not. The order
# cannot be told, since Moscow's confirmation is known to the day only.
#
# ## Exercises
#
# 1. Read an export of your own. What does its quarantine contain?
# 2. Change a text in `result.json` and ingest it again. What does `store.versions("posts")` show?
# 3. Build a report of it: `foxgrape report build lead_times --study FOLDER`.
