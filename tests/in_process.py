"""Run the code of a template in this process and render its page, without a kernel."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display
from IPython.utils.capture import capture_output

from foxgrape.reports.rendering.page import render_page

TEMPLATES = Path(__file__).parents[1] / "notebooks" / "templates"


def run_cells(name: str, parameters: dict[str, Any]) -> nbformat.NotebookNode:
    """Return a template's notebook, executed with these parameters."""
    InteractiveShell.instance()
    notebook = nbformat.read(TEMPLATES / f"{name}.ipynb", as_version=4)
    names: dict[str, Any] = {"_show": _show}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        with capture_output() as captured:
            exec(compile(_displaying(cell.source), name, "exec"), names)  # noqa: S102 - our own code
        assert captured.stdout == captured.stderr == "", captured.stdout + captured.stderr
        cell.outputs = [
            nbformat.v4.new_output("display_data", data=output.data) for output in captured.outputs
        ]
        if "parameters" in cell.metadata.get("tags", ()):
            assert set(parameters) <= set(names)
            names.update(parameters)
    return notebook


def _displaying(source: str) -> ast.Module:
    """Return code that displays the value of its last expression, as a notebook does."""
    tree = ast.parse(source)
    last = tree.body[-1]
    if isinstance(last, ast.Expr):
        call = ast.Call(ast.Name("_show", ast.Load()), [last.value], [])
        tree.body[-1] = ast.fix_missing_locations(ast.copy_location(ast.Expr(call), last))
    return ast.fix_missing_locations(tree)


def _show(value: object) -> None:
    if value is not None:
        display(value)


def page_of(notebook: nbformat.NotebookNode) -> str:
    """Return the page of an executed notebook."""
    return render_page(notebook, title="A page", footer={}, assets="assets")


def text_of(page: str) -> str:
    """Return the text that a page shows, without its scripts and the data of its figures."""
    body = page[page.index("<main") : page.rindex("</main>")]
    body = re.sub(r"<script.*?</script>", " ", body, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", "\n", body))
