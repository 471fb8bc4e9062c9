"""Build the data of `suggest`: annotations.txt, kinds.txt and chance.txt in places/resources.

Run as `python scripts/build_suggestions.py ANNOTATIONS`, where ANNOTATIONS is the folder
``annotations`` of the npm package cldr-annotations-full 48.2.0, with wiki_ru_wordnet 1.0.3
installed. The output is reproducible byte for byte.

Sources and licences
- annotations.txt: a subset (emoji; English, Ukrainian, Russian) of Unicode's CLDR annotations,
  under the Unicode License V3, included as UNICODE-LICENSE.txt.
- kinds.txt: the is-a relations from a word in the annotations to the name of a place, among those
  that wiki_ru_wordnet (MIT) took from the Russian Wiktionary (CC BY-SA). The file has that licence.
- chance.txt: for each hundredth of a score, the mean number of places that an emoji suggests at
  that score or higher, over all emoji in annotations.txt.
"""

import json
import shutil
import sys
from pathlib import Path

from emoji import is_emoji
from wiki_ru_wordnet import WikiWordnet

from foxgrape.places import Codebook, Gazetteer, fold, normal_emoji, suggestions

RESOURCES = Path(__file__).parents[1] / "toolkit/foxgrape/places/resources"
LANGUAGES = ("en", "uk", "ru")
#: Share of a place name that a word must cover for the name to be derived from it.
COVERED = 0.9
STEPS = 101


def write_lines(name: str, lines: list[str]) -> None:
    """Write a file atomically."""
    scratch = RESOURCES / f"{name}.tmp"
    scratch.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    scratch.replace(RESOURCES / name)


def annotation_lines(folder: Path) -> list[str]:
    """Return one line per emoji: its name, then its keywords, in three languages."""
    files = [
        json.loads((folder / language / "annotations.json").read_text(encoding="utf-8"))
        for language in LANGUAGES
    ]
    tables = [content["annotations"]["annotations"] for content in files]
    lines = set()
    for character in tables[0]:
        if is_emoji(character) or is_emoji(f"{character}\ufe0f"):
            cells = []
            for table in tables:
                entry = table.get(character, {})
                words = [*entry.get("tts", []), *entry.get("default", [])]
                cells.append("|".join(dict.fromkeys(words)))
            lines.add("\t".join([normal_emoji(character), *cells]))
    return sorted(lines)


def kind_lines() -> list[str]:
    """Return one line per word: those of its hyponyms from which a place name may derive."""
    wordnet = WikiWordnet()
    roots = suggestions._Roots(Gazetteer.default().populated_places())
    names_by_word: dict[str, set[str]] = {}
    for word in sorted(
        {word for words in suggestions._annotations().values() for word in words["ru"]}
    ):
        for synset in wordnet.get_synsets(word) if " " not in word else ():
            for kind in wordnet.get_hyponyms(synset):
                for lemma in {form.lemma() for form in kind.get_words()}:
                    name = fold(lemma)
                    named = name.isalpha() and any(
                        covered >= COVERED for _, _, covered in roots.starting_with(name)
                    )
                    if named and name != fold(word):
                        names_by_word.setdefault(fold(word), set()).add(name)
    return [f"{word}\t{'|'.join(sorted(names))}" for word, names in sorted(names_by_word.items())]


def chance_lines() -> list[str]:
    """Return the mean number of places that an emoji suggests at each score or higher."""
    codebook = Codebook.default(proposed=True)
    emoji = sorted(suggestions._annotations())
    scores = [
        score
        for character in emoji
        for score, _, _ in suggestions._score_places(character, codebook)
    ]
    return [
        f"{sum(score >= step / 100 for score in scores) / len(emoji):.3f}" for step in range(STEPS)
    ]


def main() -> None:
    """Write the three files, and the licence of annotations.txt."""
    folder = Path(sys.argv[1])
    write_lines("annotations.txt", annotation_lines(folder))
    shutil.copyfile(folder.parent / "LICENSE", RESOURCES / "UNICODE-LICENSE.txt")
    write_lines("kinds.txt", kind_lines())
    suggestions._kinds.cache_clear()
    write_lines("chance.txt", chance_lines())


if __name__ == "__main__":
    main()
