"""Write the part of docs/reference/datasets.md that tells each data set, from the registry.

Run as `python scripts/build_datasets_page.py`; with --check it only says whether the page is what
the registry (toolkit/foxgrape/resources/datasets.toml) makes it.
"""

import sys
from pathlib import Path

from foxgrape.io.datasets import Dataset, list_datasets

PAGE = Path(__file__).parents[1] / "docs/reference/datasets.md"
START, END = "<!-- written from the registry -->\n", "<!-- to here -->"


def section(entry: Dataset) -> str:
    """Return what the page tells of one data set."""
    seen = "was seen to give the file" if entry.checked else "was not tried"
    reader = f'`read_events(path, format="{entry.format}")`'
    lines = [
        f"### {entry.name}",
        "",
        f"{entry.what[0].upper()}{entry.what[1:]}.",
        "",
        "| | |",
        "|---|---|",
        f"| publisher | <{entry.home}> |",
        f"| licence | [{entry.licence}]({entry.licence_url}) |",
        f"| name | {entry.citation} |",
        f"| file | <{entry.url}>, here `{entry.file}` |",
        f"| checksum | {entry.checksum.replace('sha256:', 'SHA-256 ')} |",
        f"| reader | {'none of its own' if entry.format == 'none' else reader} |",
        f"| address | {seen}; {entry.known} |",
    ]
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page with the sections written anew."""
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    sections = "\n\n".join(map(section, list_datasets().values()))
    return f"{before}{START}\n{sections}\n\n{END}{after}"


def main() -> int:
    """Write the page, or tell whether it is as it should be."""
    text = PAGE.read_text(encoding="utf-8")
    made = page(text)
    if "--check" in sys.argv[1:]:
        print(f"{PAGE.name} {'is' if made == text else 'is not'} what the registry makes it")
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
