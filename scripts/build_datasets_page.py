"""Write the generated part of docs/reference/datasets.md from the registry of data sets.

Run as `python scripts/build_datasets_page.py`. With --check, write nothing and exit with 1 if the
page differs from the registry (toolkit/foxgrape/resources/datasets.toml).
"""

import sys
from pathlib import Path

from foxgrape.io.datasets import Dataset, list_datasets

PAGE = Path(__file__).parents[1] / "docs/reference/datasets.md"
START, END = "<!-- written from the registry -->\n", "<!-- to here -->"


def section(dataset: Dataset) -> str:
    """Return the page section of a data set."""
    checked = "checked" if dataset.url_checked else "not checked"
    reader = f'`read_events(path, format="{dataset.format}")`'
    lines = [
        f"### {dataset.name}",
        "",
        dataset.description,
        "",
        "| | |",
        "|---|---|",
        f"| publisher | <{dataset.homepage}> |",
        f"| licence | [{dataset.licence}]({dataset.licence_url}) |",
        f"| cite as | {dataset.citation} |",
        f"| file | <{dataset.url}>, stored as `{dataset.filename}` |",
        f"| checksum | {dataset.checksum.replace('sha256:', 'SHA-256 ')} |",
        f"| reader | {'none' if dataset.format == 'none' else reader} |",
        f"| URL | {checked}; {dataset.url_note} |",
    ]
    return "\n".join(lines)


def page(text: str) -> str:
    """Return the page text with its generated part replaced."""
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    sections = "\n\n".join(map(section, list_datasets().values()))
    return f"{before}{START}\n{sections}\n\n{END}{after}"


def main() -> int:
    """Write the page, or check that it matches the registry."""
    text = PAGE.read_text(encoding="utf-8")
    expected = page(text)
    if "--check" in sys.argv[1:]:
        state = "matches" if expected == text else "differs from"
        print(f"{PAGE.name} {state} the registry")
        return int(expected != text)
    PAGE.write_text(expected, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
