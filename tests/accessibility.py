"""Accessibility checks by axe-core, which the development package axe-playwright-python bundles."""

from __future__ import annotations

from importlib.resources import files

import pytest

__all__ = ["grave"]


def grave(tab) -> list[tuple[str, str]]:
    """Return the serious and critical violations of an open page; skip if axe-core is missing."""
    pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    # evaluate() runs outside the page's content security policy.
    tab.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    violations = tab.evaluate("axe.run()")["violations"]
    return [
        (violation["id"], node["html"][:200])
        for violation in violations
        if violation["impact"] in {"serious", "critical"}
        for node in violation["nodes"]
    ]
