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
# # The grapes of Izium
#
# After this notebook you can take one coded post, line it up with its event, and say what its
# times prove and what they do not. It runs in about ten seconds.
#
# On 10 September 2022 the head of Ukraine's presidential office posted 🍇. *Izium* means raisins,
# and Izium was being retaken. How long before it was confirmed was that?

# %%
import foxgrape
from foxgrape.display.report_tables import sides_table, signals_table

study = foxgrape.open_study()  # the embedded study; give the folder of your own
coded = study.posts[study.posts["text"].isin(["🍇", "🦊"])]
coded[["account", "posted_at", "posted_until", "text"]]

# %% [markdown]
# No source gives the hour. The post is "10 September, as lived in Kyiv", and a day is an interval:
# from 21:00 UTC of the 9th to 21:00 UTC of the 10th. foxgrape keeps both ends of everything, and
# `show` says them to a reader, in a zone.

# %%
foxgrape.show(
    coded[["account", "posted_at", "posted_until", "text", "source_title", "source_url"]],
    timezone=study.timezone,
)

# %% [markdown]
# ## What does the code stand for?
#
# A dictionary of emoji says *grape*, and a place of grapes is Vynohradiv. The codebook says what
# was meant, on what evidence, and since when that stood in public.

# %%
grapes = foxgrape.lookup("🍇")[0]
print(grapes.place.name, "|", grapes.code.meaning, "| decoded", grapes.code.decoded_at)
print(grapes.code.source_title)

# %% [markdown]
# ## The event has two clocks
#
# When it *occurred*, and when it was *confirmed*, by whom. Moscow spoke on the 10th, Kyiv on the
# 11th.

# %%
izium = study.events[study.events["event_id"] == "izium-2022-09"]
times = ["occurred_at", "occurred_until", "confirmed_at", "confirmed_until", "confirmed_by"]
foxgrape.show(izium[["place", *times, "source", "url"]], timezone=study.timezone)

# %%
said = study.confirmations
told = said[said["event_id"] == "izium-2022-09"]
foxgrape.show(
    told[["confirmed_by", "confirmed_at", "confirmed_until", "source", "url"]],
    timezone=study.timezone,
)

# %% [markdown]
# ## How long before?

# %%
kyiv = study.analyse(confirmed_by="UA")
row = kyiv.table().set_index("code").loc["🍇"]
print(row["relation"], "| from", row["lead_min"], "to", row["lead_max"])

# %% [markdown]
# *precedes*: for every hour at which the post can have come, and every hour at which Kyiv can have
# confirmed, the post came first. By how much is an interval as well. Against Moscow's word of the
# same day nothing can be told:

# %%
sides_table(study.analyse())

# %% [markdown]
# ## And the fox?
#
# He also posted 🦊, for Lysychansk, which was not retaken. It is not dropped: a hint without an
# event is evidence, and says how often hints are wrong. It is *right-censored*, watched for as long
# as the horizon.

# %%
signals_table(kyiv)

# %%
kyiv.figure()

# %% [markdown]
# 🍉 for Kherson is *hindsight*: the press read it only after the event was confirmed. It is shown,
# and does not count.
#
# ## What can be claimed?

# %%
print(study.analyse().coincidence(window="7D").sentence())

# %% [markdown]
# ## Exercises
#
# 1. Count leads to when events *occurred*: `study.analyse(clock="occurred")`. What changes?
# 2. Give signals a longer time: `horizon="120D"`. Does the fox find an event?
# 3. Read posts that call a place by its name, `signals="mentions"`. Are they earlier?
