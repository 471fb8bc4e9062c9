"""One account: its habits, how surprising its signals were, and how often they were borne out."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted, duration_in_words
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.places import fold, normal_emoji
from foxgrape.stats.survival.lead_times import lead_times

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["AccountProfile", "account_profile"]

#: Bits of surprisal: what stands in every eighth post or more often says little.
_BITS = (3.0, 6.0)
_BANDS = ("up to 3 bits", "3 to 6 bits", "more than 6 bits")


@dataclass(frozen=True, slots=True, eq=False)
class AccountProfile:
    """What one account posts, and what came of its signals.

    Attributes
    ----------
    account
        Its name.
    analysis
        The analysis, of this account's signals alone.
    posts
        Its posts.
    emoji
        One row an emoji that it posted, the most frequent first: emoji, posts, share (of its
        posts), places (that the codebook reads in it, empty for most).
    calibration
        One row a group of signals: group, value, n (counted), observed (with an event), share
        (borne out: with an event within the horizon, before which they certainly or
        possibly came, by Kaplan and Meier), lower, upper (95%,
        log-log; NaN where nobody can tell).
    """

    account: str
    analysis: Analysis
    posts: pd.DataFrame
    emoji: pd.DataFrame
    calibration: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return one row a group of signals, as `calibration` has them."""
        return self.calibration.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain values, NaN as None."""
        return {
            "account": self.account,
            "n_posts": len(self.posts),
            "n_signals": len(self.analysis.signals),
            "emoji": self.emoji.to_dict("records"),
            "calibration": _plain(self.calibration),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Say in one sentence what the account does, and what came of its signals."""
        leads = self.analysis.lead_times
        are = "is" if leads.n_censored == 1 else "are"
        reposts = int(self.posts["repost"].fillna(False).sum())  # noqa: FBT003 - pandas' own
        found = (
            f"{counted(len(self.analysis.signals), 'signal')} in {counted(len(self.posts), 'post')}"
        )
        if reposts:
            found += f" ({reposts} of them reposts)"
        return (
            f"{self.account}: {found}; {leads.n} count, {leads.n_observed} of which had "
            f"their event within {duration_in_words(self.analysis.horizon)} and "
            f"{leads.n_censored} {are} right-censored."
        )

    def figure(self) -> go.Figure:
        """Draw how unusual each signal was for the account, and what came of it."""
        from foxgrape.plots.activity import surprisal_figure

        return surprisal_figure(self.analysis)

    def _repr_html_(self) -> str:
        shown = self.calibration.to_html(index=False, border=0, float_format="{:.2f}".format)
        return f"<p>{html.escape(self.sentence())}</p>{shown}"


def account_profile(analysis: Analysis, account: str) -> AccountProfile:
    """Describe one account of an analysis.

    Parameters
    ----------
    analysis
        Of all accounts: the others are what this one is held against.
    account
        As it stands in the posts.

    Returns
    -------
    AccountProfile

    Raises
    ------
    FoxgrapeError
        If nothing was posted by it.

    Notes
    -----
    *Borne out* is one minus the Kaplan–Meier curve at the horizon: signals that were watched for
    less than the horizon count for as long as they were watched. Posts after their event and
    hindsight do not count.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> profile = account_profile(open_study().analyse(), "Andriy Yermak")
    >>> profile.emoji.set_index("emoji").loc["🍇", "places"]
    'Izium'
    """
    posts = analysis.study.posts
    theirs = posts[posts["account"] == account].reset_index(drop=True)
    if theirs.empty:
        hint = did_you_mean(account, map(str, posts["account"].dropna().unique()))
        raise FoxgrapeError("no post is by this account", got=account, hint=hint)
    own = analysis.only(account=account)
    return AccountProfile(
        account, own, theirs, _emoji(theirs, analysis), _calibration(analysis, account)
    )


def _emoji(posts: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Count in how many posts each emoji stands."""
    spans = scan_emoji(posts["text"])
    found = pd.DataFrame({"post": spans.row, "emoji": spans.emoji}, dtype="object")
    found["emoji"] = [normal_emoji(sign) for sign in found["emoji"]]
    counts = found.drop_duplicates()["emoji"].value_counts(sort=False)
    places: dict[str, dict[str, None]] = {}
    for code in analysis.study.codebook:
        name = analysis.study.codebook.gazetteer[code.place_id].name
        places.setdefault(fold(normal_emoji(code.code)), {})[name] = None
    table = pd.DataFrame(
        {
            "emoji": counts.index.astype("str"),
            "posts": counts.to_numpy(),
            "share": counts.to_numpy() / len(posts),
            "places": [", ".join(places.get(fold(sign), ())) for sign in counts.index],
        }
    )
    return table.sort_values(["posts", "emoji"], ascending=[False, True], ignore_index=True)


def _calibration(analysis: Analysis, account: str) -> pd.DataFrame:
    """Estimate what share of signals was borne out: this account, others, and by how they look."""
    signals = analysis.signals
    own = signals["account"] == account
    bands = pd.cut(signals["surprisal"], [-np.inf, *_BITS, np.inf], labels=list(_BANDS))
    groups = {
        ("account", account): own,
        ("account", "all others"): ~own,
        **{
            ("confidence", str(value)): own & (signals["confidence"] == value)
            for value in sorted(signals["confidence"].dropna().unique())
        },
        **{("surprisal", band): own & (bands == band) for band in _BANDS},
    }
    rows = []
    for (group, value), chosen in groups.items():
        links = analysis.links[analysis.links["signal_id"].isin(signals.loc[chosen, "signal_id"])]
        leads = lead_times(links.reset_index(drop=True))
        if leads.n:
            share, lower, upper = _borne_out(leads)
            rows.append((group, value, leads.n, leads.n_observed, share, lower, upper))
    names = ["group", "value", "n", "observed", "share", "lower", "upper"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _borne_out(leads: LeadTimes) -> tuple[float, float, float]:
    """Return the share with an event by the end of what was watched, and its 95% interval."""
    last = leads.survival.iloc[-1]
    share = 1 - last["survival"]
    # With no event, or no signal that waits, the log-log band has no width: nobody can tell.
    if not 0 < share < 1:
        return share, np.nan, np.nan
    return share, 1 - last["upper"], 1 - last["lower"]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
