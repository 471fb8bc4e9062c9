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
# # Build a report
#
# After this notebook you can build a report for people who never open a notebook, ask for many at
# once, and build one again as it was. It runs in about forty seconds.

# %%
from pathlib import Path
from tempfile import mkdtemp

import pandas as pd

from foxgrape import ReportRequest, run_report, run_reports
from foxgrape.reports import rebuild_report
from foxgrape.errors import ParameterError
from foxgrape.reports import templates

out = Path(mkdtemp())
pd.DataFrame(
    {"template": one.name, "title": one.title, "parameters": ", ".join(one.schema["properties"])}
    for one in templates().values()
)

# %% [markdown]
# ## One report
#
# Everything is checked before anything starts: a misspelt parameter is an error, not a report of
# something else.

# %%
try:
    run_report("place_brief", parameters={"plase": "Izium"}, out=out)
except ParameterError as error:
    print(error)

# %%
built = run_report("place_brief", parameters={"place": "Izium"}, out=out)
print(built.status, built.html.name)

# %% [markdown]
# `built.html` is one page that opens anywhere, without network and without code. Beside it lie the
# executed notebook and a manifest that says what it was made from.

# %%
sorted(file.name for file in built.html.parent.iterdir())

# %% [markdown]
# The same report again is recognised and not built.

# %%
run_report("place_brief", parameters={"place": "Izium"}, out=out).status

# %% [markdown]
# ## Many at once
#
# Each has a kernel of its own, forked from one process that has everything imported.

# %%
towns = ["Kherson", "geonames:693379"]  # five places are called Snihurivka
runs = run_reports(
    [ReportRequest("place_brief", parameters={"place": town}, out=out) for town in towns], workers=2
)
[(run.status, run.error) for run in runs]

# %% [markdown]
# ## Again as it was

# %%
print(rebuild_report(built.run_id, out=out).sentence())

# %% [markdown]
# ## Exercises
#
# 1. Build `weekly_brief` for the week up to 12 September 2022.
# 2. Write a template of your own: `foxgrape report new my_report`, and change it.
# 3. Have it built each Monday: `docs/how-to/schedule-reports.md`.
