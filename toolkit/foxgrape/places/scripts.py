"""Rules for names in scripts without capital letters, declared in ``resources/scripts.toml``."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from foxgrape.places.normalize import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Script", "has_native_letters", "native_forms", "scripts"]


@dataclass(frozen=True, slots=True)
class Script:
    """The rules of a script; see ``resources/scripts.toml``."""

    letter: re.Pattern[str]
    word: re.Pattern[str]
    spaced: bool
    shortest: int
    attached: tuple[tuple[str, re.Pattern[str]], ...]
    locating: frozenset[str]
    article: str
    contracted: frozenset[str]
    before: frozenset[str]
    after: tuple[str, ...]
    not_before: frozenset[str]
    not_after: tuple[str, ...]
    ordinary: frozenset[str]

    @classmethod
    def of(cls, rules: dict[str, Any]) -> Script:
        """Return the rules that a table of ``scripts.toml`` states."""
        letters, marks = rules["letters"], rules["marks"]
        any_mark = f"[{marks}]*" if marks else ""
        word = f"(?:[{letters}]{any_mark})+"
        if rules["spaced"]:
            word += f"(?:['’׳\"״]{word})*"
        prefixes = sorted(rules["attached"].split(), key=len)
        folded_sets = {
            name: frozenset(map(fold, rules[name].split()))
            for name in ("before", "not_before", "ordinary")
        }
        return cls(
            letter=re.compile(f"[{letters}]"),
            word=re.compile(word),
            spaced=rules["spaced"],
            shortest=rules["shortest"],
            attached=tuple(
                (prefix, re.compile("".join(f"{letter}{any_mark}" for letter in prefix)))
                for prefix in prefixes
            ),
            locating=frozenset(rules["locating"].split()),
            article=rules["article"],
            contracted=frozenset(rules["contracted"].split()),
            after=tuple(rules["after"].split()),
            not_after=tuple(rules["not_after"].split()),
            **folded_sets,
        )

    def readings(self, phrase: str) -> Iterator[tuple[str, int, str]]:
        """Yield the ways to read a phrase: the attached word, where the name starts, its key."""
        for prefix, pattern in (("", None), *self.attached):
            start = 0
            if pattern is not None:
                match = pattern.match(phrase)
                if match is None:
                    continue
                start = match.end()
            key = fold(phrase[start:])
            keys = [self.article + key, key] if prefix in self.contracted else [key]
            if self.article and key.startswith(self.article):
                keys.append(key.removeprefix(self.article))
            # The article of a contracted word is written with it.
            begin = 0 if prefix in self.contracted else start
            yield from ((prefix, begin, key) for key in keys if len(key) >= self.shortest)


@cache
def scripts() -> tuple[Script, ...]:
    """Return the rules of all scripts that have their own."""
    text = (files("foxgrape") / "resources" / "scripts.toml").read_text(encoding="utf-8")
    return tuple(Script.of(rules) for rules in tomllib.loads(text).values())


@cache
def _any_letter() -> re.Pattern[str]:
    return re.compile("|".join(script.letter.pattern for script in scripts()))


def has_native_letters(text: str) -> bool:
    """Return whether a text has a letter of a script with rules of its own.

    Examples
    --------
    >>> [has_native_letters(text) for text in ("Ізюм 🍇", "Haifa חיפה", "花蓮")]
    [False, True, True]
    """
    return not text.isascii() and _any_letter().search(text) is not None


def native_forms(name: str) -> Iterator[str]:
    """Yield the folded names that a name in such a script may stand for.

    Examples
    --------
    >>> list(native_forms("والخرطوم")), list(native_forms("Haifa"))
    (['والخرطوم', 'الخرطوم', 'خرطوم'], [])
    """
    if has_native_letters(name):
        for script in scripts():
            if script.letter.search(name):
                yield from (key for _, _, key in script.readings(name.strip()))
                yield from (fold(name) + word for word in script.after)
