"""Build what `suggest` reads: annotations.txt, kinds.txt and chance.txt in places/resources.

Run as `python scripts/build_suggestions.py ANNOTATIONS`, ANNOTATIONS being the folder
``annotations`` of the npm package cldr-annotations-full 48.2.0, with wiki_ru_wordnet 1.0.3
installed. The same bytes come out every time.

Sources and licences
- annotations.txt: a subset (emoji; English, Ukrainian, Russian) of Unicode's CLDR annotations,
  under the Unicode License V3, which stands beside it as UNICODE-LICENSE.txt.
- kinds.txt: of the is-a relations that wiki_ru_wordnet (MIT) took from the Russian Wiktionary
  (CC BY-SA), those that lead from a word in the annotations to the name of a place. The file
  stays under CC BY-SA.
- chance.txt: for each hundredth of a score, how many places an emoji suggests on average at that
  score or better, over all emoji of annotations.txt.
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
#: A name is taken for that of a kind where the word explains nearly all of it.
COVERED = 0.9
STEPS = 101


def write(name: str, lines: list[str]) -> None:
    """Write a file whole."""
    scratch = RESOURCES / f"{name}.tmp"
    scratch.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    scratch.replace(RESOURCES / name)


def annotations(folder: Path) -> list[str]:
    """Return a line an emoji: what it is called, then its keywords, in three languages."""
    read = [
        json.loads((folder / language / "annotations.json").read_text(encoding="utf-8"))
        for language in LANGUAGES
    ]
    tables = [table["annotations"]["annotations"] for table in read]
    lines = set()
    for sign in tables[0]:
        if is_emoji(sign) or is_emoji(f"{sign}\ufe0f"):
            cells = []
            for table in tables:
                told = table.get(sign, {})
                words = [*told.get("tts", []), *told.get("default", [])]
                cells.append("|".join(dict.fromkeys(words)))
            lines.add("\t".join([normal_emoji(sign), *cells]))
    return sorted(lines)


def kinds() -> list[str]:
    """Return a line a word: the kinds of it after which a place may be called."""
    wordnet = WikiWordnet()
    roots = suggestions._Roots(Gazetteer.default().populated_places())
    found: dict[str, set[str]] = {}
    for word in sorted(
        {word for told in suggestions._annotations().values() for word in told["ru"]}
    ):
        for synset in wordnet.get_synsets(word) if " " not in word else ():
            for kind in wordnet.get_hyponyms(synset):
                for lemma in {each.lemma() for each in kind.get_words()}:
                    name = fold(lemma)
                    named = name.isalpha() and any(
                        covered >= COVERED for _, _, covered in roots.starting_with(name)
                    )
                    if named and name != fold(word):
                        found.setdefault(fold(word), set()).add(name)
    return [f"{word}\t{'|'.join(sorted(names))}" for word, names in sorted(found.items())]


def chances() -> list[str]:
    """Return how many places an emoji suggests, on average, at each hundredth or better."""
    book = Codebook.default(proposed=True)
    scores = []
    signs = sorted(suggestions._annotations())
    for sign in signs:
        scores += [score for score, _, _ in suggestions._score_places(sign, book)]
    return [
        f"{sum(score >= step / 100 for score in scores) / len(signs):.3f}" for step in range(STEPS)
    ]


def main() -> None:
    """Write the three files, and the licence of the first."""
    folder = Path(sys.argv[1])
    write("annotations.txt", annotations(folder))
    shutil.copyfile(folder.parent / "LICENSE", RESOURCES / "UNICODE-LICENSE.txt")
    write("kinds.txt", kinds())
    suggestions._kinds.cache_clear()
    write("chance.txt", chances())


if __name__ == "__main__":
    main()
