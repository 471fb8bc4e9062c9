"""Check the licences of the installed packages that requirements.lock lists.

A package is allowed if at least one of the licences it offers is permissive or the Mozilla Public
License. The GPL, the LGPL, the AGPL and missing licences are rejected, except for the packages in
REVIEWED, which lists the reason for each. Packages locked only for other systems are not installed,
so they are counted but not checked.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Packages that are allowed although their metadata alone would get them rejected, and why.
REVIEWED = {
    "docutils": "public domain and BSD; its only GPL file is an Emacs mode, which is not used",
    "text-unidecode": "dual-licensed under the Artistic License and the GPL; used under the former",
    "axe-playwright-python": "MIT according to its LICENSE file; its metadata has no licence",
}
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|ISCL|MPL|Mozilla|PSF|Python Software Foundation|Zlib|CC0|"
    r"Unlicense|Public Domain)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b[AL]?GPL|GNU|\bAffero\b", re.IGNORECASE)


def declared_licence(package: Distribution) -> str:
    """Return a package's licence from its licence expression, else classifiers, else free text."""
    expression = package.metadata.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [c for c in package.metadata.get_all("Classifier") or () if "License ::" in c]
    names = [c.rpartition(" :: ")[2] for c in classifiers if not c.endswith(" OSI Approved")]
    text = str(package.metadata.get("License") or "").strip()
    return "; ".join(names) or text.partition("\n")[0]


def licence_problem(name: str, licence: str) -> str | None:
    """Return why a package must not be used, or None if it is allowed.

    >>> licence_problem("a", "MIT OR Apache-2.0")
    >>> licence_problem("a", "GPL-3.0-only")
    'a: rejected licence: GPL-3.0-only'
    >>> licence_problem("a", "")
    'a: no licence in its metadata'
    """
    if name in REVIEWED:
        return None
    # An expression with OR offers a choice; for classifiers the relation is unknown.
    choices = licence.split(" OR ")
    if any(PERMISSIVE.search(choice) and not COPYLEFT.search(choice) for choice in choices):
        return None
    if not licence:
        return f"{name}: no licence in its metadata"
    reason = "rejected" if COPYLEFT.search(licence) else "unknown"
    return f"{name}: {reason} licence: {licence}"


def normalize_name(name: str) -> str:
    """Return a package name as lock files spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def check_licences() -> tuple[list[str], int, int]:
    """Return the problems, the number of checked packages and the number not installed."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, flags=re.MULTILINE))
    installed = {normalize_name(package.name): package for package in distributions()}
    checked = sorted(locked & set(installed))
    problems = [licence_problem(name, declared_licence(installed[name])) for name in checked]
    return [text for text in problems if text], len(checked), len(locked - set(installed))


def main() -> int:
    """Print the problems and return 1 if there are any."""
    problems, checked, absent = check_licences()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"licences: {checked} packages checked, {absent} locked only for other systems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
