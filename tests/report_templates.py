"""Create templates for tests, and read the printed output of runs."""

from __future__ import annotations

from pathlib import Path

import nbformat

SIDECAR = """title: A test
description: For tests.
parameters:
  properties:
    number: {type: integer, default: 1}
"""


def template(folder: Path, name: str, *cells: str, first: str = "study = None\nnumber = 1") -> Path:
    notebook = nbformat.v4.new_notebook()
    # The kernel that a notebook names is ignored.
    language = {"name": "none-such", "display_name": "None such", "language": "python"}
    notebook.metadata["kernelspec"] = language
    parameters = nbformat.v4.new_code_cell(first)
    parameters.metadata["tags"] = ["parameters"]
    notebook.cells = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(notebook, folder / f"{name}.ipynb")
    (folder / f"{name}.yaml").write_text(SIDECAR, encoding="utf-8")
    return folder / f"{name}.ipynb"


def printed(notebook: Path) -> str:
    """Return all that the cells of a notebook printed."""
    return "".join(
        output.text
        for cell in nbformat.read(notebook, as_version=4).cells
        for output in cell.get("outputs", ())
        if output.output_type == "stream"
    )


def names(folder: Path) -> set[str]:
    return {item.name for item in folder.iterdir()}
