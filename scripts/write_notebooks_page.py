"""Write docs/tutorials/notebooks.md from the first cell of each notebook."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorials" / "notebooks.md"
INTRO = """\
<!-- Written by scripts/write_notebooks_page.py from the notebooks. -->

# Notebooks

Run `make lab` to open the notebooks in JupyterLab. Each runs in under a minute, needs no data of \
your own and no network, and ends with exercises. `make test` runs them with warnings as errors, \
and `make check-lab` checks them in a browser. Run `make filter` once in a clone to keep outputs \
out of git.
"""


def summarize(script: Path) -> tuple[str, str, str]:
    """Return the title of a notebook, its learning goal and its running time."""
    cell = script.read_text(encoding="utf-8").split("# %% [markdown]\n", 1)[1].split("# %%", 1)[0]
    words = re.sub(r"^# ?", "", cell, flags=re.MULTILINE)
    title = words.split("\n", 1)[0].removeprefix("# ").strip()
    text = " ".join(words.split())
    match = re.search(r"After this notebook you (.+?)\. It runs in (about \w+ seconds)\.", text)
    if match is None:
        raise SystemExit(f"{script.name} must state its goal and its running time")
    return title, match[1], match[2]


def page() -> str:
    """Return the text of docs/tutorials/notebooks.md."""
    parts = [INTRO]
    for script in sorted((ROOT / "notebooks").glob("0*.py")):
        title, goal, seconds = summarize(script)
        parts.append(
            f"## {title}\n\nAfter this notebook you {goal}.\n\n"
            f"`notebooks/{script.stem}.ipynb`, {seconds}.\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
