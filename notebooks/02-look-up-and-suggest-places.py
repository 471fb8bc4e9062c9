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
# stands for, extend the codebook with your own codes, and distinguish a suggestion from a code with
# evidence. It runs in about ten seconds.

# %%
from datetime import date

import pandas as pd

from foxgrape.places import Code, Codebook, codes_for, find, lookup, suggest

pd.options.display.max_colwidth = 200

# %% [markdown]
# ## Find places by name
#
# Names can be Ukrainian or Russian, transliterated, inflected, preceded by a preposition, or
# misspelt. The score is 1 for an exact match, at least 0.8 for a match, and lower for a guess.

# %%
names = ["Ізюм", "під Ізюмом", "Izyum", "Лисичанськом", "Siverskodonetsk", "Artemivsk"]
pd.DataFrame(
    {
        "query": name,
        "place": match.place.name,
        "region": match.place.admin1,
        "score": round(match.score, 2),
        "how": match.how,
        "id": match.place.id,
    }
    for name in names
    for match in find(name, limit=1)
)

# %% [markdown]
# Many places share a name. Increase `limit`, or narrow the search by region.

# %%
pd.DataFrame(
    {"place": match.place.name, "region": match.place.admin1, "population": match.place.population}
    for match in find("Лиман", limit=6)
)

# %% [markdown]
# ## Look up codes

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
# A code can have a validity period. `at=` selects the codes valid on a day.

# %%
[match.place.name for match in lookup("🍇", at=date(2022, 9, 10))]

# %% [markdown]
# ## Add your own codes
#
# A code needs a place, a meaning and a source. A code that has not been decoded in public has no
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
# ## Suggest places
#
# `suggest` ranks places that an undecoded emoji *could* stand for, from dictionaries alone.
# `because` gives the reason, and `chance` the number of places that a random emoji matches equally
# well. A suggestion is not evidence.

# %%
pd.DataFrame(
    {
        "emoji": sign,
        "place": suggestion.place.name,
        "score": round(suggestion.score, 2),
        "chance": round(suggestion.chance, 2),
        "because": suggestion.because,
    }
    for sign in ("🐺", "🍇", "🔥")
    for suggestion in suggest(sign, limit=2)
)

# %% [markdown]
# ## Exercises
#
# 1. Which places does `suggest` give for 🍎? How likely is such a match by chance?
# 2. Write your codes to a CSV file and check it with `foxgrape codebook check FILE`.
# 3. Which town was called Artemivsk? How many other places have its old name in another alphabet?
