"""Commands that analyse data: detect finds signals, test compares them with chance."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_result, print_sentence
from foxgrape.cli.places import GazetteerPath, Proposed, read_codebook

if TYPE_CHECKING:
    from foxgrape.detection.batch import DetectionResult
    from foxgrape.stats.power import Power
    from foxgrape.studies.analysis import Analysis

__all__ = ["add_commands"]


EditsOption = Annotated[
    str,
    typer.Option(
        "--edits",
        help="Time of a signal in an edited post: interval, from the post to the edit; "
        "or ignore, the time of the post.",
    ),
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("test")(coincidence_test)
    app.command("detect")(detect_signals)


def coincidence_test(
    study: Annotated[Path | None, typer.Option(help="Folder of a study.")] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(help="Maximum time from a signal to its event; repeat to test several."),
    ] = None,
    lag: Annotated[str, typer.Option(help="Time from a signal to the start of its window.")] = "0D",
    null: Annotated[
        str, typer.Option(help="Null model: uniform, shuffle, circular, place or local.")
    ] = "local",
    by: Annotated[str | None, typer.Option(help="Also test per code, account or kind.")] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="confirmed or occurred; default: confirmed if known, else occurred."),
    ] = None,
    signals: Annotated[str, typer.Option(help="codes, mentions or both.")] = "codes",
    edits: EditsOption = "interval",
    surrogates: Annotated[int, typer.Option(min=1, help="Number of surrogates.")] = 9999,
    seed: Annotated[int, typer.Option(min=0, help="Random seed, for repeatable results.")] = 0,
    power: Annotated[
        bool,
        typer.Option("--power", help="Estimate how many signals are needed to detect an effect."),
    ] = False,
    leads: Annotated[
        float, typer.Option(help="With --power: share of signals that precede their event.")
    ] = 0.15,
    worlds: Annotated[
        int, typer.Option(min=1, help="With --power: simulations per number of signals.")
    ] = 200,
    as_json: AsJson = False,
) -> int:
    """Test whether events follow signals more often than by chance."""
    from foxgrape.studies.study import open_study

    windows = window or ["7D"]
    analysis = open_study(study).analyse(signals=signals, edits=edits)  # type: ignore[arg-type]
    if power:
        estimate = _estimate_power(analysis, windows[0], null, clock, leads, seed, worlds)
        return _print_power(estimate, as_json=as_json)
    result = analysis.coincidence(
        window=windows, lag=lag, null=null, by=by, clock=clock, n=surrogates, rng=seed
    )  # fmt: skip
    rows = [
        {
            str(name): f"{cell:.4f}" if isinstance(cell, float) else cell
            for name, cell in row.items()
        }
        for row in result.to_frame().to_dict("records")
    ]
    print_result(rows, [result.to_dict()], as_json=as_json)
    if not as_json:
        print(result.sentence(), *result.warnings, sep="\n")
    return 0


def _estimate_power(
    analysis: Analysis,
    window: str,
    null: str,
    clock: str | None,
    leads: float,
    seed: int,
    worlds: int,
) -> Power:
    from foxgrape.stats.power import estimate_power

    world = analysis.simulation_parameters(window=window, clock=clock)
    return estimate_power(world, leads=leads, window=window, null=null, rng=seed, worlds=worlds)


def _print_power(power: Power, *, as_json: bool) -> int:
    rows = [
        {str(name): value for name, value in row.items()} for row in power.table.to_dict("records")
    ]
    print_result(rows, [power.to_dict()], as_json=as_json)
    if not as_json:
        world = ", ".join(f"{name} {value}" for name, value in power.world.items())
        print(f"{power.sentence()} Simulation parameters, estimated from the study: {world}.")
    return 0


def detect_signals(
    source: Annotated[
        Path, typer.Argument(help="A store, a Parquet file, or a folder of Parquet files.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for signals.parquet.")],
    codebook: Annotated[Path | None, typer.Option(help="Your own codebook, a CSV file.")] = None,
    gazetteer: GazetteerPath = None,
    mentions: Annotated[
        bool, typer.Option("--mentions", help="Also detect places mentioned by name.")
    ] = False,
    proposed: Proposed = False,
    edits: EditsOption = "interval",
    engine: Annotated[str, typer.Option(help="local or dask; dask needs --scheduler.")] = "local",
    scheduler: Annotated[
        str | None, typer.Option(help="Address of a Dask scheduler: tcp://10.0.0.1:8786.")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Approximate number of posts per batch.")
    ] = 250_000,
    as_json: AsJson = False,
) -> int:
    """Find signals in any number of posts. Repeat an interrupted call to resume it."""
    from foxgrape.io.gazetteers import kept_path

    if engine not in {"local", "dask"}:
        raise typer.BadParameter(f"--engine must be local or dask; got {engine!r}")
    if (engine == "dask") != (scheduler is not None):
        raise typer.BadParameter("--engine dask and --scheduler ADDRESS must be given together")
    gazetteer = gazetteer or kept_path(source)
    is_own = codebook or gazetteer or proposed
    codes = read_codebook(codebook, gazetteer, proposed=proposed) if is_own else None
    result = _detect_with_progress(
        source, out, codes, scheduler, batch, mentions=mentions, edits=edits
    )
    print_sentence(result.sentence(), [asdict(result)], as_json=as_json)
    return 0


def _detect_with_progress(
    source: Path,
    out: Path,
    codes: object,
    scheduler: str | None,
    batch: int,
    *,
    mentions: bool,
    edits: str,
) -> DetectionResult:
    from rich.console import Console
    from rich.progress import Progress

    from foxgrape.detection.batch import detect_all

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(source.name, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return detect_all(
            source,
            out,
            codebook=codes,  # type: ignore[arg-type]
            mentions=mentions,
            edits=edits,  # type: ignore[arg-type]
            scheduler=scheduler,
            batch=batch,
            progress=progress,
        )
