"""Write docs/tutorials/notebooks.md: what each notebook is good for, as it says itself."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tutorials" / "notebooks.md"
INTRO = """\
<!-- Written by scripts/write_notebooks_page.py from the notebooks themselves. -->

# Notebooks

`make lab` opens JupyterLab on them. Each needs no data of your own and no network, runs in under \
a minute, and ends with exercises. They are run by `make test`, in which a warning is an error, \
and by `make check-lab`, which runs each in a browser. Git keeps no outputs once `make filter` was \
run in a clone.
"""


def told(script: Path) -> tuple[str, str, str]:
    """Return the title of a notebook, what its reader will be able to do, and its time to run."""
    cell = script.read_text(encoding="utf-8").split("# %% [markdown]\n", 1)[1].split("# %%", 1)[0]
    words = re.sub(r"^# ?", "", cell, flags=re.MULTILINE)
    title = words.split("\n", 1)[0].removeprefix("# ").strip()
    text = " ".join(words.split())
    found = re.search(r"After this notebook you (.+?)\. It runs in (about \w+ seconds)\.", text)
    if found is None:
        raise SystemExit(f"{script.name} does not say what it is for, or how long it runs")
    return title, found[1], found[2]


def page() -> str:
    """Return the page."""
    parts = [INTRO]
    for script in sorted((ROOT / "notebooks").glob("0*.py")):
        title, able, seconds = told(script)
        parts.append(
            f"## {title}\n\nAfter it you {able}.\n\n`notebooks/{script.stem}.ipynb`, {seconds}.\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
