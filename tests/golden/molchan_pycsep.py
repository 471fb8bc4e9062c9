"""Golden numbers of pyCSEP's Molchan diagram.

Run in this folder, with a Python that has pycsep; writes molchan_pycsep.json. pyCSEP takes counts
by cell from a forecast and a catalog, and shows the area skill only in the label of its line.
"""

import json
import re
from pathlib import Path

import numpy as np


class Counts:
    """The part of a forecast or catalog that pyCSEP uses."""

    name = "counts"

    def __init__(self, counts: np.ndarray) -> None:
        self.counts = counts
        self.region = None

    def spatial_counts(self) -> np.ndarray:
        """Return the counts by cell."""
        return self.counts


def main() -> None:
    """Write the golden numbers."""
    import matplotlib as mpl

    mpl.use("Agg")
    from csep.plots import plot_Molchan_diagram

    rng = np.random.default_rng(7)
    cases = []
    for power in (1.0, 0.3, 0.0, -0.5, -1.0):
        rate = rng.gamma(0.8, size=60)
        hits = rng.poisson(0.5 * rate**power / np.mean(rate**power))
        axes = plot_Molchan_diagram(Counts(rate), Counts(hits), show=False)
        label = axes.get_legend().get_texts()[0].get_text()
        score = float(re.search(r"ASS=([\d.]+)", label)[1])
        cases.append({"rate": rate.tolist(), "hits": hits.tolist(), "area_skill": score})
    Path("molchan_pycsep.json").write_text(json.dumps(cases, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
