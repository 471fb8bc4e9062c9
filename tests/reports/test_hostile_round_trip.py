"""Hostile texts from a file to all that is made of it: equal at the end, or refused with a word.

The suite tries 60 texts; `make hostile STRINGS=300` tries more.
"""

from __future__ import annotations

import csv
import email
import html
import io
import json
import os
import re
from email.policy import default

import nbformat
import openpyxl
import pandas as pd
import plotly.graph_objects as go
import pytest
from bs4 import BeautifulSoup
from defusedxml import ElementTree
from openpyxl.utils.escape import unescape

from foxgrape import Store, ingest, new_study, open_study, read_posts, run_report
from foxgrape._util.files import study_folder
from foxgrape.display.cells import _MAX_TEXT
from foxgrape.plots.labels import escape_label
from foxgrape.plots.offline import MIMETYPE
from foxgrape.plots.theme import apply_theme
from foxgrape.reports.rendering.feeds import Feed, FeedItem, atom_feed, json_feed
from foxgrape.reports.rendering.page import render_page
from foxgrape.reports.schedule.envelope import Envelope
from foxgrape.reports.schedule.mail import compose
from hostile_strings import hostile_strings, seen

SOURCE = study_folder("izium-2022")
#: The code at the end makes a signal of each post.
TEXTS = [f"{text} 🍇" for text in hostile_strings(int(os.environ.get("FOXGRAPE_STRINGS", "60")))]
#: Texts that readers keep: the others cannot be exchanged between programs (Unicode 23.7).
KEPT = [text for text in TEXTS if "\uffff" not in text]
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
ATOM = "{http://www.w3.org/2005/Atom}"


def write_csv(file, texts):
    rows = [(at, f"2022-09-{1 + at % 20:02}T08:00:00Z", "me", text) for at, text in texts.items()]
    with file.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([("id", "date", "username", "text"), *rows])


def write_xlsx(file, texts):
    book = openpyxl.Workbook()
    book.active.append(["id", "date", "username", "text"])
    for at, text in texts.items():
        book.active.append([str(at), f"2022-09-{1 + at % 20:02}T08:00:00Z", "me", "x"])
        cell = book.active.cell(book.active.max_row, 4)
        cell.value, cell.data_type = text, "s"
    book.save(file)


def write_parquet(file, texts):
    frame = pd.DataFrame({"id": texts.keys(), "username": "me", "text": texts.values()})
    frame["date"] = [f"2022-09-{1 + at % 20:02}T08:00:00Z" for at in texts]
    frame.astype({"id": str}).to_parquet(file)


def write_records(record):
    """Return a writer of one JSON object a line: what `record(number, text)` returns."""

    def write(file, texts):
        lines = (
            json.dumps(record(at, text), ensure_ascii=at % 2 == 0) for at, text in texts.items()
        )
        file.write_text("\n".join(lines), encoding="utf-8", newline="\n")

    return write


def write_telegram_desktop(file, texts):
    messages = [
        {"id": at, "type": "message", "date": "2022-09-10T15:16:00", "date_unixtime": "1662812160"}
        | {
            "from": "me",
            "from_id": "channel1",
            "text": [text[:9], {"type": "bold", "text": text[9:]}],
        }
        for at, text in texts.items()
    ]
    channel = {"name": "me", "type": "public_channel", "id": 1, "messages": messages}
    file.write_text(json.dumps(channel, ensure_ascii=False), encoding="utf-8")


def write_bluesky(file, texts):
    author = {"did": "did:plc:aaa", "handle": "river.example"}
    record = {"$type": "app.bsky.feed.post", "createdAt": "2024-09-10T15:16:00.100+03:00"}
    posts = [
        {"uri": f"at://did:plc:aaa/app.bsky.feed.post/{at}", "cid": "bafy", "author": author}
        | {"record": record | {"text": text}, "indexedAt": "2024-09-10T12:16:03.250Z"}
        for at, text in texts.items()
    ]
    file.write_text(json.dumps({"feed": [{"post": post} for post in posts]}), encoding="utf-8")


def mastodon(at, text):
    content = f"<p>{html.escape(text)}</p>"
    status = {"id": str(at), "created_at": "2022-09-10T12:16:00.123Z", "visibility": "public"}
    address = f"https://m.example/users/me/statuses/{at}"
    return status | {"content": content, "account": {"acct": "me"}, "uri": address, "reblog": None}


