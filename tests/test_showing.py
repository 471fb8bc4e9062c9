"""Tables shown: times and leads in words, links to the web alone, hostile text, paging."""

from __future__ import annotations

import pandas as pd
import pytest

from attacks import ATTACKS, seen
from foxgrape import open_study, show
from foxgrape.errors import TableError


def instants(*texts):
    return pd.Series(pd.to_datetime(list(texts), format="ISO8601", utc=True)).dt.as_unit("us")


@pytest.fixture(scope="module")
def analysis():
    return open_study().analyse()


def test_rough_times_are_one_cell_in_the_readers_zone():
    frame = pd.DataFrame(
        {
            "posted_at": instants("2022-09-09T21:00Z", "2022-09-10T12:16Z", None),
            "posted_until": instants("2022-09-10T20:59:59.999999Z", "2022-09-10T12:16Z", None),
            "decoded_at": instants("2022-09-10T12:16Z", None, None),
        }
    )
    before = frame.copy()
    told = show(frame, timezone="Europe/Kyiv")
    assert told.words.to_dict("list") == {
        "posted": ["10 Sep 2022, time unknown", "10 Sep 2022, 15:16", ""],
        "decoded": ["10 Sep 2022, 15:16", "", ""],
    }
    assert told.note == "n = 3; times in Europe/Kyiv."
    assert show(frame).words["posted"][0] == "9 to 10 Sep 2022"
    pd.testing.assert_frame_equal(frame, before)


def test_leads_and_what_is_missing(analysis):
    links = analysis.links
    told = show(links).words
    assert list(told.columns) == [
        *("signal_id", "event_id", "place_id", "clock", "lead", "observed", "relation", "hindsight")
    ]
    fox = links["signal_id"].str.contains("🦊").to_numpy()
    row = told[fox].iloc[0]
    assert (row["event_id"], row["lead"], row["observed"]) == ("", "more than 30 days", "no")


def test_addresses_stand_behind_the_words_that_name_them():
    frame = pd.DataFrame(
        {
            "source": ["A paper", "A paper", "A paper", None],
            "url": [
                "https://a.example/?q=1&r='",
                "javascript:window.ran=1",
                None,
                "http://b.example",
            ],
        }
    )
    told = show(frame)
    assert told.words.to_dict("list") == {
        "source": ["A paper", "A paper", "A paper", "http://b.example"]
    }
    markup = told._repr_html_()
    assert '<a href="https://a.example/?q=1&amp;r=&#x27;">A paper</a>' in markup
    assert '<a href="http://b.example">http://b.example</a>' in markup
    assert "javascript" not in markup


@pytest.mark.parametrize("table", ["posts", "events", "confirmations", "signals", "links"])
def test_each_of_the_five_tables_is_shown_and_so_is_an_empty_one(analysis, table):
    frame = getattr(analysis, table, None)
    frame = getattr(analysis.study, table) if frame is None else frame
    told = show(frame, timezone="Europe/Kyiv")
    assert len(told.words) == len(frame)
    assert not any(name.endswith(("_at", "_until")) for name in told.words)
    assert str(len(frame)) in repr(told)
    assert "None, n = 0." in show(frame.iloc[:0])._repr_html_()
    assert show(frame.iloc[:0]).words.empty


def test_of_a_long_table_the_beginning_is_shown_and_said():
    told = show(pd.DataFrame({"n": range(6_000)}))
    assert told.note == "5,000 of 6,000 rows."
    assert len(told.words) == 5_000


def test_without_itables_a_table_is_plain(monkeypatch, analysis):
    import importlib.util  # noqa: PLC0415

    from foxgrape import showing  # noqa: PLC0415

    monkeypatch.setattr(showing, "find_spec", lambda name: importlib.util.find_spec(f"no_{name}"))
    markup = show(analysis.study.posts)._repr_html_()
    assert "<script" not in markup
    assert markup.count("<tr>") == 1 + len(analysis.study.posts)


def test_a_zone_that_is_none_is_told():
    with pytest.raises(TableError, match=r"no such time zone; got 'Kyiv'. Hint: an IANA name"):
        show(pd.DataFrame({"a": [1]}), timezone="Kyiv")


@pytest.mark.browser
@pytest.mark.parametrize("rows", [6, None])
def test_hostile_tables_are_text_paged_and_without_network(opened, tmp_path, rows):
    hostile = pd.DataFrame(
        {
            "text": ATTACKS[:rows],
            "source": ATTACKS[:rows],
            "url": [f"https://a.example/{text}" for text in ATTACKS[:rows]],
            "<img src=x onerror='window.ran=1'>": ATTACKS[:rows],
            "posted_at": instants(*["2022-09-10T12:16Z"] * len(ATTACKS[:rows])),
        }
    )
    page = tmp_path / "page.html"
    markup = show(hostile, timezone="Europe/Kyiv")._repr_html_()
    page.write_text(f"<!doctype html><meta charset=utf-8>{markup}", encoding="utf-8")
    tab = opened(page, drawn=False)
    paged = rows is None
    body = tab.locator(".dt-scroll-body tbody tr" if paged else "tbody tr")
    body.first.wait_for()
    assert body.count() == (10 if paged else rows)
    if paged:
        tab.locator("input[type=search]").fill("HYPERLINK")
        assert body.count() == 1
        tab.locator("input[type=search]").fill("")
        tab.locator(".dt-paging-button.last").click()
    shown = seen(" ".join(body.all_inner_texts()))
    assert seen(ATTACKS[-1 if paged else 0])[:80] in shown
    assert tab.evaluate("window.ran") is None
    assert [url for url in tab.asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert tab.said == []
