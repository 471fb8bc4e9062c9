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
# After this notebook you can build a report for readers without Python, build many at once, and
# rebuild one from its manifest. It runs in about forty seconds.

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
    {
        "template": template.name,
        "title": template.title,
        "parameters": ", ".join(template.schema["properties"]),
    }
    for template in templates().values()
)

# %% [markdown]
# ## Build one report
#
# Parameters are validated before the run starts: a misspelt name is an error.

# %%
try:
    run_report("place_brief", parameters={"plase": "Izium"}, out=out)
except ParameterError as error:
    print(error)

# %%
built = run_report("place_brief", parameters={"place": "Izium"}, out=out)
print(built.status, built.html.name)

# %% [markdown]
# `built.html` is a self-contained page that needs no network and no Python. Next to it are the
# executed notebook and a manifest with the provenance of the run.

# %%
sorted(file.name for file in built.html.parent.iterdir())

# %% [markdown]
# An identical request is recognized and not built again.

# %%
run_report("place_brief", parameters={"place": "Izium"}, out=out).status

# %% [markdown]
# ## Build several reports
#
# Each report has its own kernel, forked from one process that has imported the libraries.

# %%
towns = ["Kherson", "geonames:693379"]  # five places are called Snihurivka
runs = run_reports(
    [ReportRequest("place_brief", parameters={"place": town}, out=out) for town in towns], workers=2
)
[(run.status, run.error) for run in runs]

# %% [markdown]
# ## Rebuild a report

# %%
print(rebuild_report(built.run_id, out=out).sentence())

# %% [markdown]
# ## Exercises
#
# 1. Build `weekly_brief` for the week before 12 September 2022.
# 2. Create your own template with `foxgrape report new my_report`, and change it.
# 3. Schedule it for every Monday: `docs/how-to/schedule-reports.md`.