def x_api(at, text):
    escaped = html.escape(text, quote=False)  # as X does
    return {"id": str(at), "text": escaped, "created_at": "2022-09-10T12:16:00.000Z"} | {
        "author_id": "501",
        "author": {"id": "501", "username": "me"},
    }


def table(at, text):
    return {"id": str(at), "date": "2022-09-10T12:16:00Z", "username": "me", "text": text}


def telethon(at, text):
    peer = {"_": "PeerChannel", "channel_id": 1}
    return {"_": "Message", "id": at, "peer_id": peer, "message": text} | {
        "date": "2022-09-10T12:16:00+00:00",
        "entities": [],
        "fwd_from": None,
        "from_id": None,
    }


#: Writers of files, and how a text may differ after reading.
FILES = {
    "table.csv": (write_csv, str),
    "table.jsonl": (write_records(table), str),
    "table.parquet": (write_parquet, str),
    "table.xlsx": (write_xlsx, str),
    "telegram.json": (write_telegram_desktop, str),
    "bluesky.json": (write_bluesky, str),
    "telethon.jsonl": (write_records(telethon), str),
    "x_api.jsonl": (write_records(x_api), str),
    "mastodon.jsonl": (write_records(mastodon), seen),  # HTML joins blanks
}


def accepted(texts, suffix):
    """Return the texts that a format can hold, by number."""
    numbered = dict(enumerate(texts, start=1))
    if suffix != ".xlsx":
        return numbered
    illegal = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
    # XML also forbids U+FFFE and U+FFFF, and reads carriage returns as line feeds; Excel reads
    # _x000D_ as one.
    return {
        at: text
        for at, text in numbered.items()
        if not illegal.search(text) and not re.search("[\r\ufffe\uffff]|_x[0-9A-F]{4}_", text)
    }


