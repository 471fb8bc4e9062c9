"""Recompute published numbers with the functions of foxgrape; write docs/reference/textbook.md.

Fails if a number differs from the published one in a printed digit. ``--check`` writes nothing and
also fails if the page is outdated.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from foxgrape import times
from foxgrape.stats.coincidence.kernels import splitmix64
from foxgrape.stats.coincidence.significance import adjust_fdr
from foxgrape.stats.hazard.conditional_logit import fit_logit
from foxgrape.stats.inputs import EARTH_RADIUS_KM, LEVEL, great_circle_distances
from foxgrape.stats.survival.kaplan_meier import (
    fit_parametric,
    kaplan_meier,
    log_rank,
    quantile,
)
from foxgrape.stats.survival.turnbull import turnbull

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
DATA = ROOT / "tests" / "data" / "textbook"
PAGE = ROOT / "docs" / "reference" / "textbook.md"
INTRO = """\
<!-- Written by scripts/textbook.py, which computes the numbers. -->

# Published numbers, recomputed

Each table compares numbers that were printed in a paper, a textbook or the documentation of other \
software with those that the functions of this package compute from the same data. `make textbook` \
computes them again, in a few seconds, and fails if one differs in a printed digit. The small data \
sets are in `tests/data/textbook`.
"""


@dataclass(frozen=True)
class Number:
    """A published number, as printed, and the computed one."""

    name: str
    published: str
    computed: float | int

    @property
    def rounded(self) -> str:
        """The computed number with as many decimals as the published one."""
        if isinstance(self.computed, int):
            return str(self.computed)
        decimals = len(self.published.partition(".")[2])
        return f"{self.computed:.{decimals}f}"


@dataclass(frozen=True)
class Example:
    """Published numbers of one source."""

    title: str
    source: str
    functions: tuple[str, ...]
    compute: Callable[[], list[Number]]


def _kaplan_and_meier() -> list[Number]:
    leads = np.array([0.8, 1.0, 2.7, 3.1, 5.4, 7.0, 9.2, 12.1])
    observed = np.array([True, False, False, True, True, False, True, False])
    curve = kaplan_meier(leads, observed)
    share = curve.loc[curve["events"] > 0, "survival"]
    names = [f"Survival after {time} months" for time in leads[observed]]
    return _numbers(names, ("0.875", "0.700", "0.525", "0.2625"), share)


def _arm(name: str) -> tuple[np.ndarray, np.ndarray]:
    rows = pd.read_csv(DATA / "freireich.csv").set_index("arm").loc[name]
    return rows["weeks"].to_numpy(float), rows["relapsed"].to_numpy(bool)


def _freireich_curve() -> list[Number]:
    curve = kaplan_meier(*_arm("6-MP"))
    curve = curve[curve["events"] > 0]
    published = ("0.857", "0.807", "0.753", "0.690", "0.627", "0.538", "0.448")
    names = [f"Survival after {day:.0f} weeks, 6-MP" for day in times.in_days(curve["time"])]
    return _numbers(names, published, curve["survival"])


def _freireich_comparison() -> list[Number]:
    arms = [_arm(name) for name in ("6-MP", "placebo")]
    medians = [quantile(kaplan_meier(*arm), 0.5) for arm in arms]
    leads, observed = (np.concatenate(pair) for pair in zip(*arms, strict=True))
    test = log_rank(leads, leads, observed, np.repeat(["6-MP", "placebo"], 21))
    names = ("Median, 6-MP, weeks", "Median, placebo, weeks", "Log-rank chi-squared")
    days = [median / pd.Timedelta(days=1) for median in medians]
    return _numbers(names, ("23", "8", "16.79"), [*days, test.statistic])


def _cosmesis() -> list[Number]:
    rows = pd.read_csv(DATA / "cosmesis.csv")
    low, high = rows["after"].to_numpy(float), rows["until"].fillna(np.inf).to_numpy(float)
    mass = turnbull(low, high, left_open=True).mass.query("mass > 1e-6")
    names = [f"Mass in ({row['from']:g}, {row['until']:g}]" for _, row in mass.iterrows()]
    published = ("0.0463", "0.0334", "0.0887", "0.0708", "0.0926", "0.0818", "0.1209", "0.4656")
    return _numbers(names, published, mass["mass"])


def _infertility() -> list[Number]:
    rows = pd.read_csv(DATA / "infert.csv")
    row = rows["stratum"].to_numpy() - 1
    column = rows.groupby("stratum").cumcount().to_numpy()
    terms = np.zeros((2, row.max() + 1, column.max() + 1))
    terms[:, row, column] = rows[["spontaneous", "induced"]].to_numpy().T
    # One stratum has a single control: nothing can be chosen in its last column.
    offset = np.full(terms.shape[1:], -np.inf)
    offset[row, column] = 0
    case = column[rows["case"] == 1]
    first = fit_logit(terms, case, offset=offset)
    fit = fit_logit(terms, case, offset=offset, start=first.beta)
    errors = np.sqrt(np.diag(np.linalg.inv(fit.information)))
    names = (
        "Coefficient, spontaneous abortions",
        "Its standard error",
        "Coefficient, induced abortions",
        "Its standard error",
    )
    computed = [value for pair in zip(fit.beta, errors, strict=True) for value in pair]
    return _numbers(names, ("1.9859", "0.3524", "1.4090", "0.3607"), computed)


def _ball_bearings() -> list[Number]:
    revolutions = np.array(
        [17.88, 28.92, 33.00, 41.52, 42.12, 45.60, 48.48, 51.84, 51.96, 54.12, 55.56, 67.80,
         68.64, 68.64, 68.88, 84.12, 93.12, 98.64, 105.12, 105.84, 127.92, 128.04, 173.40]
    )  # fmt: skip
    fits = fit_parametric(revolutions, revolutions, revolutions > 0).set_index("law")
    weibull, normal = fits.loc["Weibull"], fits.loc["log-normal"]
    return _numbers(
        ("Weibull shape", "Weibull scale", "Log-normal mean of logs", "Log-normal deviation"),
        ("2.10", "81.88", "4.15", "0.522"),
        [weibull["shape"], weibull["scale"], np.log(normal["scale"]), normal["shape"]],
    )


def _false_discoveries() -> list[Number]:
    p = np.array(
        [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262,
         0.5719, 0.6528, 0.7590, 1.0000]
    )  # fmt: skip
    return [Number("Hypotheses rejected at 0.05", "4", float((adjust_fdr(p) <= LEVEL).sum()))]


def _great_circle() -> list[Number]:
    airports = np.array([[33 + 57 / 60, -118 - 24 / 60], [40 + 38 / 60, -73 - 47 / 60]])
    radians = great_circle_distances(airports)[0, 1] / EARTH_RADIUS_KM
    return [Number("Los Angeles to New York, radians", "0.623585", float(radians))]


def _random_numbers() -> list[Number]:
    golden, seed = 0x9E3779B97F4A7C15, 1234567
    published = (
        "6457827717110365317",
        "3203168211198807973",
        "9817491932198370423",
        "4593380528125082431",
        "16408922859458223821",
    )
    states = [np.uint64((seed + draw * golden) % 2**64) for draw in range(1, 6)]
    names = [f"Number {draw} of seed {seed}" for draw in range(1, 6)]
    return _numbers(names, published, [int(splitmix64(state)) for state in states])


def _numbers(names: object, published: object, computed: object) -> list[Number]:
    return [Number(*row) for row in zip(names, published, computed, strict=True)]


EXAMPLES = (
    Example(
        "Kaplan–Meier estimate of eight times",
        "Kaplan and Meier (1958), Journal of the American Statistical Association 53, section 1.",
        ("kaplan_meier",),
        _kaplan_and_meier,
    ),
    Example(
        "Kaplan–Meier estimate of remissions in leukaemia",
        "Data: Freireich et al. (1963), Blood 21. Numbers: Kleinbaum and Klein (2012), Survival "
        "Analysis, chapter 2.",
        ("kaplan_meier",),
        _freireich_curve,
    ),
    Example(
        "Medians and log-rank test",
        "The same data. Numbers: Kleinbaum and Klein (2012), Survival Analysis, chapter 2.",
        ("quantile", "log_rank"),
        _freireich_comparison,
    ),
    Example(
        "Turnbull estimate of interval-censored times",
        "Cosmetic deterioration after radiotherapy: Finkelstein and Wolfe (1985), Biometrics 41. "
        "Numbers: Fay and Shaw (2010), Journal of Statistical Software 36(2).",
        ("turnbull",),
        _cosmesis,
    ),
    Example(
        "Conditional logit of matched sets",
        "Data: Trichopoulos et al. (1976), British Journal of Obstetrics and Gynaecology 83. "
        "Numbers: example of `clogit` in R's package survival.",
        ("fit_logit",),
        _infertility,
    ),
    Example(
        "Weibull and log-normal distributions",
        "Endurance of 23 ball bearings in millions of revolutions: Lieblein and Zelen (1956). "
        "Numbers: Lawless (2003), Statistical Models and Methods for Lifetime Data.",
        ("fit_parametric",),
        _ball_bearings,
    ),
    Example(
        "False discovery rate",
        "Fifteen p-values of Benjamini and Hochberg (1995), Journal of the Royal Statistical "
        "Society B 57, section 3.",
        ("adjust_fdr",),
        _false_discoveries,
    ),
    Example(
        "Distance on the sphere",
        "Williams, Aviation Formulary: great circle between two airports.",
        ("great_circle_distances",),
        _great_circle,
    ),
    Example(
        "Random numbers of the surrogates",
        "SplitMix64 of Steele, Lea and Flood (2014); test values of Rosetta Code.",
        ("splitmix64",),
        _random_numbers,
    ),
)


def differences() -> list[str]:
    """Return a line for each number that differs from the published one."""
    return [
        f"{example.title}: {number.name}: published {number.published}, got {number.rounded}"
        for example in EXAMPLES
        for number in example.compute()
        if number.rounded != number.published
    ]


def page() -> str:
    """Return the text of docs/reference/textbook.md."""
    parts = [INTRO]
    for example in EXAMPLES:
        functions = ", ".join(f"`{name}`" for name in example.functions)
        rows = [f"| {n.name} | {n.published} | {n.rounded} |" for n in example.compute()]
        table = "\n".join(["| number | published | computed |", "|---|---|---|", *rows])
        parts.append(
            f"## {example.title}\n\n{example.source} Computed by {functions}.\n\n{table}\n"
        )
    return "\n".join(parts)


def main() -> None:
    """Compare all numbers; write the page, or check it."""
    if problems := differences():
        sys.exit("\n".join(problems))
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit(f"{PAGE.name} is outdated. Hint: run `make textbook`")


if __name__ == "__main__":
    main()
