"""Write docs/reference/codes.md, the table of all packaged codes.

Run as `python scripts/build_codes_page.py`. With --check, write nothing and exit with 1 if the page
differs from the codebook.
"""

import sys
from pathlib import Path

from foxgrape.places import Code, Codebook

PAGE = Path(__file__).parents[1] / "docs/reference/codes.md"
HEADER = """# All codes

This page is written by `scripts/build_codes_page.py` from the packaged codebook, which
`foxgrape codebook list` prints. [Place lookup](place-lookup.md#fields) explains the columns.

## Codes in use

Officials used these codes, and the press reported what they stand for. `lookup` and `detect`
use them by default.

{attested}

## Proposals with a source

The source says what the name of the place means or looks like. No use as a code is
known. Proposals are used on request: `Codebook.default(proposed=True)`,
or `--proposed` in the shell.

{sourced}

## Proposals without a source

Only the link of emoji and word has a source, the Unicode CLDR annotations.

{unsourced}
"""


def row(code: Code, book: Codebook) -> str:
    """Return a code as a row of a Markdown table."""
    place = book.gazetteer[code.place_id]
    source = f"[{code.source_title}]({code.source_url})" if code.source_url else code.source_title
    decoded = "" if code.decoded_at is None else str(code.decoded_at)
    cells = [code.code, place.name, place.admin1, code.meaning, code.basis, decoded]
    cells += [code.confidence, source]
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def table(codes: list[Code], book: Codebook) -> str:
    """Return codes as a Markdown table."""
    heads = ["code", "place", "region", "meaning", "basis", "decoded", "confidence", "source"]
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return "\n".join([*lines, *(row(code, book) for code in codes)])


def page() -> str:
    """Return the text of the page."""
    book = Codebook.default(proposed=True)
    attested = [code for code in book if code.attested]
    sourced = [code for code in book if not code.attested and code.basis != "proposed"]
    unsourced = [code for code in book if code.basis == "proposed"]
    return HEADER.format(
        attested=table(attested, book),
        sourced=table(sourced, book),
        unsourced=table(unsourced, book),
    )


def main() -> int:
    """Write the page, or check that it matches the codebook."""
    expected = page()
    if "--check" in sys.argv[1:]:
        is_current = PAGE.read_text(encoding="utf-8") == expected
        print(f"{PAGE.name} {'matches' if is_current else 'differs from'} the codebook")
        return int(not is_current)
    PAGE.write_text(expected, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
