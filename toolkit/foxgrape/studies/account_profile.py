"""Profile of an account: its posts, how unusual its signals were, how often events followed."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foxgrape._util.formatting import counted
from foxgrape._util.result import Described
from foxgrape._util.small_numbers import are_few
from foxgrape.detection.emoji.scan import scan_emoji
from foxgrape.errors import FoxgrapeError, did_you_mean
from foxgrape.places import fold, normal_emoji
from foxgrape.stats.survival.lead_times import lead_times
from foxgrape.studies.outcomes import others_in_words, outcomes_in_words

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from foxgrape.stats.survival.lead_times import LeadTimes
    from foxgrape.studies.analysis import Analysis

__all__ = ["AccountProfile", "account_profile"]

#: Limits of the surprisal bands in bits; 3 bits is a code that occurs in every eighth post.
_BITS = (3.0, 6.0)
_BANDS = ("up to 3 bits", "3 to 6 bits", "more than 6 bits")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AccountProfile(Described):
    """An account's posts and emoji, and how often events followed its signals.

    Attributes
    ----------
    account
        Name of the account.
    analysis
        Analysis restricted to this account's signals.
    posts
        The account's posts.
    emoji
        One row per emoji, most frequent first. Columns: emoji, posts (number of posts with the
        emoji), share (of the account's posts), places (that the emoji stands for in the codebook;
        empty for most).
    calibration
        One row per group of signals. Columns: group, value, n (signals that count), observed
        (signals with an event), share (Kaplan–Meier share followed by an event within the horizon),
        lower and upper (95% log-log interval; NaN if undefined). Fewer than 20 signals are only
        counted: their shares are NaN.
    """

    account: str
    analysis: Analysis
    posts: pd.DataFrame
    emoji: pd.DataFrame
    calibration: pd.DataFrame

    def to_frame(self) -> pd.DataFrame:
        """Return a copy of `calibration`, with one row per group of signals."""
        return self.calibration.copy()

    def to_dict(self) -> dict[str, Any]:
        """Return the profile as plain values, NaN as None."""
        return {
            "account": self.account,
            "n_posts": len(self.posts),
            "n_signals": len(self.analysis.signals),
            "emoji": self.emoji.to_dict("records"),
            "calibration": _to_records(self.calibration),
            "sentence": self.sentence(),
        }

    def sentence(self) -> str:
        """Return the number of signals and their outcomes."""
        return f"{self.finding()} {self.details()}".strip()

    def finding(self) -> str:
        """Return how many signals there are, and how many certainly came before an event."""
        reposts = int(self.posts["repost"].fillna(False).sum())  # noqa: FBT003 - pandas' own
        posts = counted(len(self.posts), "post")
        if reposts:
            posts += f" ({reposts} of them reposts)"
        outcomes = outcomes_in_words(self.analysis)
        sizes = f"{self.account}: {counted(len(self.analysis.signals), 'signal')} in {posts}"
        return f"{sizes}; {outcomes}." if outcomes else f"{sizes}."

    def details(self) -> str:
        """Return the outcomes of the other signals; empty if there are none."""
        return others_in_words(self.analysis)

    def figure(self) -> go.Figure:
        """Draw each signal's outcome and how unusual the signal was for the account."""
        from foxgrape.plots.activity import surprisal_figure

        return surprisal_figure(self.analysis)

    def _repr_html_(self) -> str:
        table = self.calibration.to_html(index=False, border=0, float_format="{:.2f}".format)
        return f"<p>{html.escape(self.sentence())}</p>{table}"


def account_profile(analysis: Analysis, account: str) -> AccountProfile:
    """Describe one account of an analysis.

    Parameters
    ----------
    analysis
        An analysis of all accounts, because the profile compares this account with the others.
    account
        The account's name as in the posts.

    Returns
    -------
    AccountProfile

    Raises
    ------
    FoxgrapeError
        If the account has no posts.

    Notes
    -----
    The share of signals that an event followed is one minus the Kaplan–Meier curve at the horizon:
    a signal observed for less than the horizon counts for as long as it was observed. Signals
    posted after their event and hindsight do not count.

    Examples
    --------
    >>> from foxgrape import open_study
    >>> profile = account_profile(open_study().analyse(), "Andriy Yermak")
    >>> profile.emoji.set_index("emoji").loc["🍇", "places"]
    'Izium'
    """
    posts = analysis.study.posts
    own_posts = posts[posts["account"] == account].reset_index(drop=True)
    if own_posts.empty:
        hint = did_you_mean(account, map(str, posts["account"].dropna().unique()))
        raise FoxgrapeError("no posts by this account", got=account, hint=hint)
    return AccountProfile(
        account,
        analysis.filter(account=account),
        own_posts,
        _emoji(own_posts, analysis),
        _calibration(analysis, account),
    )


def _emoji(posts: pd.DataFrame, analysis: Analysis) -> pd.DataFrame:
    """Count the posts that contain each emoji."""
    spans = scan_emoji(posts["text"])
    hits = pd.DataFrame({"post": spans.row, "emoji": spans.emoji}, dtype="object")
    hits["emoji"] = [normal_emoji(emoji) for emoji in hits["emoji"]]
    counts = hits.drop_duplicates()["emoji"].value_counts(sort=False)
    places: dict[str, dict[str, None]] = {}
    for code in analysis.study.codebook:
        name = analysis.study.codebook.gazetteer[code.place_id].name
        places.setdefault(fold(normal_emoji(code.code)), {})[name] = None
    table = pd.DataFrame(
        {
            "emoji": counts.index.astype("str"),
            "posts": counts.to_numpy(),
            "share": counts.to_numpy() / len(posts),
            "places": [", ".join(places.get(fold(emoji), ())) for emoji in counts.index],
        }
    )
    return table.sort_values(["posts", "emoji"], ascending=[False, True], ignore_index=True)


def _calibration(analysis: Analysis, account: str) -> pd.DataFrame:
    """Estimate the share of signals followed by an event, for this account and all others.

    This account's signals are also grouped by confidence and by surprisal.
    """
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
    for (group, value), selected in groups.items():
        links = analysis.links[analysis.links["signal_id"].isin(signals.loc[selected, "signal_id"])]
        leads = lead_times(links.reset_index(drop=True))
        if leads.n:
            share, lower, upper = _share_followed(leads)
            rows.append((group, value, leads.n, leads.n_observed, share, lower, upper))
    names = ["group", "value", "n", "observed", "share", "lower", "upper"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _share_followed(leads: LeadTimes) -> tuple[float, float, float]:
    """Return the share with an event by the end of observation, and its 95% interval.

    NaN if the signals are too few.
    """
    if are_few(leads.n):
        return np.nan, np.nan, np.nan
    last = leads.survival.iloc[-1]
    share = 1 - last["survival"]
    # The log-log interval is undefined if no signal or every signal had an event.
    if not 0 < share < 1:
        return share, np.nan, np.nan
    return share, 1 - last["upper"], 1 - last["lower"]


def _to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]
