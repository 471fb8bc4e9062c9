"""Check the licences of all that requirements.lock names and is installed here.

A package may be used if one of the licences that it offers is permissive, or the weak copyleft of
Mozilla. The GPL in any form, the LGPL and the AGPL included, is refused, and so is a package that
tells no licence: what somebody has looked at is named below, with what was found. What is locked
for other systems only is not installed here, and is counted as such.
"""

from __future__ import annotations

import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Looked at by somebody, because the metadata alone would have it refused.
LOOKED_AT = {
    "docutils": "public domain and BSD; the one GPL file is a mode for Emacs, which is not used",
    "text-unidecode": "offered under the Artistic License or the GPL: we take the former",
    "axe-playwright-python": "MIT, as the LICENSE file in it says; its metadata tell none",
}
PERMISSIVE = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|ISCL|MPL|Mozilla|PSF|Python Software Foundation|Zlib|CC0|"
    r"Unlicense|Public Domain)\b",
    re.IGNORECASE,
)
COPYLEFT = re.compile(r"\b[AL]?GPL|GNU|\bAffero\b", re.IGNORECASE)


def told(package: Distribution) -> str:
    """Return what a package says of its licence: expression, else classifiers, else free text."""
    expression = package.metadata.get("License-Expression")
    if expression:
        return str(expression)
    marks = [mark for mark in package.metadata.get_all("Classifier") or () if "License ::" in mark]
    named = [mark.rpartition(" :: ")[2] for mark in marks if not mark.endswith(" OSI Approved")]
    text = str(package.metadata.get("License") or "").strip()
    return "; ".join(named) or text.partition("\n")[0]


def fault(name: str, licence: str) -> str | None:
    """Say why a package is not to be used, None if it may be.

    >>> fault("a", "MIT OR Apache-2.0")
    >>> fault("a", "GPL-3.0-only")
    'a: refused for its licence: GPL-3.0-only'
    >>> fault("a", "")
    'a: its metadata tell no licence'
    """
    if name in LOOKED_AT:
        return None
    # An expression with OR is a choice; classifiers do not say whether they are one.
    choices = licence.split(" OR ")
    if any(PERMISSIVE.search(one) and not COPYLEFT.search(one) for one in choices):
        return None
    if not licence:
        return f"{name}: its metadata tell no licence"
    known = COPYLEFT.search(licence)
    return f"{name}: {'refused for its' if known else 'unknown'} licence: {licence}"


def plain(name: str) -> str:
    """Return the name of a package as a lock writes it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def faults() -> tuple[list[str], int, int]:
    """Return what is wrong, how many packages were looked at, and how many are not here."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9][a-z0-9._-]*)==", lock, flags=re.MULTILINE))
    here = {plain(one.name): one for one in distributions()}
    found = [fault(name, told(here[name])) for name in sorted(locked & set(here))]
    return [one for one in found if one], len(found), len(locked - set(here))


def main() -> int:
    """Print what is wrong."""
    wrong, looked, absent = faults()
    for one in wrong:
        print(one, file=sys.stderr)
    print(f"licences: {looked} packages looked at, {absent} are locked for other systems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
