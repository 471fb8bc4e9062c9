"""Test `show`: times at their precision, links to web addresses only, hostile text escaped."""

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


def timestamps(*texts):
    return pd.to_datetime(list(texts), utc=True).as_unit("us")


def cells(frame, **options):
    """Return the cells of the plain table."""
    markup = show(frame, interactive=False, **options).markup
    return re.findall(r"<td[^>]*>(.*?)</td>", markup, flags=re.DOTALL)


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("interactive", [True, False])
def test_show_displays_every_table_without_changing_it(name, interactive):
    frame = TABLES[name]
    before = frame if isinstance(frame, Codebook) else frame.copy(deep=True)
    shown = show(frame, timezone="Europe/Kyiv", interactive=interactive)
    assert f"n = {len(frame)}. Times in Europe/Kyiv." in shown._repr_html_()
    assert f"n = {len(frame)}. Times in Europe/Kyiv." in repr(shown)
    if not isinstance(frame, Codebook):
        pd.testing.assert_frame_equal(frame, before)


@pytest.mark.parametrize(
    ("first", "last", "zone", "text"),
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
def test_a_time_is_displayed_at_its_own_precision(first, last, zone, text):
    frame = pd.DataFrame({"occurred_at": timestamps(first), "occurred_until": timestamps(last)})
    assert cells(frame, timezone=zone) == [text]


def test_leads_are_displayed_as_intervals_and_censored_leads_as_open():
    leads = {"lead_min": ["2h", "30D", None], "lead_max": ["2D", None, None]}
    frame = pd.DataFrame({name: pd.to_timedelta(ends) for name, ends in leads.items()})
    assert cells(frame) == ["2 hours to 2 days", "more than 30 days", "–"]


def test_decoding_times_are_displayed_to_the_day():
    frame = pd.DataFrame({"decoded_at": timestamps("2022-09-10T20:59:59.999999Z", None)})
    assert cells(frame, timezone="Europe/Kyiv") == ["by 10 Sep 2022", "–"]
    assert cells(pd.DataFrame({"decoded_at": [date(2022, 9, 10), None]})) == ["10 Sep 2022", "–"]


def test_only_web_addresses_become_links():
    addresses = ["https://a.example/?a=1&b='", "javascript:run()", "https://[", "//a.example", None]
    frame = pd.DataFrame({"source": ["One", "Two", None, "<b>", "Five"], "url": addresses})
    first, *rest = cells(frame)
    assert '<a href="https://a.example/?a=1&amp;b=&#x27;"' in first
    assert first.endswith(">One</a>")
    assert rest == ["Two", "https://[", "&lt;b&gt;", "Five"]
    assert ">a.example</a>" in cells(frame[["url"]])[0]


def test_other_columns_are_displayed_unchanged():
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
def test_user_columns_may_share_a_standard_column_name(frame):
    assert cells(frame) == ["1.5", "2"]
    mixed = frame.assign(posted_at=timestamps("2022-09-10T11:32Z"), posted_until="soon")
    assert cells(mixed, timezone="UTC")[2:] == ["10 Sep 2022, 11:32", "soon"]


def test_long_tables_are_truncated_with_a_row_count():
    frame = pd.DataFrame({"text": [f"post {number}" for number in range(2500)]})
    shown = show(frame, interactive=False)
    assert shown.markup.count("<tr>") == 1001
    assert "1,000 of 2,500 rows." in shown.markup
    assert repr(shown).count("post ") == 20
    assert cells(frame, rows=2) == ["post 0", "post 1"]
    assert "None." in repr(show(frame.head(0)))


def test_the_table_is_plain_html_without_itables(monkeypatch):
    monkeypatch.setitem(sys.modules, "itables", None)
    monkeypatch.setattr("foxgrape.display.show.find_spec", lambda _: None)
    shown = show(STUDY.events)
    assert "<script" not in shown.markup
    assert "Irpin" in shown.markup


def test_an_unknown_time_zone_and_zero_rows_are_rejected():
    for zone in ("Europe/Nowhere", "../etc", ""):
        with pytest.raises(FoxgrapeError, match="unknown time zone"):
            show(STUDY.events, timezone=zone)
    with pytest.raises(FoxgrapeError, match="rows must be at least 1"):
        show(STUDY.events, rows=0)


def test_control_characters_are_removed_from_terminal_output():
    output = repr(show(pd.DataFrame({"text": ["\x1b[2J gone \x07 \u202eback\u2066 \u2028line"]})))
    assert not set(output) & set("\x1b\x07\u202e\u2066\u2028")


def test_joined_and_unknown_emoji_are_kept_in_terminal_output():
    """One sequence has zero-width joiners; the other is not in Python's Unicode tables yet."""
    for emoji in ("👨\u200d👩\u200d👧", "\U0001faed"):
        assert emoji in repr(show(pd.DataFrame({"text": [emoji]})))


@pytest.mark.browser
@pytest.mark.parametrize("interactive", [True, False])
def test_hostile_text_is_displayed_and_never_executed(opened, tmp_path, interactive):
    """Each attack is in every kind of cell and in a column name."""
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
    text = seen(tab.locator("main").inner_text())
    for attack in ATTACKS:
        assert seen(attack) in text, attack
    assert tab.evaluate("window.ran") is None
    assert tab.messages == []
    requests = [url for url in tab.requested_urls if not url.startswith(("data:", "blob:"))]
    assert requests == [page.as_uri()]
    assert tab.locator("main iframe, main object, main img, main form, main details").count() == 0
    assert tab.locator("a[href^='javascript'], a[href^='data:']").count() == 0


@pytest.mark.browser
def test_the_interactive_table_pages_filters_and_sorts_times_chronologically(opened, tmp_path):
    times = timestamps(
        *(f"2022-{month:02}-{day:02}T10:00Z" for month in (9, 10) for day in range(1, 16))
    )
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
