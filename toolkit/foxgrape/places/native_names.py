"""Find place names in scripts without capital letters: Arabic, Hebrew and Chinese.

The rules of each script are declared in ``resources/scripts.toml``: words that are joined to a
name, and words that show whether it means a settlement. Names are not inflected. In a script
without spaces, the longest name at a position is taken.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from foxgrape.places.mention_context import Name, folded, word_before
from foxgrape.places.normalize import fold
from foxgrape.places.scripts import Script, has_native_letters, scripts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from foxgrape.places import Gazetteer, PlaceMatch

__all__ = ["NativeName", "find_native_names"]

_MAX_WORDS = 4
_OTHER = "other"


class NativeName(NamedTuple):
    """A name in a text.

    Attributes
    ----------
    name
        The name, with its matches.
    located
        Whether the words around it, or joined to it, show that it means a settlement.
    ordinary
        Whether it is also an ordinary word.
    """

    name: Name
    located: bool
    ordinary: bool


def find_native_names(text: str, gazetteer: Gazetteer) -> list[NativeName]:
    """Find the names of a gazetteer in the parts of a text that are in such a script.

    Names of regions, streets and the like are left out, by the words around them.
    """
    if not has_native_letters(text):
        return []
    names: list[NativeName] = []
    for script in scripts():
        keys = _keys(gazetteer, script)
        if keys.names and script.letter.search(text):
            find = _find_spaced if script.spaced else _find_unspaced
            names += find(text, script, keys, gazetteer)
    return names


class _Keys(NamedTuple):
    """The folded names of a gazetteer that begin in a script.

    `names` maps each name, and each without a word such as 市 at its end, to the full name.
    """

    names: dict[str, str]
    first_letters: frozenset[str]
    longest: int


@lru_cache(maxsize=16)
def _keys(gazetteer: Gazetteer, script: Script) -> _Keys:
    full = [key for key in gazetteer.name_keys() if script.letter.match(key)]
    names = {
        key.removesuffix(word): key
        for key in full
        for word in script.after
        if key.endswith(word) and len(key) - len(word) >= script.shortest
    } | {key: key for key in full}
    return _Keys(names, frozenset(key[0] for key in names), max(map(len, names), default=0))


@lru_cache(maxsize=1 << 15)
def _matches(gazetteer: Gazetteer, key: str) -> tuple[PlaceMatch, ...]:
    """Return the places that have a name in one of the gazetteer's languages."""
    return tuple(
        match
        for match in gazetteer.find(key, exact=True, limit=None)
        if not match.place.languages or match.matched not in match.place.names_in(_OTHER)
    )


def _find_spaced(
    text: str, script: Script, keys: _Keys, gazetteer: Gazetteer
) -> Iterator[NativeName]:
    words = [word.span() for word in script.word.finditer(text)]
    at = 0
    while at < len(words):
        for count in range(min(_MAX_WORDS, _joined(text, words, at)), 0, -1):
            name = _read(text, words[at][0], words[at + count - 1][1], script, keys, gazetteer)
            if name is not None:
                if not _is_other(text, name.name, script):
                    yield name
                at += count - 1
                break
        at += 1


def _joined(text: str, words: list[tuple[int, int]], at: int) -> int:
    """Return how many words from a word on are separated by single blanks or hyphens only."""
    count = 1
    while at + count < len(words) and text[words[at + count - 1][1] : words[at + count][0]] in {
        *(" ", "\u00a0", "-", "\u05be", "\u2011", "\u2013"),
    }:
        count += 1
    return count


def _read(
    text: str,
    start: int,
    end: int,
    script: Script,
    keys: _Keys,
    gazetteer: Gazetteer,
) -> NativeName | None:
    """Return the name that a phrase is, with or without words joined to it; None if no name is."""
    for prefix, offset, key in script.readings(text[start:end]):
        if key in keys.names and (matches := _matches(gazetteer, keys.names[key])):
            before = word_before(text, start)
            # Three letters with a word joined to them are a name by chance too often.
            joined = prefix in script.locating and len(key) > script.shortest
            located = joined or _has_word(before, script.before, script)
            ordinary = not {key, script.article + key}.isdisjoint(script.ordinary)
            return NativeName(Name(start + offset, end, matches, before, ""), located, ordinary)
    return None


def _has_word(word: str, words: frozenset[str], script: Script) -> bool:
    """Return whether a word, with or without words joined to it, is one of `words`."""
    return any(key in words for _, _, key in script.readings(word)) or folded(word) in words


def _is_other(text: str, name: Name, script: Script) -> bool:
    """Return whether the words around a name show that it means something else."""
    return _has_word(name.before, script.not_before, script) or text.startswith(
        script.not_after or "\0", name.end
    )


def _find_unspaced(
    text: str, script: Script, keys: _Keys, gazetteer: Gazetteer
) -> Iterator[NativeName]:
    for run in script.word.finditer(text):
        at = run.start()
        while at < run.end():
            longest = keys.longest if fold(text[at]) in keys.first_letters else 0
            for end in range(min(at + longest, run.end()), at + script.shortest - 1, -1):
                key = fold(text[at:end])
                if key in keys.names and (matches := _matches(gazetteer, keys.names[key])):
                    name = Name(at, end, matches, "", "")
                    if not _is_other(text, name, script):
                        located = _is_located(text, name, script)
                        yield NativeName(name, located, key in script.ordinary)
                    at = end - 1
                    break
            at += 1


def _is_located(text: str, name: Name, script: Script) -> bool:
    """Return whether what stands directly before or after a name shows that it is a settlement."""
    return (
        text[max(0, name.start - 1) : name.start] in script.before
        or text.startswith(script.after, name.end)
        or text[name.start : name.end].endswith(script.after)
    )
