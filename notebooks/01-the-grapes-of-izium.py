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
# # A first coded post: 🍇 and Izium
#
# After this notebook you can link one coded post to its event, and state what the recorded times
# prove and what they leave open. It runs in about ten seconds.
#
# On 10 September 2022 the head of Ukraine's presidential office posted 🍇. *Izium* means raisins,
# and Ukrainian troops were retaking Izium. How long before the confirmation was the post?

# %%
import foxgrape
from foxgrape.display.report_tables import sides_table, signals_table

study = foxgrape.open_study()  # the embedded study; give the folder of your own
coded = study.posts[study.posts["text"].isin(["🍇", "🦊"])]
coded[["account", "posted_at", "posted_until", "text"]]

# %% [markdown]
# No source gives the time of day. The post is known to have been on 10 September in Kyiv local
# time, so its time is an interval: from 21:00 UTC on the 9th to 21:00 UTC on the 10th. foxgrape
# keeps both ends of every time, and `show` displays them in a time zone of your choice.

# %%
foxgrape.show(
    coded[["account", "posted_at", "posted_until", "text", "source_title", "source_url"]],
    timezone=study.timezone,
)

# %% [markdown]
# ## Look up the code
#
# A dictionary of emoji gives *grape*, and the place named after grapes is Vynohradiv. The codebook
# gives the meaning with its evidence, and the date on which the reading was first published.

# %%
grapes = foxgrape.lookup("🍇")[0]
print(grapes.place.name, "|", grapes.code.meaning, "| decoded", grapes.code.decoded_at)
print(grapes.code.source_title)

# %% [markdown]
# ## Two clocks: occurred and confirmed
#
# An event has the time at which it *occurred* and the times at which each side *confirmed* it.
# Moscow's statement came on the 10th, Kyiv's on the 11th.

# %%
izium = study.events[study.events["event_id"] == "izium-2022-09"]
times = ["occurred_at", "occurred_until", "confirmed_at", "confirmed_until", "confirmed_by"]
foxgrape.show(izium[["place", *times, "source", "url"]], timezone=study.timezone)

# %%
confirmations = study.confirmations
confirmations = confirmations[confirmations["event_id"] == "izium-2022-09"]
foxgrape.show(
    confirmations[["confirmed_by", "confirmed_at", "confirmed_until", "source", "url"]],
    timezone=study.timezone,
)

# %% [markdown]
# ## The lead time

# %%
kyiv = study.analyse(confirmed_by="UA")
row = kyiv.table().set_index("code").loc["🍇"]
print(row["relation"], "| from", row["lead_min"], "to", row["lead_max"])

# %% [markdown]
# *precedes* means: for every possible time of the post and every possible time of Kyiv's
# confirmation, the post came first. The lead is an interval as well. Against Moscow's statement of
# the same day, the order is unknown:

# %%
sides_table(study.analyse())

# %% [markdown]
# ## A right-censored signal: 🦊
#
# The same author posted 🦊 for Lysychansk, which was not retaken. The signal is kept, because
# signals
# without an event show how often hints are wrong. It is *right-censored*: no event followed while
# it
# was observed, that is, until its horizon ended.

# %%
signals_table(kyiv)

# %%
kyiv.figure()

# %% [markdown]
# 🍉 for Kherson is *hindsight*: the press decoded it only after the event was confirmed. It is
# shown and excluded from the estimates.
#
# ## Test against chance

# %%
print(study.analyse().coincidence(window="7D").sentence())

# %% [markdown]
# ## Exercises
#
# 1. Measure leads to when events *occurred*: `study.analyse(clock="occurred")`. What changes?
# 2. Set a longer horizon: `horizon="120D"`. Is there an event for the fox?
# 3. Detect posts that name a place openly, `signals="mentions"`. Are they earlier?
