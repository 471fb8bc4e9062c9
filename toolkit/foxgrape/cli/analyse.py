"""Commands that analyse data: detect signals, analyse their leads, test them against chance."""

from __future__ import annotations

import sys
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.ingest import ObservedFrom, ObservedUntil
from foxgrape.cli.output import AsJson, print_line, print_result, print_sentence
from foxgrape.cli.places import GazetteerPath, Proposed, read_codebook
from foxgrape.errors import CONTROLS

if TYPE_CHECKING:
    from foxgrape.detection.batch import DetectionResult
    from foxgrape.stats.power import Power
    from foxgrape.studies.analysis import Analysis
    from foxgrape.studies.study import Study

__all__ = ["add_commands"]


EditsOption = Annotated[
    str,
    typer.Option(
        "--edits",
        help="Time of a signal in an edited post: interval, from the post to the edit; "
        "or ignore, the time of the post.",
    ),
]


StudyFolder = Annotated[Path | None, typer.Option("--study", help="Folder of a study.")]
StorePath = Annotated[
    str | None, typer.Option("--store", help="Folder or URL of a store, instead of a study.")
]
Kinds = Annotated[
    list[str] | None,
    typer.Option("--kind", help="For a store: use only events of this kind; repeat for several."),
]
Zone = Annotated[
    str, typer.Option("--timezone", help="For a store: IANA time zone in which days are counted.")
]
OwnCodebook = Annotated[
    Path | None, typer.Option("--codebook", help="For a store: your own codebook, a CSV file.")
]
Clock = Annotated[
    str | None,
    typer.Option(
        "--clock", help="confirmed or occurred; default: confirmed if known, else occurred."
    ),
]
SignalKind = Annotated[str, typer.Option("--signals", help="codes, mentions or both.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command("analyse")(analyse)
    app.command("test")(coincidence_test)
    app.command("detect")(detect_signals)


def _open(
    study: Path | None,
    store: str | None,
    kinds: list[str] | None,
    codebook: Path | None,
    timezone: str,
    observed_from: str | None,
    observed_until: str | None,
) -> Study:
    from foxgrape.studies.from_store import open_study_or_store

    if study is not None and store is not None:
        raise typer.BadParameter("give either --study or --store")
    if store is None and (kinds or codebook or timezone != "UTC"):
        message = "--kind, --codebook and --timezone are for a --store; a study states its own"
        raise typer.BadParameter(message)
    return open_study_or_store(
        study,
        store,
        kinds=kinds or (),
        codebook=codebook,
        timezone=timezone,
        observed_from=observed_from,
        observed_until=observed_until,
    )


def analyse(
    study: StudyFolder = None,
    store: StorePath = None,
    horizon: Annotated[str, typer.Option(help="Longest time from a signal to its event.")] = "30D",
    clock: Clock = None,
    confirmed_by: Annotated[
        str | None, typer.Option(help="Use only confirmations by this side, such as UA or RU.")
    ] = None,
    signals: SignalKind = "codes",
    edits: EditsOption = "interval",
    window: Annotated[str, typer.Option(help="Window of the test against chance.")] = "7D",
    kind: Kinds = None,
    codebook: OwnCodebook = None,
    timezone: Zone = "UTC",
    observed_from: ObservedFrom = None,
    observed_until: ObservedUntil = None,
    as_json: AsJson = False,
) -> int:
    """Measure the leads of signals, count what is left out, and compare them with chance."""
    data = _open(study, store, kind, codebook, timezone, observed_from, observed_until)
    analysis = data.analyse(
        horizon=horizon,
        clock=clock,  # type: ignore[arg-type]
        confirmed_by=confirmed_by,
        signals=signals,  # type: ignore[arg-type]
        edits=edits,  # type: ignore[arg-type]
    )
    counts = [
        {str(name): value for name, value in row.items()}
        for row in analysis.counts(window=window).to_dict("records")
    ]
    test, findings = analysis.coincidence(window=window), analysis.findings()
    values = {
        "findings": findings,
        "counts": counts,
        "lead_times": analysis.lead_times.to_dict(),
        "coincidence": test.to_dict(),
    }
    print_result(counts, [values], as_json=as_json)
    if not as_json:
        for line in (*findings, test.sentence(), *test.caveats()):
            print_line(line)
    return 0


def coincidence_test(
    study: StudyFolder = None,
    store: StorePath = None,
    window: Annotated[
        list[str] | None,
        typer.Option(help="Maximum time from a signal to its event; repeat to test several."),
    ] = None,
    lag: Annotated[str, typer.Option(help="Time from a signal to the start of its window.")] = "0D",
    null: Annotated[
        str, typer.Option(help="Null model: uniform, shuffle, circular, place or local.")
    ] = "local",
    by: Annotated[
        str | None, typer.Option(help="Also test per month, place, account, code or kind.")
    ] = None,
    clock: Clock = None,
    signals: SignalKind = "codes",
    edits: EditsOption = "interval",
    kind: Kinds = None,
    codebook: OwnCodebook = None,
    timezone: Zone = "UTC",
    observed_from: ObservedFrom = None,
    observed_until: ObservedUntil = None,
    repeated_until: Annotated[
        str | None,
        typer.Option(help="Planned end of repeated tests; a claim then needs a smaller p."),
    ] = None,
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
    windows = window or ["7D"]
    data = _open(study, store, kind, codebook, timezone, observed_from, observed_until)
    analysis = data.analyse(signals=signals, edits=edits)  # type: ignore[arg-type]
    if power:
        estimate = _estimate_power(analysis, windows[0], null, clock, leads, seed, worlds)
        return _print_power(estimate, as_json=as_json)
    result = analysis.coincidence(
        window=windows, lag=lag, null=null, by=by, clock=clock, n=surrogates, rng=seed,
        repeated_until=repeated_until,
    )  # fmt: skip
    rows = [
        {
            str(name): _number(cell) if isinstance(cell, float) else cell
            for name, cell in row.items()
        }
        for row in result.shown().to_dict("records")
    ]
    print_result(rows, [result.to_dict()], as_json=as_json)
    if not as_json:
        for line in (result.sentence(), *result.caveats()):
            print_line(line)
    return 0


def _number(value: float) -> str:
    return "–" if isnan(value) else f"{value:.4f}"


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
        print_line(f"{power.sentence()} Simulation parameters, estimated from the study: {world}.")
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
    from rich.markup import escape
    from rich.progress import Progress

    from foxgrape.detection.batch import detect_all

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(escape(source.name.translate(CONTROLS)), total=None)

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
