"""One data set as a study, a store and in the shell: the same conclusion, with equal numbers."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from foxgrape import Store, ingest, new_study, open_study, simulate
from foxgrape.cli.app import run
from foxgrape.studies.from_store import study_from_store

_CODE_COLUMNS = ["code", "kind", "place_id", "meaning", "basis", "decoded_at", "valid_from"]
_CODE_COLUMNS += ["valid_until", "confidence", "source_title", "source_url"]


def write_posts_and_codes(folder, posted):
    """Write posts that name each place by a hashtag, and the codebook of these hashtags."""
    places = sorted(set(posted["place_id"]))
    tags = {place: f"#place{number}" for number, place in enumerate(places)}
    posts = pd.DataFrame(
        {
            "id": [str(number) for number in range(len(posted))],
            "account": "a",
            "date": [instant.isoformat() for instant in posted["posted_at"]],
            "text": posted["place_id"].map(tags),
        }
    )
    posts.loc[len(posts)] = ["none", "a", posts["date"].iloc[0], "no place"]
    codes = pd.DataFrame({"code": tags.values(), "place_id": tags.keys()})
    codes = codes.assign(kind="hashtag", meaning="m", basis="attested", confidence="A")
    codes = codes.assign(source_title="test").reindex(columns=_CODE_COLUMNS)
    paths = folder / "posts.csv", folder / "codes.csv"
    for path, table in zip(paths, (posts, codes), strict=True):
        table.to_csv(path, index=False)
    return paths


def answers(folder, posts, codes, events, *, kinds=(), observed_until=None, window="7D"):
    """Return the answers of the study, of the store and of the shell for both of them."""
    stated = None if observed_until is None else {"observed_until": observed_until}
    new_study(
        folder / "study", posts=posts, events=events, codebook=codes, kinds=kinds, **(stated or {})
    )
    store = Store(folder / "store")
    ingest("posts", posts, store)
    ingest("events", events, store, observation=stated)
    as_study = open_study(folder / "study")
    as_store = study_from_store(store, codebook=codes, kinds=kinds)
    results = [answer(data.analyse(), window) for data in (as_study, as_store)]
    of_store = ["--store", store.path, "--codebook", str(codes)]
    of_store += [word for kind in kinds for word in ("--kind", kind)]
    sources = ["--study", str(folder / "study")], of_store
    results += [in_shell([*source, "--window", window]) for source in sources]
    return as_study, results


def answer(analysis, window):
    return {
        "counts": analysis.counts(window=window).to_dict("records"),
        "lead_times": analysis.lead_times.to_dict(),
        "coincidence": analysis.coincidence(window=window).to_dict(),
    }


def in_shell(words):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert run(["analyse", *words, "--json"]) == 0
    (values,) = json.loads(out.getvalue())
    return {name: values[name] for name in ("counts", "lead_times", "coincidence")}


def check_that_steps_add_up(counts):
    """Within a question, each step's rows are those of the step before without those left out."""
    before = {}
    for row in counts:
        question = row["question"]
        if question in before:
            assert before[question] == row["n"] + row["left_out"]
        before[question] = row["n"]
        assert min(row["n"], row["left_out"]) >= 0
    return before


def check_equal(results):
    first, *others = results
    assert all(other == first for other in others)
    rest = check_that_steps_add_up(first["counts"])
    leads, test = first["lead_times"], first["coincidence"]
    assert rest["lead times"] == leads["n"] == leads["n_observed"] + leads["n_censored"]
    assert rest["chance within 7 days"] == test["n_signals"]
    return first


def test_study_store_and_shell_agree_on_an_invented_world(tmp_path):
    """60 posts and 120 events at 25 places; observation ends a day after the tenth to last post."""
    world = simulate.world(signals=60, leads=0.3, rng=4)
    gazetteer = open_study().codebook.gazetteer
    known = {place.id: place for place, _ in zip(gazetteer, range(25), strict=False)}
    own = sorted({*world.signals["place_id"], *world.events["place_id"]})
    real = dict(zip(own, known, strict=False))
    posted = world.signals.assign(place_id=world.signals["place_id"].map(real))
    happened = world.events.assign(place_id=world.events["place_id"].map(real))
    happened["place"] = [known[place].name for place in happened["place_id"]]
    for side, value in (("lat", "lat"), ("lon", "lon")):
        happened[side] = [getattr(known[place], value) for place in happened["place_id"]]
    events = tmp_path / "events.csv"
    table = happened[["event_id", "place_id", "place", "lat", "lon"]]
    table = table.assign(occurred=[at.isoformat() for at in happened["occurred_at"]])
    table.to_csv(events, index=False)
    posts, codes = write_posts_and_codes(tmp_path, posted)
    end = posted["posted_at"].sort_values().iloc[-10] + pd.Timedelta(days=1)
    study, results = answers(tmp_path, posts, codes, events, observed_until=end.isoformat())
    first = check_equal(results)
    counts = {(row["question"], row["step"]): row for row in first["counts"]}
    late = int((posted["posted_at"] > end).sum())
    week = int((posted["posted_at"] > end - pd.Timedelta(days=7)).sum())
    assert (late > 0, week > late) == (True, True)
    assert (len(study.posts), counts["posts", "with a signal"]["n"]) == (61, 60)
    chance = "chance within 7 days"
    assert counts[chance, "posted while events were recorded"]["left_out"] == late
    assert counts[chance, "followed throughout the window"]["n"] == 60 - week
    assert first["coincidence"]["n_unfollowed"] == week - late


@pytest.mark.real
def test_study_store_and_shell_agree_on_the_president_of_2022(tmp_path, real_data):
    """106 mentions of towns by the President's channel, and the list of who held which town."""
    mentions = pd.read_csv(real_data / "president_2022" / "mentions.csv")
    mentions["posted_at"] = pd.to_datetime(mentions["posted_at"])
    posts, codes = write_posts_and_codes(tmp_path, mentions)
    control = real_data / "wiki_control" / "changes_2022-03_2024-08.csv.gz"
    _, results = answers(tmp_path, posts, codes, control, kinds=("liberated",))
    first = check_equal(results)
    counts = {(row["question"], row["step"]): row for row in first["counts"]}
    assert counts["posts", "posts"]["n"] == 107
    assert counts["signals", "for one place"]["n"] == 106
    assert counts["chance within 7 days", "followed throughout the window"]["n"] == 106
    assert first["coincidence"]["sentence"].startswith("Consistent with chance")
