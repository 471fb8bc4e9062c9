"""Tables for a reader: rough times in words, links that are links, hostile text that stays text."""

from __future__ import annotations

import re
import sys
from datetime import date

import pandas as pd
import pytest
from playwright.sync_api import expect

from foxgrape import Codebook, FoxgrapeError, open_study, show
from hostile_strings import ATTACKS, seen

STUDY = open_study()
TABLES = {
    "posts": STUDY.posts,
    "events": STUDY.events,
    "confirmations": STUDY.confirmations,
    "signals": STUDY.analyse().signals,
    "links": STUDY.analyse().links,
    "codebook": STUDY.codebook,
}


def at(*texts):
    return pd.to_datetime(list(texts), utc=True).as_unit("us")


def cells(frame, **options):
    """Return the cells of the plain table."""
    markup = show(frame, interactive=False, **options).markup
    return re.findall(r"<td[^>]*>(.*?)</td>", markup, flags=re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("interactive", [True, False])
def test_each_table_is_shown_and_not_changed(name, interactive):
    frame = TABLES[name]
    before = frame if isinstance(frame, Codebook) else frame.copy(deep=True)
    shown = show(frame, timezone="Europe/Kyiv", interactive=interactive)
    assert f"n = {len(frame)}. Times in Europe/Kyiv." in shown._repr_html_()
    assert f"n = {len(frame)}. Times in Europe/Kyiv." in repr(shown)
    if not isinstance(frame, Codebook):
        pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("first", "last", "zone", "said"),
    [
        ("2022-09-10T11:32Z", "2022-09-10T11:32Z", "Europe/Kyiv", "10 Sep 2022, 14:32"),
        ("2022-09-10T11:32Z", "2022-09-10T11:32Z", "America/New_York", "10 Sep 2022, 07:32"),
        (
            *("2022-09-09T21:00Z", "2022-09-10T20:59:59.999999Z", "Europe/Kyiv"),
            "10 Sep 2022, time unknown",
        ),
        ("2022-09-09T21:00Z", "2022-09-10T20:59:59.999999Z", None, "9 to 10 Sep 2022"),
        ("2022-09-07T21:00Z", "2022-09-10T20:59:59.999999Z", "Europe/Kyiv", "8 to 10 Sep 2022"),
        ("2022-09-09T21:00Z", "2022-09-10T12:16Z", "Europe/Kyiv", "10 Sep 2022, by 15:16"),
        ("2022-09-10T11:32Z", None, "Europe/Kyiv", "from 10 Sep 2022, 14:32"),
        (None, "2022-09-10T11:32Z", "Europe/Kyiv", "until 10 Sep 2022, 14:32"),
        (None, None, "Europe/Kyiv", "–"),
    ],
)
def test_a_time_is_said_to_the_precision_it_has(first, last, zone, said):
    frame = pd.DataFrame({"occurred_at": at(first), "occurred_until": at(last)})
    assert cells(frame, timezone=zone) == [said]


def test_leads_are_intervals_and_censored_ones_are_open():
    leads = {"lead_min": ["2h", "30D", None], "lead_max": ["2D", None, None]}
    frame = pd.DataFrame({name: pd.to_timedelta(ends) for name, ends in leads.items()})
    assert cells(frame) == ["2 hours to 2 days", "more than 30 days", "–"]


def test_a_code_is_decoded_on_a_day_and_never_at_a_minute():
    known = pd.DataFrame({"decoded_at": at("2022-09-10T20:59:59.999999Z", None)})
    assert cells(known, timezone="Europe/Kyiv") == ["by 10 Sep 2022", "–"]
    assert cells(pd.DataFrame({"decoded_at": [date(2022, 9, 10), None]})) == ["10 Sep 2022", "–"]


def test_only_addresses_of_the_web_are_links():
    addresses = ["https://a.example/?a=1&b='", "javascript:run()", "https://[", "//a.example", None]
    frame = pd.DataFrame({"source": ["One", "Two", None, "<b>", "Five"], "url": addresses})
    first, *rest = cells(frame)
    assert '<a href="https://a.example/?a=1&amp;b=&#x27;"' in first
    assert first.endswith(">One</a>")
    assert rest == ["Two", "https://[", "&lt;b&gt;", "Five"]
    assert ">a.example</a>" in cells(frame[["url"]])[0]


