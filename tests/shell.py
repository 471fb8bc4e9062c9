"""Run a shell command in this process."""

from __future__ import annotations

from foxgrape.cli.app import run


def run_shell(capfd, *arguments: object) -> tuple[int, str, str]:
    """Return the exit code of a command, its stdout and its stderr."""
    code = run(list(map(str, arguments)))
    output = capfd.readouterr()
    return code, output.out, output.err
