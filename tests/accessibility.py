"""Check pages with axe-core, which is included in a development package."""

from __future__ import annotations

from importlib.resources import files

import pytest

__all__ = ["grave"]


def grave(tab) -> list[tuple[str, str]]:
    """Return the serious and critical violations of an open page; skip without axe-core."""
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    # Scripts of the driver are exempt from the page's policy.
    tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    violations = tab.evaluate("axe.run()")["violations"]
    return [
        (violation["id"], node["html"][:200])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]
