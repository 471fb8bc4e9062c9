"""Golden numbers of R's package survival, from tests/golden/survival.R."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from foxgrape.stats.hazard import conditional_logit
from foxgrape.stats.survival.competing_risks import _curves
from foxgrape.stats.survival.kaplan_meier import kaplan_meier, log_rank, quantile, restricted_mean
from foxgrape.stats.survival.turnbull import turnbull

GOLDEN = Path(__file__).parents[2] / "golden"
DAY = pd.Timedelta(days=1)


def golden(name):
    return pd.read_csv(GOLDEN / f"{name}.csv")


@pytest.fixture(scope="module")
def leads():
    frame = golden("in_leads")
    return frame["time"].to_numpy(float), frame["status"].to_numpy() == 1, frame["group"]


@pytest.fixture(scope="module")
def curve(leads):
    return kaplan_meier(*leads[:2])


def test_kaplan_meier_equals_survfit_with_log_log_band(curve):
    reference = golden("out_kaplan_meier")
    assert (curve["time"] / DAY).tolist() == reference["time"].tolist()
    assert curve["survival"].to_numpy() == pytest.approx(reference["surv"].to_numpy())
    assert curve["at_risk"].tolist() == reference["n_risk"].tolist()
    assert curve["events"].tolist() == reference["n_event"].tolist()
    inside = reference["surv"].between(0, 1, inclusive="neither").to_numpy()
    for ours, theirs in (("lower", "lower"), ("upper", "upper")):
        assert curve[ours][inside].to_numpy() == pytest.approx(
            reference[theirs][inside].to_numpy(), rel=1e-6
        )


def test_quantiles_and_their_intervals_equal_those_of_survfit(curve):
    for row in golden("out_quantiles").itertuples():
        for of, theirs in (
            ("survival", row.quantile),
            ("lower", row.lower),
            ("upper", row.upper),
        ):
            ours = quantile(curve, row.p, of)
            assert pd.isna(ours) if pd.isna(theirs) else ours / DAY == theirs


def test_restricted_mean_and_its_error_equal_those_of_survfit(curve):
    for row in golden("out_restricted_mean").itertuples():
        estimate = restricted_mean(curve, row.horizon * DAY)
        assert estimate.mean / DAY == pytest.approx(row.mean, rel=1e-9)
        assert estimate.standard_error / DAY == pytest.approx(row.se, rel=1e-9)


def test_log_rank_of_three_groups_and_of_two_equals_survdiff(leads):
    lead, observed, group = leads
    for row in golden("out_log_rank").itertuples():
        part = group.isin(list(row.groups)).to_numpy()
        estimate = log_rank(lead[part], lead[part], observed[part], group[part].to_numpy(str))
        assert estimate.statistic == pytest.approx(row.chisq, rel=1e-9)
        assert estimate.p_value == pytest.approx(row.p, rel=1e-9)
        assert estimate.degrees == len(row.groups) - 1


def test_turnbull_is_at_least_as_likely_as_survfit_interval2_and_equals_it():
    frame, reference = golden("in_rough"), golden("out_turnbull")
    low = frame["low"].to_numpy()
    high = frame["high"].fillna(np.inf).to_numpy()
    ours = turnbull(low, high)
    assert ours.gap <= 1e-6
    # R reports the middle of each interval with mass, and stops once no step moves its curve by
    # 5e-5: it is near the maximum, and cannot be more likely.
    first, last = (ours.mass[end].to_numpy() for end in ("from", "until"))
    steps = reference.assign(mass=-np.diff(np.concatenate([[1.0], reference["surv"]])))
    near = np.isclose(steps["time"].to_numpy(), ((first + last) / 2)[:, None])
    masses = near @ steps["mass"].to_numpy()
    assert masses == pytest.approx(ours.mass["mass"].to_numpy(), abs=4e-3)
    held = (low[:, None] <= first) & (last <= high[:, None])
    theirs = np.log(held @ (masses / masses.sum())).sum()
    assert theirs <= ours.log_likelihood + 1e-9
    assert theirs == pytest.approx(ours.log_likelihood, abs=1e-2)


def test_aalen_johansen_equals_survfit_of_states():
    frame, reference = golden("in_outcomes"), golden("out_aalen_johansen")
    curves = _curves(frame["time"].to_numpy(float), frame["cause"].to_numpy(np.int64))
    for name in ("stood", "retracted"):
        ours = curves[curves["outcome"] == name]
        assert ours["incidence"].to_numpy() == pytest.approx(reference[name].to_numpy())
        assert ours["standard_error"].to_numpy() == pytest.approx(
            reference[f"se_{name}"].to_numpy(), rel=1e-6
        )


def test_conditional_logit_equals_clogit_and_coxph_clustered():
    frame, reference = golden("in_risk_sets"), golden("out_clogit")
    events, places = frame["event"].max(), frame["place"].max()
    terms = np.stack(
        [frame[name].to_numpy(float).reshape(events, places) for name in reference["term"]]
    )
    case = frame["case"].to_numpy().reshape(events, places).argmax(axis=1)
    best = conditional_logit.fit_logit(terms, case)
    assert best.beta == pytest.approx(reference["coef"].to_numpy(), rel=1e-7)
    errors = np.sqrt(np.diag(conditional_logit.inverse_information(best.information)))
    assert errors == pytest.approx(reference["se"].to_numpy(), rel=1e-6)
    assert best.log_likelihood == pytest.approx(reference["loglik"][0], rel=1e-10)
    without = conditional_logit.fit_logit(terms[1:], case)
    assert without.log_likelihood == pytest.approx(reference["loglik_without"][0], rel=1e-10)
    # R's sandwich has no correction for the number of clusters; ours has J / (J - 1).
    robust = np.sqrt(
        np.diag(conditional_logit.clustered_covariance(terms, case, best)) * (places - 1) / places
    )
    assert robust == pytest.approx(reference["robust_se"].to_numpy(), rel=1e-6)
