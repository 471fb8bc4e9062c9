"""Pages of every template on odd data: nothing empty, nothing undefined, nothing endless."""

from __future__ import annotations

import json
import math
import random
import re
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from foxgrape import Store, new_study, open_study
from foxgrape.reports.rendering.assets import ensure_plotly_asset
from foxgrape.reports.rendering.page import notebook_figures
from in_process import page_of, run_cells, text_of

ACCOUNT = "river"
DAY = datetime(2022, 9, 10, 12, tzinfo=UTC)
#: Places by name in posts and by name in events.
PLACES = {
    "в Ізюмі": "Ізюм",
    "у Харкові": "Харків",
    "у Куп'янську": "Куп'янськ",
    "у Херсоні": "Херсон",
    "у Бахмуті": "Бахмут",
    "в Авдіївці": "Авдіївка",
    "у Вовчанську": "Вовчанськ",
    "у Запоріжжі": "Запоріжжя",
    "у Краматорську": "Краматорськ",
}
KINDS = ("shelling/artillery/missile attack", "liberated", "armed clash", "")
TEMPLATES = {
    "account_profile": {"account": ACCOUNT},
    "chance": {"surrogates": 99, "windows": ["3D", "7D"]},
    "lead_times": {},
    "place_brief": {"place": "geonames:707292"},
    "weekly_brief": {"until": "2022-09-12"},
}


def post(days, text, account=ACCOUNT):
    return {"date": (DAY + timedelta(days=days)).isoformat(), "username": account, "text": text}


def event(days, place="Ізюм", kind="liberated", **columns):
    day = (DAY + timedelta(days=days)).date().isoformat()
    return {"place": place, "date": day, "kind": kind, **columns}


def confirmed(row, days=1):
    """Return an event with a confirmation some days later."""
    at = datetime.fromisoformat(row["date"]) + timedelta(days=days)
    return row | {"confirmed": at.date().isoformat(), "confirmed_by": "UA"}


GRAPES, NAMED = "скоро 🍇", "новини в Ізюмі"
#: Posts and events of each data set; the first and the last are made elsewhere.
ODD = {
    "names only": ([post(n, text) for n, text in enumerate(PLACES)], [event(12), event(3)]),
    "neither codes nor names": ([post(n, "добрий ранок") for n in range(9)], [event(1)]),
    "one post and one event": ([post(0, GRAPES)], [event(2)]),
    "one post, one event elsewhere": ([post(0, GRAPES)], [event(2, "Харків")]),
    "one name, one event": ([post(0, NAMED)], [event(2)]),
    "no overlap in time": ([post(n, NAMED) for n in range(8)], [event(-400), event(-380)]),
    "no overlap in place": (
        [post(n, NAMED) for n in range(8)],
        [event(n, "Харків") for n in (1, 5)],
    ),
    "all after": ([post(n + 1, GRAPES) for n in range(8)], [event(0)]),
    "all before": ([post(n, GRAPES) for n in range(8)], [event(20)]),
    "order unknown": ([post(0, GRAPES) for _ in range(6)], [event(0)]),
    "no confirmations": (
        [post(n, NAMED) for n in range(8)],
        [event(n, kind=KINDS[0]) for n in (3, 9)],
    ),
    "some confirmations": (
        [post(n, NAMED) for n in range(8)],
        [confirmed(event(3)), event(9, kind=KINDS[0])],
    ),
    "all confirmed": (
        [post(n, GRAPES) for n in range(8)],
        [confirmed(event(5)), confirmed(event(9))],
    ),
    "no kinds": ([post(n, NAMED) for n in range(8)], [event(4, kind=""), event(6, kind="")]),
    "no text": ([post(n, "") for n in range(8)], [event(4)]),
    "endless texts": ([post(n, f"{NAMED} {'слово ' * 3_000}") for n in range(6)], [event(4)]),
    "hostile names": (
        [post(n, f"{NAMED} <script>x()</script>", "<b>none</b> & co") for n in range(6)],
        [event(4, kind="<i>liberated</i>")],
    ),
    "an account that is a number": ([post(n, NAMED, "1234") for n in range(6)], [event(4)]),
    "fifty signals": ([post(n / 9, NAMED) for n in range(50)], [event(n) for n in range(7)]),
    "many accounts": (
        [post(n / 9, NAMED, f"account {n}") for n in range(160)],
        [event(n) for n in range(30)],
    ),
}


def study_of(folder, posts, events):
    files = {}
    for name, rows in (("posts", posts), ("events", events)):
        files[name] = folder / f"{name}.csv"
        frame = pd.DataFrame(rows).fillna("")
        frame.insert(0, "id", range(len(frame)))
        frame.to_csv(files[name], index=False)
    new_study(folder / "odd", **files, timezone="Europe/Kyiv")
    return folder / "odd"


