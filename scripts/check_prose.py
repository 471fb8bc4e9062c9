"""Find words and names that this project's style avoids, in code, docs, pages and tests.

Run as `python scripts/check_prose.py [PATH ...]`, or by `make lint`. Without paths it reads every
file that git tracks. The words are archaic, or metaphors where the field has a term; the names say
nothing about the value. Prints each line with a better choice, and returns 1 if there is any.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
#: Regular expression -> what to write instead.
WORDS = {
    r"told": "given, reported, stated, known from",
    r"whoever|whomever": "the user, the caller, anyone who",
    r"nobody|no one": "no user, no process, not … any",
    r"somebody": "a user, another process",
    r"whence|thereof|therein|thereby|wherein|lest|upon|ought|hither|alas": "modern English",
    r"mend(s|ed|ing)?": "fix, repair",
    r"stands? for itself|(?-i:(?<!there )(?:is|are) none)|paid for": "say what happens",
    r"lived (in|there)|as lived": "local time",
    r"doors?": "reader, entry point",
    r"rooms?": "layer",
    r"nursery|embryo": "fork server, forked process",
    r"as often as liked|as often as you like": "safe to repeat",
    r"bears? (the|a|its|their|this|that)|bore (the|a)": "has, carries",
    r"says who|tells? (of|apart|it)\b": "name the source; distinguish",
    r"beware": "caution, caveat",
    r"straw man": "a weak null model",
}
#: Names that are too general for a variable, an argument, an attribute or a function.
NAMES = frozenset({"told", "made", "found", "said", "one", "each", "whole", "asked"})
SUFFIXES = {".py", ".pyi", ".md", ".j2", ".js", ".css", ".yaml", ".yml", ".toml", ".cff", ".sh"}
#: Checked although their names have no suffix.
WITHOUT_SUFFIX = {"Makefile", ".ci/run"}
#: Files that are not checked: this file lists the words.
LEFT_OUT = {"scripts/check_prose.py"}
_PATTERNS = [
    (re.compile(rf"\b({pattern})\b", re.IGNORECASE), better) for pattern, better in WORDS.items()
]


def main(paths: list[str]) -> int:
    """Print each finding and return 1 if there are any."""
    findings = [
        f"{file}:{line}: {text}" for file in _files(paths) for line, text in sorted(_check(file))
    ]
    print("\n".join([*findings, f"{len(findings)} words or names to change"]))
    return 1 if findings else 0


def _files(paths: list[str]) -> Iterator[Path]:
    listed = subprocess.run(  # noqa: S603 - paths are those of this call
        ["git", "ls-files", "--", *paths],  # noqa: S607 - git is where the user has it
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        checked = Path(name).suffix in SUFFIXES or name in WITHOUT_SUFFIX
        if checked and name not in LEFT_OUT and (ROOT / name).is_file():
            yield Path(name)


def _check(file: Path) -> Iterator[tuple[int, str]]:
    text = (ROOT / file).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, better in _PATTERNS:
            match = pattern.search(line)
            if match:
                yield number, f"“{match.group()}”; better: {better}"
    if file.suffix == ".py":
        for number, name in _names(ast.parse(text)):
            yield number, f"name “{name}” says nothing about the value"


def _names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Return each line that binds a general name: variable, argument, attribute or function."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                pass
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                pass
            case ast.keyword(arg=str(name)):
                pass
            case _:
                continue
        if name in NAMES:
            yield node.lineno, name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
