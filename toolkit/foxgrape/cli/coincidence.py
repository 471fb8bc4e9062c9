"""The verb test for the shell: is it more than chance, and how many signals would tell?"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads it when it runs
from typing import TYPE_CHECKING, Annotated

import typer

from foxgrape.cli.output import AsJson, print_result

if TYPE_CHECKING:
    from foxgrape.stats.power import Power
    from foxgrape.studies.analysis import Analysis

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the verb to the command line."""
    app.command("test")(coincidence_test)


def coincidence_test(
    study: Annotated[Path | None, typer.Option(help="Folder of a study.")] = None,
    window: Annotated[
        list[str] | None, typer.Option(help="How soon an event must follow; several are a scan.")
    ] = None,
    lag: Annotated[str, typer.Option(help="The window opens so long after the signal.")] = "0D",
    null: Annotated[
        str, typer.Option(help="uniform, shuffle, circular, place or local.")
    ] = "local",
    by: Annotated[str | None, typer.Option(help="Also test each code, account or kind.")] = None,
    clock: Annotated[
        str | None, typer.Option(help="confirmed or occurred; by default confirmed, if any is.")
    ] = None,
    signals: Annotated[str, typer.Option(help="codes, mentions or both.")] = "codes",
    surrogates: Annotated[int, typer.Option(min=1, help="How many.")] = 9999,
    seed: Annotated[int, typer.Option(min=0, help="Makes the same numbers again.")] = 0,
    power: Annotated[
        bool, typer.Option("--power", help="Say how many signals it takes to see an effect.")
    ] = False,
    leads: Annotated[
        float, typer.Option(help="With --power: the share of signals with an event behind.")
    ] = 0.15,
    worlds: Annotated[
        int, typer.Option(min=1, help="With --power: made worlds for each number of signals.")
    ] = 200,
    as_json: AsJson = False,
) -> int:
    """Test whether events follow signals more often than chance would have it."""
    from foxgrape.studies.study import open_study

    windows = window or ["7D"]
    analysis = open_study(study).analyse(signals=signals)  # type: ignore[arg-type]
    if power:
        told = _power(analysis, windows[0], null, clock, leads, seed, worlds)
        return _show_power(told, as_json=as_json)
    found = analysis.coincidence(
        window=windows, lag=lag, null=null, by=by, clock=clock, n=surrogates, rng=seed
    )  # fmt: skip
    rows = [
        {
            str(name): f"{cell:.4f}" if isinstance(cell, float) else cell
            for name, cell in row.items()
        }
        for row in found.to_frame().to_dict("records")
    ]
    print_result(rows, [found.to_dict()], as_json=as_json)
    if not as_json:
        for line in (found.sentence(), *found.warnings):
            print(line)  # noqa: T201
    return 0


def _power(
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


def _show_power(told: Power, *, as_json: bool) -> int:
    rows = told.table.to_dict("records")
    print_result(
        [{str(k): v for k, v in row.items()} for row in rows], [told.to_dict()], as_json=as_json
    )
    if not as_json:
        like = ", ".join(f"{name} {value}" for name, value in told.world.items())
        print(f"{told.sentence()} In worlds like the study's: {like}.")  # noqa: T201
    return 0
