"""Write docs/reference/shell.md from what each verb of the shell says of itself: ``--help``.

``--check`` writes nothing, and fails if the page is not what it would write.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "shell.md"

#: The name in Python that does what a verb does, where there is one.
PYTHON = {
    "lookup": "foxgrape.places.lookup",
    "find": "foxgrape.places.find",
    "codes": "foxgrape.places.codes_for",
    "suggest": "foxgrape.places.suggest",
    "test": "foxgrape.coincidence",
    "codebook check": "foxgrape.places.Codebook",
    "data list": "foxgrape.io.datasets.list_datasets",
    "data fetch": "foxgrape.io.datasets.fetch",
    "fetch mastodon": "foxgrape.io.download.download",
    "fetch bluesky": "foxgrape.io.download.download",
    "fetch acled": "foxgrape.io.download.download",
    "fetch ucdp": "foxgrape.io.download.download",
    "detect": "foxgrape.detect_all",
    "ingest posts": "foxgrape.ingest",
    "ingest events": "foxgrape.ingest",
    "schedule check": "foxgrape.reports.schedule.config.read_schedule",
    "report build": "foxgrape.run_report",
    "report rebuild": "foxgrape.reports.rebuild_report",
    "report due": "foxgrape.reports.schedule.due.run_due",
    "report backfill": "foxgrape.reports.schedule.backfill.backfill",
    "study new": "foxgrape.new_study",
    "study check": "foxgrape.open_study",
}
VERBS_OF: dict[str, list[str]] = {}
for _verb, _name in PYTHON.items():
    VERBS_OF.setdefault(_name, []).append(_verb)

_HEAD = """# Verbs of the shell

`foxgrape VERB --help` says what stands here: `scripts/write_shell_help.py` asked each verb. Where
a verb prints a result, `--json` prints it for other programs. The exit code is 0 when the work is
done, 1 when it failed, 2 when the call was wrong; an error is one line on stderr.
"""


def anchor(verb: str) -> str:
    """Return the label that a verb's part of the page has."""
    return f"shell-{verb.replace(' ', '-')}"


def commands(group: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the commands below a group by their whole name."""
    found = {}
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            found |= commands(command, (*path, name))
        else:
            found[" ".join((*path, name))] = command
    return found


def page() -> str:
    """Return the whole page."""
    # Without boxes and colours, and as wide on any machine; typer looks when it is imported.
    os.environ |= {"TYPER_USE_RICH": "0", "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    import typer
    from typer.testing import CliRunner

    from foxgrape.cli.app import app

    told = [_HEAD]
    for verb in commands(typer.main.get_command(app)):
        asked = CliRunner().invoke(app, [*verb.split(), "--help"], prog_name="foxgrape")
        lines = [line.rstrip() for line in asked.output.strip().splitlines()]
        told.append(f"({anchor(verb)})=\n## {verb}\n")
        told.append("```text\n" + "\n".join(lines) + "\n```\n")
        if verb in PYTHON:
            told.append(f"In Python: {{py:obj}}`{PYTHON[verb]}`.\n")
    return "\n".join(told)


def main() -> int:
    """Write the page, or say that it is another one."""
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page():
        return 0
    print(f"{PAGE.name} is not what the verbs say; run scripts/write_shell_help.py")
    return 1


if __name__ == "__main__":
    sys.exit(main())
