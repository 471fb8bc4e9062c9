"""A new template of one's own: a notebook that already builds, and its sidecar, to start from."""

from __future__ import annotations

import re
from pathlib import Path

from foxgrape.errors import ReportError

__all__ = ["new_template"]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")

_SIDECAR = """\
title: "{title}"
description: >-
  What this report answers, in a sentence.
tags: [mine]
parameters:
  properties:
    horizon:
      description: How long a signal waits for its event.
      type: string
      format: duration-of-time
      default: 30D
"""

_PARAMETERS = """\
study = None  # folder of the study; None for the embedded one
horizon = "30D"
"""

_CELLS = (
    """\
import plotly.io as pio

from foxgrape import open_study
from foxgrape.plots.signals import timeline
from foxgrape.display.html import Headline, section
from foxgrape.display.report_tables import signals_table

pio.renderers.default = "plotly_mimetype"  # figures as data: the page draws them itself
analysis = open_study(study).analyse(horizon=horizon)
section(analysis.study.title, {title!r}, level=1)
""",
    """\
# What the list of reports shows: one sentence.
n, before = len(analysis.signals), len(analysis.before())
Headline(f"{{n}} signals, {{before}} certainly before their event.")
""",
    "timeline(analysis)\n",
    "signals_table(analysis)\n",
)


def new_template(name: str, folder: str | Path = ".") -> Path:
    """Write a template to start from, a notebook and its sidecar; return the notebook's path.

    It builds as it is. Its cell of parameters reads a study; docs/how-to/build-reports.md says how one reads a
    store.

    Parameters
    ----------
    name
        What it will be called: small letters, digits and underscores.
    folder
        Where to put it; made if it is not there.

    Raises
    ------
    ReportError
        If there is such a template already, or the name cannot be one.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> new_template("my_towns", mkdtemp()).name
    'my_towns.ipynb'
    """
    import nbformat

    if not _NAME.fullmatch(name):
        raise ReportError(
            "a template cannot be called so",
            expected="small letters, digits and underscores, such as my_report",
            got=name,
        )
    notebook = Path(folder) / f"{name}.ipynb"
    sidecar = notebook.with_suffix(".yaml")
    for file in (notebook, sidecar):
        if file.exists():
            raise ReportError("there is such a template already", file=file)
    title = name.replace("_", " ").capitalize()
    parameters = nbformat.v4.new_code_cell(_PARAMETERS.rstrip(), metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_code_cell(cell.format(title=title).rstrip()) for cell in _CELLS]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    written = nbformat.v4.new_notebook(cells=[parameters, *cells], metadata={"kernelspec": kernel})
    notebook.parent.mkdir(parents=True, exist_ok=True)
    sidecar.write_text(_SIDECAR.format(title=title), encoding="utf-8")
    nbformat.write(written, notebook)
    return notebook
