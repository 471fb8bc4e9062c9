"""Commands that create and check studies: study."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from foxgrape.cli.ingest import (
    Account,
    Columns,
    Dates,
    Encoding,
    Gaps,
    Midnight,
    ObservedFrom,
    ObservedUntil,
    Persistence,
    Strict,
    Zone,
    print_notes,
)
from foxgrape.cli.output import AsJson, parse_pairs, print_line, print_sentence
from foxgrape.cli.places import GazetteerPath

__all__ = ["add_commands"]

study_app = typer.Typer(help="Create and check studies.", no_args_is_help=True)

_FILE_NAMES = "account|timezone|format|encoding|sheet|dates|midnight"
_FILE_OPTION = re.compile(
    rf"(?P<file>.+):(?:(?P<name>{_FILE_NAMES})|columns\.(?P<column>\w+))=(?P<value>.*)"
)


def add_commands(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(study_app, name="study")


def _columns_by_table(texts: list[str] | None) -> dict[str, dict[str, str]]:
    """Return the columns of posts and of events; both tables have those named in both."""
    from foxgrape.io.convert import mappable_columns

    given: dict[str, dict[str, str]] = {"posts": {}, "events": {}}
    for name, theirs in parse_pairs(texts, "OURS=THEIRS").items():
        table, dot, ours = name.rpartition(".")
        tables = [table] if dot else [name for name in given if ours in mappable_columns(name)]
        if len(tables) != 1 or tables[0] not in given:
            expected = f"posts.{ours}={theirs} or events.{ours}={theirs}"
            raise typer.BadParameter(f"the table of {name} is not clear; write {expected}")
        given[tables[0]][ours] = theirs
    return given


def _file_options(texts: list[str] | None) -> dict[str, dict[str, Any]]:
    """Return the options of single files, by file."""
    options: dict[str, dict[str, Any]] = {}
    for text in texts or ():
        match = _FILE_OPTION.fullmatch(text)
        if match is None:
            names = _FILE_NAMES.replace("|", ", ")
            raise typer.BadParameter(
                f"expected FILE:NAME=VALUE, with a name among {names} and columns.COLUMN; "
                f"got {text!r}"
            )
        of_file = options.setdefault(str(Path(match["file"])), {})
        if match["column"]:
            of_file.setdefault("columns", {})[match["column"]] = match["value"]
        else:
            of_file[match["name"]] = match["value"]
    return options


@study_app.command("new")
def study_new(
    folder: Annotated[Path, typer.Argument(help="Folder to create.")],
    posts: Annotated[list[str], typer.Option(help="An export of posts; repeat for several.")],
    events: Annotated[list[str], typer.Option(help="A file of events; repeat for several.")],
    title: Annotated[str | None, typer.Option(help="Title; default: the folder name.")] = None,
    timezone: Zone = None,
    account: Account = None,
    column: Columns = None,
    encoding: Encoding = None,
    dates: Dates = None,
    midnight: Midnight = None,
    for_file: Annotated[
        list[str] | None,
        typer.Option(
            "--for",
            help="An option of one file: FILE:timezone=UTC or FILE:columns.text=message; "
            "repeat for several.",
        ),
    ] = None,
    codebook: Annotated[Path | None, typer.Option(help="Your own codebook, a CSV file.")] = None,
    gazetteer: GazetteerPath = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="Use only events of this kind; repeat for several.")
    ] = None,
    persistence: Persistence = "48h",
    observed_from: ObservedFrom = None,
    observed_until: ObservedUntil = None,
    gap: Gaps = None,
    strict: Strict = False,
    as_json: AsJson = False,
) -> int:
    """Create a study from exports of posts and files of events."""
    from foxgrape.studies.create import new_study

    columns, own = _columns_by_table(column), _file_options(for_file)
    if unknown := set(own).difference(map(str, map(Path, [*posts, *events]))):
        raise typer.BadParameter(f"--for names a file that is not read: {min(unknown)}")
    options = {"encoding": encoding, "dates": dates, "midnight": midnight}
    result = new_study(
        folder,
        posts=[(file, own.get(str(Path(file)), {})) for file in posts],
        events=[(file, own.get(str(Path(file)), {})) for file in events],
        title=title,
        timezone=timezone,
        account=account,
        post_options=options | {"columns": columns["posts"] or None},
        event_options=options | {"columns": columns["events"] or None},
        codebook=codebook,
        gazetteer=gazetteer,
        kinds=kind or (),
        persistence=persistence,
        observed_from=observed_from,
        observed_until=observed_until,
        gaps=gap or (),
        on_error="raise" if strict else "quarantine",
    )
    print_sentence(result.sentence(), [asdict(result)], as_json=as_json)
    if not as_json:
        print_notes(result.notes)
    return 0


@study_app.command("check")
def study_check(
    folder: Annotated[Path, typer.Argument(help="A folder with a datapackage.json.")],
) -> None:
    """Check a study. Prints its contents, or the first problem."""
    from foxgrape.studies.study import open_study

    study = open_study(folder)
    n_other = len(study.all_events) - len(study.events)
    others = f" ({n_other} of other kinds than those asked for)" if n_other else ""
    print_line(
        f"{study.name}: {len(study.posts)} posts, {len(study.all_events)} events{others}, "
        f"{len(study.confirmations)} confirmations, {len(study.codebook)} codes"
    )
    for part in study.observed.coverages:
        print_line(f"Events recorded by {part.describe(study.timezone)}.")
