"""Verbs as a shell calls them."""

from __future__ import annotations

from foxgrape.cli.app import run


def said(capfd, *arguments: object) -> tuple[int, str, str]:
    """Return the exit code of a call, what it printed, and what it said on stderr."""
    code = run(list(map(str, arguments)))
    told = capfd.readouterr()
    return code, told.out, told.err