@pytest.mark.parametrize("name", FILES)
def test_texts_are_read_as_they_were_written(name, tmp_path):
    write, view = FILES[name]
    file = tmp_path / name
    texts = accepted(TEXTS, file.suffix)
    write(file, texts)
    posts, report = read_posts(file, account="me", on_error="quarantine", with_report=True)
    numbers = posts["post_id"].str.rpartition("/")[2].astype(int)
    read = dict(zip(numbers, posts["text"], strict=True))
    different = {
        at: (texts[at], text) for at, text in read.items() if view(text) != view(texts[at])
    }
    assert not different
    assert set(texts) - set(read) == {at for at, text in texts.items() if text not in KEPT}
    reasons = [bad["reason"] for bad in report.quarantine]
    assert len(reasons) == len(texts) - len(read)
    assert all("U+FFFF" in reason for reason in reasons)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Return a study of all texts, each with a code, from a CSV file."""
    folder = tmp_path_factory.mktemp("texts")
    write_csv(folder / "posts.csv", dict(enumerate(KEPT)))
    events, codebook = SOURCE / "events.csv", SOURCE / "codebook.csv"
    new_study(folder / "study", posts=folder / "posts.csv", events=events, codebook=codebook)
    return folder / "study"


def by_number(posts):
    return dict(zip(posts["post_id"].astype(int), posts["text"], strict=True))


def test_texts_are_kept_by_a_store_and_a_study(tmp_path, study):
    write_csv(tmp_path / "posts.csv", dict(enumerate(KEPT)))
    ingest("posts", tmp_path / "posts.csv", tmp_path / "store")
    expected = dict(enumerate(KEPT))
    assert by_number(Store(tmp_path / "store").read("posts")) == expected
    assert by_number(open_study(study).posts) == expected


@pytest.fixture(scope="module")
def built(study, tmp_path_factory):
    report = run_report("lead_times", study=study, out=tmp_path_factory.mktemp("out"))
    assert report.error is None
    return report


ROWS = """main => {
    main.querySelectorAll("details").forEach(item => { item.open = true; });
    main.querySelectorAll("tr[hidden]").forEach(row => { row.hidden = false; });
    return [...main.querySelectorAll("tr")].map(row => row.innerText);
}"""


def in_page(text):
    """Return what a page certainly shows of a text: of a long one, the beginning."""
    return seen(text[:_MAX_TEXT])


def is_shown(text, shown):
    return text in shown or (
        len(text) > _MAX_TEXT // 2 and any(other.startswith(text) for other in shown)
    )


def downloaded(tab, button):
    with tab.expect_download() as download:
        button.click()
    return download.value.path()


@pytest.mark.browser
def test_texts_are_shown_by_a_page_and_its_downloads(built, opened):
    tab = opened(built.html)
    rows = [seen(row) for row in tab.locator("main").evaluate(ROWS)]
    assert [text for text in KEPT if not any(in_page(text) in row for row in rows)] == []
    table = tab.locator("table").filter(has_text="Relation").first
    number = tab.locator("table").evaluate_all(
        "(tables, table) => tables.indexOf(table)", table.element_handle()
    )
    for kind in ("CSV", "Excel"):
        button = tab.get_by_role("button", name=kind, exact=True).nth(number)
        file = downloaded(tab, button)
        if kind == "CSV":
            cells = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
        else:
            sheet = openpyxl.load_workbook(io.BytesIO(file.read_bytes())).active
            rows = sheet.iter_rows(values_only=True)
            cells = [[unescape(str(cell)) for cell in row] for row in rows]  # as Excel does
        post = cells[0].index("Post")
        shown = {seen(row[post]) for row in cells[1:]}
        # A text that a spreadsheet would compute begins with a quote in a CSV file.
        shown |= {text.removeprefix("'") for text in shown if kind == "CSV"}
        # XML has no control characters: an Excel file has U+FFFD in their place.
        expected = {text: NO_XML.sub("", text) if kind == "Excel" else text for text in KEPT}
        assert [text for text in KEPT if not is_shown(in_page(expected[text]), shown)] == [], kind
    assert tab.messages == []
    assert tab.evaluate("window.ran") is None
    assert tab.requested_urls == [built.html.as_uri()]


HOVERS = """async () => {
    const drawing = document.querySelector(".drawing"), texts = [];
    for (let at = 0; at < drawing.data[0].x.length; at++) {
        Plotly.Fx.hover(drawing, [{curveNumber: 0, pointNumber: at}]);
        await new Promise(done => setTimeout(done, 90));  // plotly.js draws every 50 ms
        texts.push(drawing.querySelector(".hoverlayer").textContent);
    }
    return texts;
}"""
LABELS = (
    """() => [...document.querySelectorAll(".drawing .textpoint text")].map(x => x.textContent)"""
)


@pytest.mark.browser
def test_labels_and_hovers_read_back_are_the_texts(tmp_path, opened):
    labels = [escape_label(text) for text in TEXTS]
    at = list(range(len(labels)))
    drawn = go.Figure(go.Scatter(x=at, y=at, text=labels, mode="markers+text"))
    drawn.update_traces(hovertemplate="%{text}<extra></extra>")
    figure = apply_theme(drawn, "Hostile texts").to_plotly_json()
    cell = nbformat.v4.new_code_cell("")
    cell.outputs = [nbformat.v4.new_output("display_data", data={MIMETYPE: figure})]
    notebook = nbformat.v4.new_notebook(cells=[cell])
    page = tmp_path / "page.html"
    page.write_text(render_page(notebook, title="Labels", footer={}), encoding="utf-8")
    tab = opened(page)
    expected = [seen(text) for text in TEXTS]
    assert [seen(text) for text in tab.evaluate(LABELS)] == expected
    assert [seen(text) for text in tab.evaluate(HOVERS)] == expected
    assert tab.evaluate("window.ran") is None
    assert tab.messages == []


@pytest.mark.parametrize("kind", ["feeds", "mail"])
def test_texts_in_feeds_and_mails(kind):
    different = [text for text in TEXTS if not {"feeds": in_feeds, "mail": in_mail}[kind](text)]
    assert not different


def in_feeds(text):
    """Return whether the feeds contain a text, up to characters that XML cannot hold."""
    item = FeedItem("urn:x:1", "weekly/1.html", text, text, "2022-09-12T04:00:00+00:00")
    feed = Feed("urn:x", text, "weekly", "latest/weekly.html", [item])
    root = ElementTree.fromstring(atom_feed(feed))
    summary = root.find(f"{ATOM}entry").findtext(f"{ATOM}summary")
    clean = NO_XML.sub(" ", text)
    return seen(summary) == seen(clean) and json.loads(json_feed(feed))["items"][0]["title"] == text


def in_mail(text):
    """Return whether both parts of a mail contain a text."""
    message = {"kind": "failed", "entry": "weekly", "text": text}
    mail = compose(message, Envelope("1f"), title="x", sender="r@example.org", to=["a@b.org"])
    read = email.message_from_bytes(mail.as_bytes(), policy=default)
    plain = read.get_body(("plain",)).get_content()
    page = BeautifulSoup(read.get_body(("html",)).get_content(), "html.parser").get_text()
    return seen(text) in seen(plain) and seen(text) in seen(page)
