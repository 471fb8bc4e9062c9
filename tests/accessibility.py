"""axe-core, which finds faults that keep people out of a page; a development package carries it."""

from __future__ import annotations

from importlib.resources import files

import pytest

__all__ = ["grave"]


def grave(tab) -> list[tuple[str, str]]:
    """Return the serious and critical faults of an open page; skip where there is no axe-core."""
    pytest.importorskip("axe_playwright_python", reason="no axe-core, so no faults were looked for")
    # Whoever drives the browser is not bound by the page's policy.
    tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run()")["violations"]
    return [
        (fault["id"], node["html"][:200])
        for fault in found
        if fault["impact"] in {"serious", "critical"}
        for node in fault["nodes"]
    ]