def large(n_posts=20_000, n_events=2_000):
    """Return a channel that names places, a seventh of the time, and events of a year."""
    draw = random.Random(7)
    posts = [
        post(
            -365 * draw.random(),
            f"Вибухи {draw.choice(list(PLACES))}, за попередніми даними."
            if draw.random() < 1 / 7
            else "Повітряна тривога! 🚨",
        )
        for _ in range(n_posts)
    ]
    events = [
        event(-365 * draw.random(), draw.choice(list(PLACES.values())), draw.choice(KINDS))
        for _ in range(n_events)
    ]
    return posts, events


def numbers(values):
    """Yield the finite numbers and the texts of a trace's coordinates, which may be packed."""
    if isinstance(values, dict):
        assert values["bdata"]
        yield 0.0
        return
    for value in values or ():
        if isinstance(value, (list, tuple)):
            yield from numbers(value)
        elif isinstance(value, str) or (value is not None and math.isfinite(value)):
            yield value


def check_figure(figure):
    """Assert that a figure has marks, that its axes have finite ranges, and that it states n."""
    layout = figure["layout"]
    assert len(json.dumps(figure)) < 700_000
    marks = [
        trace
        for trace in figure["data"]
        if any(numbers(trace.get("x"))) or any(True for _ in numbers(trace.get("y")))
    ]
    assert marks, layout["title"]
    for name, axis in layout.items():
        if re.fullmatch(r"[xy]axis\d*", name):
            assert all(isinstance(end, str) or math.isfinite(end) for end in axis.get("range", ()))
    words = json.dumps([layout["title"], layout["meta"], layout.get("annotations", [])])
    assert not re.search(r"\bna[nt]\b|\binf\b", words, re.IGNORECASE), words
    assert re.search(r"n = [\d,]+|Places of", layout["title"]["text"]), layout["title"]
    assert layout["height"] <= 1_900


def check_page(page, text):
    """Assert that a page's text has nothing undefined, no double blank and no bare "None"."""
    assert not re.search(r"\bna[nt]%?\b|<NA>|\binf\b", text, re.IGNORECASE)
    lines = [line.strip() for line in text.split("\n")]
    assert not {"None", "None.", "n = 0.", "()"} & set(lines)
    for line in lines:
        assert "  " not in line, line
        assert not re.search(r" [.,;:]|\.\.(?!\.)|\( | \)|: \.", line), line
    headings = re.findall(r"<h2[^>]*>.*?</h2>(.*?)(?=<h2|<footer|$)", page, re.DOTALL)
    for section in headings:
        assert text_of(f"<main>{section}</main>").strip(), "a heading without a section"
    assert len(page.encode()) < 3_000_000


def check(name, source, parameters):
    notebook = run_cells(name, TEMPLATES[name] | source | parameters)
    for figure in notebook_figures(notebook):
        check_figure(figure)
    page = page_of(notebook)
    check_page(page, text_of(page))
    return page


@pytest.mark.parametrize("kind", list(ODD))
def test_every_template_reads_well_on_odd_data(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    posts, events = ODD[kind]
    study = study_of(tmp_path, posts, events)
    account = {"account": posts[0]["username"]}
    for name in TEMPLATES:
        check(name, {"study": study}, account if name == "account_profile" else {})


def make_store(folder, **tables):
    store = Store(folder / "store")
    for name, frame in tables.items():
        store.upsert(name, frame)
    return {"store": store.path, "versions": store.latest_versions()}


def test_every_template_reads_well_on_stores(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = open_study(study_of(tmp_path, *ODD["names only"]))
    stores = {
        "both": {"posts": study.posts, "events": study.events},
        "no events": {"posts": study.posts},
        "no posts": {"events": study.events},
    }
    for kind, tables in stores.items():
        source = make_store(tmp_path / kind, **tables)
        for name in TEMPLATES:
            if kind == "no posts" and name == "account_profile":
                continue  # no account can be named
            check(name, source, {})


@pytest.mark.parametrize("name", list(TEMPLATES))
def test_every_template_reads_well_on_20000_posts(tmp_path_factory, monkeypatch, name, large_study):
    folder, study = large_study
    monkeypatch.chdir(tmp_path_factory.mktemp("large"))
    (folder / f"{name}.html").write_text(check(name, {"study": study}, {}), encoding="utf-8")


@pytest.mark.browser
@pytest.mark.parametrize("name", list(TEMPLATES))
def test_no_page_of_20000_posts_is_taller_than_12000_pixels(
    tmp_path, monkeypatch, name, large_study, opened
):
    folder, study = large_study
    page = folder / f"{name}.html"
    if not page.exists():
        monkeypatch.chdir(tmp_path)
        page.write_text(check(name, {"study": study}, {}), encoding="utf-8")
    ensure_plotly_asset(folder)
    tab = opened(page, width=1280)
    assert tab.evaluate("document.documentElement.scrollHeight") <= 12_000
    assert tab.locator("tbody").evaluate_all(
        "all => all.every(t => [...t.rows].filter(row => !row.hidden).length <= 25)"
    )
    assert tab.messages == []


@pytest.fixture(scope="module")
def large_study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    return folder, study_of(folder, *large())
