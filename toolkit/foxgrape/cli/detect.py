"""The verb detect for the shell: signals in a store or in files of Parquet."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path  # noqa: TC003 - typer reads what is annotated
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_sentence

if TYPE_CHECKING:
    from foxgrape.detection.batch import DetectionResult

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("detect")(detect_signals)


def detect_signals(
    source: Annotated[Path, typer.Argument(help="A store, a folder of Parquet files, or one.")],
    out: Annotated[Path, typer.Option(help="Folder in which signals.parquet is written.")],
    codebook: Annotated[Path | None, typer.Option(help="A codebook of your own, CSV.")] = None,
    mentions: Annotated[bool, typer.Option("--mentions", help="Also places by name.")] = False,
    engine: Annotated[str, typer.Option(help="local, or dask with --scheduler.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler: tcp://10.0.0.1:8786.")
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Posts read at once, about.")] = 250_000,
    as_json: AsJson = False,
) -> int:
    """Find signals in more posts than fit into memory; goes on where it was stopped."""
    if engine not in {"local", "dask"}:
        raise typer.BadParameter(f"expected local or dask, got {engine!r}")
    if (engine == "dask") != (scheduler is not None):
        raise typer.BadParameter("--engine dask and --scheduler ADDRESS go together")
    from foxgrape.places import Codebook

    codes = None if codebook is None else Codebook.from_csv(codebook)
    told = _watched(source, out, codes, scheduler, batch, mentions=mentions)
    print_sentence(told.sentence(), [asdict(told)], as_json=as_json)
    return 0


def _watched(
    source: Path, out: Path, codes: object, scheduler: str | None, batch: int, *, mentions: bool
) -> DetectionResult:
    """Detect, with a bar for whoever looks."""
    from rich.console import Console
    from rich.progress import Progress

    from foxgrape.detection.batch import detect_all

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(source.name, total=None)

        def progress(done: int, parts: int) -> None:
            bar.update(task, completed=done, total=parts)

        return detect_all(
            source,
            out,
            codebook=codes,  # type: ignore[arg-type]
            mentions=mentions,
            scheduler=scheduler,
            batch=batch,
            progress=progress,
        )
