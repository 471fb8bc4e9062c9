"""Write docs/reference/shell.md from the ``--help`` output of each command.

``--check`` writes nothing and fails if the page is outdated.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "shell.md"

#: Python equivalent of each command, if any.
PYTHON = {
    "lookup": "foxgrape.places.lookup",
    "find": "foxgrape.places.find",
    "codes": "foxgrape.places.codes_for",
    "suggest": "foxgrape.places.suggest",
    "test": "foxgrape.coincidence",
    "codebook check": "foxgrape.places.Codebook",
    "gazetteer build": "foxgrape.places.build.build_gazetteer",
    "data list": "foxgrape.io.datasets.list_datasets",
    "data fetch": "foxgrape.io.datasets.fetch",
    "fetch mastodon": "foxgrape.io.download.download",
    "fetch bluesky": "foxgrape.io.download.download",
    "fetch acled": "foxgrape.io.download.download",
    "fetch ucdp": "foxgrape.io.download.download",
    "analyse": "foxgrape.Analysis",
    "detect": "foxgrape.detect_all",
    "ingest posts": "foxgrape.ingest",
    "ingest events": "foxgrape.ingest",
    "schedule check": "foxgrape.reports.schedule.config.read_schedule",
    "report build": "foxgrape.run_report",
    "report rebuild": "foxgrape.reports.rebuild_report",
    "report due": "foxgrape.reports.schedule.due.run_due",
    "report backfill": "foxgrape.reports.schedule.due.backfill",
    "study new": "foxgrape.new_study",
    "study check": "foxgrape.open_study",
}
VERBS_OF: dict[str, list[str]] = {}
for _verb, _name in PYTHON.items():
    VERBS_OF.setdefault(_name, []).append(_verb)

_HEAD = """# Shell commands

This page is the output of `foxgrape COMMAND --help`, written by `scripts/write_shell_help.py`.
Commands that print a result accept `--json`. The exit code is 0 when the work is done, 1 when it
failed, 2 when the call was wrong (an unknown or missing option, or a value that is wrong whatever
the files contain, such as `--horizon -1D` or an unknown time zone), and 75 when `report due` has
messages that wait to be sent. Names of files, reports and data sets that do not exist, and
parameters of reports, are failures. An error is one line on stderr.
"""


def anchor(verb: str) -> str:
    """Return the label of a command's section."""
    return f"shell-{verb.replace(' ', '-')}"


def commands(group: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the commands of a group, by their full names."""
    by_name = {}
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            by_name |= commands(command, (*path, name))
        else:
            by_name[" ".join((*path, name))] = command
    return by_name


def page() -> str:
    """Return the text of docs/reference/shell.md."""
    # Make typer write plain text of a fixed width; it reads these variables when imported.
    os.environ |= {"TYPER_USE_RICH": "0", "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    import typer
    from typer.testing import CliRunner

    from foxgrape.cli.app import app

    sections = [_HEAD]
    for verb in commands(typer.main.get_command(app)):
        result = CliRunner().invoke(app, [*verb.split(), "--help"], prog_name="foxgrape")
        lines = [line.rstrip() for line in result.output.strip().splitlines()]
        sections.append(f"({anchor(verb)})=\n## {verb}\n")
        sections.append("```text\n" + "\n".join(lines) + "\n```\n")
        if verb in PYTHON:
            sections.append(f"In Python: {{py:obj}}`{PYTHON[verb]}`.\n")
    return "\n".join(sections)


def main() -> int:
    """Write the page, or check that it is up to date."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is outdated; run scripts/write_shell_help.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
