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
# # Look up and suggest places
#
# After this notebook you can find any settlement of Ukraine by any spelling, look up what a code
# stands for, extend the codebook by evidence of your own, and tell a suggestion from a finding. It
# runs in about ten seconds.

# %%
from datetime import date

import pandas as pd

from foxgrape.places import Code, Codebook, codes_for, find, lookup, suggest

pd.options.display.max_colwidth = 200

# %% [markdown]
# ## Names in any spelling
#
# Ukrainian or Russian, transliterated, inflected, with a preposition, misspelt. The score is 1 for
# an exact name, from 0.8 a match, and a guess below that.

# %%
names = ["Ізюм", "під Ізюмом", "Izyum", "Лисичанськом", "Siverskodonetsk", "Artemivsk"]
pd.DataFrame(
    {
        "asked": name,
        "found": match.place.name,
        "region": match.place.admin1,
        "score": round(match.score, 2),
        "how": match.how,
        "id": match.place.id,
    }
    for name in names
    for match in find(name, limit=1)
)

# %% [markdown]
# Many places share a name. Ask for more than one, and narrow by region.

# %%
pd.DataFrame(
    {"place": match.place.name, "region": match.place.admin1, "people": match.place.population}
    for match in find("Лиман", limit=6)
)

# %% [markdown]
# ## Codes, with evidence

# %%
for sign in ("🍇", "🦊", "🍉"):
    for match in lookup(sign):
        print(
            sign,
            match.place.name,
            f"({match.code.basis}, {match.code.confidence})",
            match.code.meaning,
        )

# %%
[code.code for code in codes_for("Izium")]

# %% [markdown]
# A code can hold only for a time, and `at=` asks for a day.

# %%
[match.place.name for match in lookup("🍇", at=date(2022, 9, 10))]

# %% [markdown]
# ## Codes of your own
#
# A row needs a place, a meaning and a source. What nobody has decoded in public yet has no
# `decoded_at`.

# %%
kupiansk = find("Kupiansk")[0].place
mine = Codebook(
    [
        Code(
            code="🛒",
            kind="emoji",
            place_id=kupiansk.id,
            meaning="to buy, kupyty",
            basis="proposed",
            decoded_at=None,
            valid_from=None,
            valid_until=None,
            confidence="C",
            source_title="my own note",
            source_url="",
        )
    ]
)
both = Codebook.default().extended(mine)
[match.place.name for match in lookup("🛒", codebook=both)]

# %% [markdown]
# ## Suggestions are not findings
#
# `suggest` ranks places that an unread emoji *could* mean, by dictionaries alone. `because` says
# why, and `chance` how often a random emoji gives as good a match.

# %%
pd.DataFrame(
    {
        "emoji": sign,
        "place": found.place.name,
        "score": round(found.score, 2),
        "chance": round(found.chance, 2),
        "because": found.because,
    }
    for sign in ("🐺", "🍇", "🔥")
    for found in suggest(sign, limit=2)
)

# %% [markdown]
# ## Exercises
#
# 1. Which places would 🍎 suggest? How probable is such a match by chance?
# 2. Write your codes into a CSV file and let `foxgrape codebook check FILE` look at them.
# 3. Which town was called Artemivsk? How many other places bear its old name in another alphabet?
