"""The verbs for public data sets: data list, data fetch."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_result, print_sentence, status_spinner

if TYPE_CHECKING:
    from foxgrape.io.datasets import Dataset

__all__ = ["add_to"]

Folder = Annotated[
    Path | None, typer.Option(help="Where they are kept; else FOXGRAPE_DATA, else a cache.")
]


def add_to(data_app: typer.Typer) -> None:
    """Add the verbs to those of ``data``."""
    data_app.command("list")(data_list)
    data_app.command("fetch")(data_fetch)


def data_list(folder: Folder = None, as_json: AsJson = False) -> None:
    """List the public data sets: what they are, their licence, and whether they are here."""
    from foxgrape.io.datasets import data_folder, list_datasets

    known, where = list_datasets().values(), data_folder(folder)
    data = [
        each.to_dict()
        | {"here": str(where / each.filename) if (where / each.filename).exists() else None}
        for each in known
    ]
    rows = [
        _row(each, here=told["here"] is not None) for each, told in zip(known, data, strict=True)
    ]
    print_result(rows, data, as_json=as_json)


def _row(each: Dataset, *, here: bool) -> dict[str, str]:
    return {
        "name": each.name,
        "description": each.description.partition(". ")[0].rstrip("."),
        "licence": each.licence,
        "checksum": each.checksum[:15] if each.sha256 else each.checksum,
        "here": "yes" if here else "no",
    }


def data_fetch(
    name: Annotated[str, typer.Argument(help="As data list names it.")],
    folder: Folder = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Again, where the publisher rewrites the file.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Fetch a public data set; print its path, its licence and what to name."""
    from foxgrape.io.datasets import fetch

    with warnings.catch_warnings(record=True) as caught, status_spinner("fetching…"):
        warnings.simplefilter("always")
        done = fetch(name, folder=folder, refresh=refresh)
    for warning in caught:
        print(f"foxgrape: {warning.message}", file=sys.stderr)  # noqa: T201
    print_sentence(done.sentence(), done.to_dict(), as_json=as_json)
    return 0