def test_other_columns_stand_as_they_are():
    frame = pd.DataFrame({"repost": [True, None], "n": [1.5, None], "mine": [["x"], "y"]})
    assert cells(frame) == ["yes", "1.5", "[&#x27;x&#x27;]", "–", "–", "y"]
    assert cells(pd.DataFrame([[1, 2]], columns=["twice", "twice"])) == ["1", "2"]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"lead_min": [1.5], "lead_max": [2]}),
        pd.DataFrame({"lead_min": ["1.5"], "lead_max": ["2"]}),
        pd.DataFrame({"decoded_at": ["1.5"], "occurred_until": ["2"]}),
    ],
)
def test_columns_of_ones_own_may_have_the_names_of_ours(frame):
    assert cells(frame) == ["1.5", "2"]
    mixed = frame.assign(posted_at=at("2022-09-10T11:32Z"), posted_until="soon")
    assert cells(mixed, timezone="UTC")[2:] == ["10 Sep 2022, 11:32", "soon"]


def test_many_rows_are_cut_and_counted():
    frame = pd.DataFrame({"text": [f"post {number}" for number in range(2500)]})
    shown = show(frame, interactive=False)
    assert shown.markup.count("<tr>") == 1001
    assert "1,000 of 2,500 rows." in shown.markup
    assert repr(shown).count("post ") == 20
    assert cells(frame, rows=2) == ["post 0", "post 1"]
    assert "None." in repr(show(frame.head(0)))


def test_without_itables_the_table_is_plain(monkeypatch):
    monkeypatch.setitem(sys.modules, "itables", None)
    monkeypatch.setattr("foxgrape.display.show.find_spec", lambda _: None)
    shown = show(STUDY.events)
    assert "<script" not in shown.markup
    assert "Irpin" in shown.markup


def test_a_wrong_zone_and_no_rows_are_refused_in_one_line():
    for zone in ("Europe/Nowhere", "../etc", ""):
        with pytest.raises(FoxgrapeError, match="unknown time zone"):
            show(STUDY.events, timezone=zone)
    with pytest.raises(FoxgrapeError, match="rows must be at least 1"):
        show(STUDY.events, rows=0)


def test_nothing_in_a_text_moves_a_terminal():
    said = repr(show(pd.DataFrame({"text": ["\x1b[2J gone \x07 \u202eback\u2066 \u2028line"]})))
    assert not set(said) & set("\x1b\x07\u202e\u2066\u2028")


def test_an_emoji_of_several_signs_or_of_next_year_stays_whole_in_a_terminal():
    """Joined by signs that print nothing, and one that no table of signs here knows yet."""
    for emoji in ("👨\u200d👩\u200d👧", "\U0001faed"):
        assert emoji in repr(show(pd.DataFrame({"text": [emoji]})))


@pytest.mark.browser
@pytest.mark.parametrize("interactive", [True, False])
def test_hostile_text_runs_nothing_and_is_seen(opened, tmp_path, interactive):
    """Every attack stands in every kind of cell, in a column's name too."""
    columns = ("text", "url", "source", "source_url")
    frame = pd.DataFrame(dict.fromkeys(columns, ATTACKS)).assign(**{ATTACKS[0]: ATTACKS})
    shown = show(frame[[*columns, ATTACKS[0]]].assign(lone=ATTACKS), interactive=interactive)
    page = tmp_path / "page.html"
    markup = shown.markup.replace("\0", "")
    page.write_text(f"<!doctype html><meta charset=utf-8><main>{markup}</main>", encoding="utf-8")
    tab = opened(page, drawn=False)
    if interactive:
        tab.wait_for_selector(".dt-paging")
        tab.locator(".dt-length select").select_option("100")
    told = seen(tab.locator("main").inner_text())
    for attack in ATTACKS:
        assert seen(attack) in told, attack
    assert tab.evaluate("window.ran") is None
    assert tab.said == []
    assert [asked for asked in tab.asked if not asked.startswith(("data:", "blob:"))] == [
        page.as_uri()
    ]
    assert tab.locator("main iframe, main object, main img, main form, main details").count() == 0
    assert tab.locator("a[href^='javascript'], a[href^='data:']").count() == 0


@pytest.mark.browser
def test_the_lab_pages_filters_and_orders_times_by_time(opened, tmp_path):
    times = at(*(f"2022-{month:02}-{day:02}T10:00Z" for month in (9, 10) for day in range(1, 16)))
    frame = pd.DataFrame({"text": [f"n{number}" for number in range(30)], "posted_at": times})
    page = tmp_path / "page.html"
    markup = show(frame, interactive=True).markup
    page.write_text(f"<!doctype html><meta charset=utf-8>{markup}", encoding="utf-8")
    tab = opened(page, drawn=False)
    tab.wait_for_selector(".dt-paging")
    rows = tab.locator("table.dataTable tbody tr")
    assert rows.count() == 10
    assert tab.locator("table.dataTable thead th:visible").count() == 2
    posted = tab.locator("table.dataTable thead th:visible").last
    posted.click()
    expect(rows.first).to_have_text("n01 Sep 2022, 10:00")
    posted.click()
    expect(rows.first).to_have_text("n2915 Oct 2022, 10:00")
    tab.locator(".dt-search input").fill("n17")
    expect(rows).to_have_count(1)
