"""A finished report reaches its channels once; what may arrive twice says so."""

from __future__ import annotations

import email
import errno
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import time
from datetime import UTC, datetime
from email.policy import default

import pytest
from bs4 import BeautifulSoup

import fake_delivery
import fake_reports
from fake_delivery import MOMENTS
from fake_http_server import Reply, serving
from fake_runs import PNG
from fake_smtp_server import serve_smtp
from foxgrape._util.directories import Directory
from foxgrape.cli.app import run as run_shell
from foxgrape.errors import ScheduleError
from foxgrape.reports.key_points import describe_changes, read_key_points
from foxgrape.reports.schedule import notifications, outbox
from foxgrape.reports.schedule.config import find_problems, read_schedule
from foxgrape.reports.schedule.envelope import REPEATED, Envelope
from foxgrape.reports.schedule.ledger import Ledger
from foxgrape.reports.schedule.mail import compose, html_body
from foxgrape.reports.schedule.messages import digest_message
from foxgrape.reports.schedule.status import entry_statuses
from hostile_strings import ATTACKS
from mailed_schedule import DAY, DESK, MAIL, MINUTE, NOON, due, mail_table, parsed


def waiting(out):
    return sorted((out / ".schedule" / ".waiting").glob("*.json"))


def receipts(out):
    files = sorted((out / ".schedule" / ".sent").glob("*.json"))
    return [json.loads(file.read_text(encoding="utf-8")) for file in files]


WEB = ('deliver = ["desk"]',)


# ---- what is sent


def test_a_mail_has_headline_figures_changes_link_picture_and_page(write_schedule):
    with serve_smtp("me", "hunter2") as smtp:
        table = mail_table(smtp.port, "attach_page = true")
        file, out = write_schedule(table, top='base_url = "https://r.example/x"', more=MAIL)
        assert due(file, out).sent == 1
        assert due(file, out).sent == 0
        assert due(file, out, NOON + DAY).sent == 1
    first, second = map(parsed, smtp.mails)
    assert first["Subject"] == "daily: 10 signals <b>until</b> the 10th of September 🍇"
    assert first["From"] == "Reports <r@example.org>"
    assert first["To"] == "a@example.org, b@example.org"
    # The actual time, even if the time of the schedule is simulated.
    assert abs(first["Date"].datetime - datetime.now(UTC)) < 10 * MINUTE
    assert first["List-Id"] == "<daily.foxgrape.example.org>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["Message-ID"].endswith("@example.org>")
    assert first["Message-ID"] != second["Message-ID"]
    assert [part.get_content_type() for part in second.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/html",
    ]
    text = second.get_body(["plain"]).get_content()
    assert text.splitlines() == [
        "11 signals <b>until</b> the 11th of September 🍇",
        "",
        "daily: Mine: <i>Izium</i>",
        "Due 11 Sep 2022, 07:00, Europe/Kyiv",
        "",
        "posts: 61",
        "signals: 11",
        "",
        "- Too few to test & claim.",
        "- 1 of 5 is hindsight.",
        "",
        "Since the report before:",
        "- Headline then: 10 signals <b>until</b> the 10th of September 🍇",
        "- signals: 11 (then 10)",
        "- Data, by version: posts 10 to 11",
        "",
        "Open the report: https://r.example/x/daily/20220911T040000Z.html",
        "",
        "Attached: daily-2022-09-11.html",
    ]
    assert "report before" not in first.get_body(["plain"]).get_content()
    html = second.get_body(["html"]).get_content()
    assert "11 signals &lt;b&gt;until&lt;/b&gt;" in html
    assert '<a class="open" href="https://r.example/x/daily/20220911T040000Z.html">' in html
    assert "Attached: daily-2022-09-11.html" in html
    assert '<img src="cid:figure0" alt="Posts &amp; days"' in html
    picture = next(part for part in second.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<figure0>"
    assert picture.get_content() == PNG
    (page,) = second.iter_attachments()
    assert page.get_filename() == "daily-2022-09-11.html"
    assert page.get_content() == (out / "mine-daily-11" / "report.html").read_text("utf-8")
    assert all(len(line) < 1000 and line.isascii() for line in smtp.mails[1].splitlines())


def test_a_page_that_needs_shared_files_is_not_attached(write_schedule):
    def build(template, *, parameters, out):
        done = fake_reports.build_page(template, parameters=parameters, out=out)
        manifest = out / done.run_id / "manifest.json"
        content = json.loads(manifest.read_text(encoding="utf-8")) | {"assets": ["plotly.js"]}
        manifest.write_text(json.dumps(content), encoding="utf-8")
        return done

    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port, "attach_page = true"), more=MAIL)
        assert due(file, out, run=build).sent == 1
    mail = parsed(smtp.mails[0])
    assert not list(mail.iter_attachments())
    assert "not attached: it needs shared files" in mail.get_body(["plain"]).get_content()
    assert "not attached: it needs shared files" in mail.get_body(["html"]).get_content()
    assert "http" not in mail.get_body(["plain"]).get_content()


def test_a_report_without_folder_is_announced_by_its_template(write_schedule):
    """The notebook may be unreadable, or written by another program."""
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        assert due(file, out, run=fake_reports.build).sent == 1
    assert str(parsed(smtp.mails[0])["Subject"]).startswith("daily: ")


def test_half_characters_and_controls_are_replaced(write_schedule):
    def build(template, *, parameters, out):
        done = fake_reports.build_page(template, parameters=parameters, out=out)
        for name in ("manifest.json", "notebook.ipynb"):
            file = out / done.run_id / name
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace(" signals ", r" \ud83d\u0000\u202e "), encoding="utf-8")
        return done

    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        assert due(file, out, run=build).sent == 1
    assert str(parsed(smtp.mails[0])["Subject"]).startswith(
        "daily: 10 \N{REPLACEMENT CHARACTER} <b>"
    )
    assert "\N{REPLACEMENT CHARACTER} <b>" in (out / "daily" / "feed.json").read_bytes().decode(
        "unicode-escape"
    )


def test_several_reports_of_a_call_are_one_digest(write_schedule):
    with serve_smtp("me", "hunter2") as smtp:
        table = mail_table(smtp.port, "digest = true", "attach_page = true")
        file, out = write_schedule(table, "one", "two", more=MAIL)
        assert due(file, out).sent == 1
        due(file, out, NOON + MINUTE)
        # A single report is not a digest.
        assert due(file, out, NOON + DAY, run=build_one).sent == 1
    mail, single = map(parsed, smtp.mails)
    assert mail["Subject"].startswith("2 reports. one: 10 signals")
    assert mail["List-Id"] == "<digest.foxgrape.example.org>"
    assert [part.get_filename() for part in mail.iter_attachments()] == [
        "one-2022-09-10.html",
        "two-2022-09-10.html",
    ]
    html = mail.get_body(["html"]).get_content()
    assert "cid:figure0" in html
    assert "cid:figure1" in html
    assert single["Subject"].startswith("one: 11 signals")
    assert not waiting(out)
    schedule = read_schedule(file)
    states = entry_statuses(schedule, now=NOON, out=out)
    assert [state.delivery for state in states] == ["sent", "sent"]


def test_a_digest_begins_with_the_report_that_matters_most():
    def about(entry, day, claim="Consistent with chance"):
        rows = [["signals", "1"], ["More than chance?", claim]]
        return {
            "entry": entry,
            "kind": "built",
            "subject": f"{entry}: {'many words ' * 20}of {day}.",
            "text": f"{entry} {day}",
            "period_end": f"2022-09-{day:02}T04:00:00+00:00",
            "figures": {"heads": ["", "now"], "rows": rows},
        }

    def order(*messages, alerted=()):
        digest = digest_message(messages, alerted)
        names = [part["text"] for part in digest["reports"]]
        assert digest["text"].split(f"\n\n{'-' * 40}\n\n") == names
        subject = digest["subject"]
        assert len(subject) <= 200
        assert subject.startswith(f"{len(messages)} reports. {names[0].partition(' ')[0]}: many ")
        assert subject.endswith(f"…; and {len(messages) - 1} more")
        return names

    old, new, claims = about("a", 5), about("b", 19), about("c", 12, "More than chance")
    assert order(old, new) == ["b 19", "a 5"]
    assert order(old, new, claims) == ["c 12", "b 19", "a 5"]
    assert order(old, new, claims, alerted={"a"}) == ["a 5", "c 12", "b 19"]


def test_a_mail_says_the_days_of_the_report_as_its_page_does(write_schedule):
    def build(template, *, parameters, out):
        done = fake_reports.build_page(template, parameters=parameters, out=out)
        manifest = out / done.run_id / "manifest.json"
        content = json.loads(manifest.read_text(encoding="utf-8"))
        content["about"] = {"days": "3 to 9 Sep 2022"}
        manifest.write_text(json.dumps(content), encoding="utf-8")
        return done

    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        due(file, out, run=build)
        due(file, out, NOON + DAY, run=build)
    first, second = map(parsed, smtp.mails)
    for mail in (first, second):
        assert "3 to 9 Sep 2022" in mail.get_body(["plain"]).get_content().splitlines()
        assert "3 to 9 Sep 2022</p>" in mail.get_body(["html"]).get_content()
    page = (out / "latest" / "daily.html").read_text(encoding="utf-8")
    assert ">Previous: 3 to 9 Sep 2022</a>" in page


def test_a_message_compares_with_the_report_before_and_not_with_a_run_made_by_hand(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    with serving(lambda _: Reply()) as server:
        environ = {"DESK_URL": server.address}
        due(file, out, environ=environ)
        by_hand = {"entry": "daily", "start": "x", "end": "2022-09-11T00:00"}
        fake_reports.build_page("", parameters=by_hand, out=out)
        due(file, out, NOON + 2 * DAY, environ)
        shutil.rmtree(out / "mine-daily-12")
        due(file, out, NOON + 3 * DAY, environ)
        bodies = [json.loads(request.body) for request in server.requests]
    changes = {body["period_end"][8:10]: body["changes"] for body in bodies}
    assert changes["10"] == []
    assert "signals: 11 (then 10)" in changes["11"]
    assert changes["13"] == ["Not compared: the report before has been deleted."]
    manifest = json.loads((out / "mine-daily-13" / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["compared_with"] == "mine-daily-11"


def build_one(template, *, parameters, out):
    if parameters["entry"] == "two":
        return fake_reports.FakeRun(error="an error of the test")
    return fake_reports.build_page(template, parameters=parameters, out=out)


def test_a_webhook_and_a_chat_service_receive_the_report(write_schedule):
    channels = f'{DESK}[notify.chat]\nkind = "apprise"\nurl_env = "CHAT_URL"\nattach_page = true\n'
    file, out = write_schedule(channels, more=('deliver = ["desk", "chat"]',))
    with serving(lambda _: Reply()) as server:
        environ = {
            "DESK_URL": f"{server.address}/desk",
            "CHAT_URL": f"{server.address.replace('http', 'json')}/chat",
        }
        assert due(file, out, environ=environ).sent == 2
        contents = {request.path: json.loads(request.body) for request in server.requests}
    desk, chat = contents["/desk"], contents["/chat"]
    assert desk["kind"] == "built"
    assert desk["headline"] == "10 signals <b>until</b> the 10th of September 🍇"
    assert desk["figures"]["rows"] == [["posts", "61"], ["signals", "10"]]
    assert desk["repeated"] is False
    assert chat["title"] == f"daily: {desk['headline']}"
    assert chat["message"] == desk["text"]
    assert [item["filename"] for item in chat["attachments"]] == [
        "figure.png",
        "daily-2022-09-10.html",
    ]


@pytest.mark.parametrize("text", ATTACKS)
def test_hostile_text_is_text_in_a_mail(text):
    message = {
        **dict.fromkeys(("entry", "title", "headline", "period", "text", "attachment"), text),
        "kind": "built",
        "points": [text],
        "changes": [text],
        "link": None,
        "figures": {"heads": ["", text], "rows": [[text, text]]},
    }
    html = html_body(message, captions={0: text})
    page = BeautifulSoup(html, "html.parser")
    assert {tag.name for tag in page.find_all(recursive=True)} <= {
        *("html", "head", "meta", "style", "body", "div", "h1", "h2", "p", "br", "ul", "li"),
        *("table", "tr", "th", "td", "img"),
    }
    assert {name for tag in page.find_all() for name in tag.attrs} <= {
        *("lang", "charset", "name", "content", "class", "scope", "src", "alt", "width"),
    }
    assert [image["src"] for image in page.find_all("img")] == ["cid:figure0"]


@pytest.mark.parametrize("text", ATTACKS)
def test_hostile_text_adds_no_header_or_part_to_a_mail(text):
    message = {"kind": "failed", "entry": "weekly", "text": text}
    title = notifications._title({"subject": text})
    mail = compose(message, Envelope("1f"), title=title, sender="r@example.org", to=["a@b.org"])
    read = email.message_from_bytes(mail.as_bytes(), policy=default)
    assert sorted(read.keys()) == sorted(mail.keys())
    assert [part.get_content_type() for part in read.walk()] == [
        *("multipart/alternative", "text/plain", "text/html"),
    ]


def test_unchanged_data_are_reported_as_such(tmp_path):
    fake_reports.build_page("", parameters={"entry": "a", "end": "2022-09-10"}, out=tmp_path)
    points = read_key_points(tmp_path, "mine-a-10")
    assert describe_changes(points, points) == [
        "Nothing changed: data, parameters and software are the same."
    ]


@pytest.mark.parametrize("notebook", ["", "[]", '{"cells": 1}', '{"cells": [{"outputs": [1]}]}'])
def test_a_damaged_notebook_gives_a_message_without_points(tmp_path, notebook):
    fake_reports.build_page("", parameters={"entry": "a", "end": "2022-09-10"}, out=tmp_path)
    (tmp_path / "mine-a-10" / "notebook.ipynb").write_text(notebook, encoding="utf-8")
    points = read_key_points(tmp_path, "mine-a-10")
    assert points.headline
    assert (points.points, points.figures) == ((), {})


def test_pictures_are_a_setting_of_the_schedule(write_schedule):
    options_seen = []

    def build(template, *, pictures, **options):
        options_seen.append(pictures)
        return fake_reports.build_page(template, **options)

    file, out = write_schedule("", top="pictures = true")
    due(file, out, run=build)
    assert options_seen == [True]


# ---- the schedule file


@pytest.mark.parametrize(
    ("top", "channels", "more", "message"),
    [
        ("", DESK, 'deliver = ["dsek"]', "deliver names an unknown channel; got 'dsek'. .*'desk'"),
        ("", DESK, 'delivr = ["desk"]', "unknown key delivr. Hint: did you mean 'deliver'"),
        ('base_url = "r.example"', DESK, "", "base_url must be a URL such as https://"),
        ('base_url = "https://me:pw@r.example"', DESK, "", "base_url must be a URL"),
        ("", DESK + "digest = 1", "", "notify.desk, digest must be true or false; got 1"),
        ("", DESK + "attach_page = true", "", "notify.desk, unknown key attach_page"),
        ("", mail_table(25, 'attach = "doc"'), "", 'notify.mail, attach must be "page", "pdf"'),
        ("", mail_table(25, "attach = 1"), "", "notify.mail, attach must be .*; got 1"),
        ("", mail_table(25, "max_mb = 0"), "", "notify.mail, max_mb must be a number up to 1000"),
        ("", DESK.replace("desk", '"a/b"'), "", "the name of a table must be letters"),
    ],
)
def test_errors_in_the_schedule_name_key_and_value(write_schedule, top, channels, more, message):
    file, _ = write_schedule(channels, top=top, more=[more])
    with pytest.raises(ScheduleError, match=message):
        read_schedule(file)
    assert len(find_problems(file)) == 1


# ---- servers that refuse, hesitate or lie


def test_a_recipient_that_was_refused_gets_the_mail_later_and_the_other_only_once(write_schedule):
    refuse = ["b@example.org"]

    def override(line):
        return (
            "450 later"
            if refuse and line.upper().startswith(f"RCPT TO:<{refuse[0].upper()}")
            else None
        )

    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        done = due(file, out)
        assert done.undelivered == ("cannot notify mail: the server refused 1 of its recipients",)
        refuse.clear()
        done = due(file, out, NOON + 5 * MINUTE)
        assert (done.undelivered, done.repeated, done.sent) == ((), (), 1)
    recipients = [line for line in smtp.commands if line.upper().startswith("RCPT")]
    assert [line.split("<")[1][0] for line in recipients] == ["a", "b", "b"]
    first, second = map(parsed, smtp.mails)
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize(
    ("verb", "reply", "repeated"),
    [
        ("MAIL", "451 later", False),
        ("RCPT", "550 no", False),
        ("DATA", "452 full", False),
        (".", "554 no", False),
        (".", "", True),  # the server took the mail and hung up
        ("EHLO", "", False),
        ("MAIL", "", False),
        ("QUIT", "", None),  # the mail is accepted: it is not sent again
        ("QUIT", "500 what", None),
    ],
)
def test_a_mail_is_sent_again_unless_it_was_accepted(write_schedule, verb, reply, repeated):
    broken = [True]

    def override(line):
        return reply if broken and line.upper().startswith(verb) else None

    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        done = due(file, out)
        if repeated is None:
            assert (done.sent, done.undelivered) == (1, ())
            return
        assert len(done.undelivered) == 1
        broken.clear()
        done = due(file, out, NOON + 5 * MINUTE)
        assert done.sent == 1
    assert len(smtp.mails) == (2 if repeated else 1)
    for form in ("plain", "html"):
        text = parsed(smtp.mails[-1]).get_body([form]).get_content()
        assert text.count("may reach you twice") == repeated
    assert len({parsed(mail)["Message-ID"] for mail in smtp.mails}) == 1
    assert len(done.repeated) == repeated
    assert [receipt["state"] for receipt in receipts(out)] == [
        "maybe sent twice" if repeated else "sent"
    ]


@pytest.mark.parametrize(
    ("line", "repeated"),
    # Before the mail, before its text, and after it. Between DATA and the end of the text it is not
    # examined how much was sent.
    [("EHLO", 0), ("DATA", 1), (".", 1)],
)
def test_a_server_that_stops_answering_is_left_and_tried_again(
    write_schedule, monkeypatch, line, repeated
):
    monkeypatch.setattr(notifications, "_TIMEOUT", 0.3)
    monkeypatch.setattr(notifications, "_UPLOAD_TIMEOUT", 0.3)
    slow = [True]

    def override(command):
        if slow and command.upper().startswith(line):
            time.sleep(1)

    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        done = due(file, out)
        assert (done.sent, len(done.undelivered)) == (0, 1)
        assert entry_statuses(read_schedule(file), now=NOON, out=out)[0].delivery == "waiting"
        slow.clear()
        assert due(file, out, NOON + MINUTE).sent == 0  # not yet
        done = due(file, out, NOON + 5 * MINUTE)
        assert (done.sent, len(done.repeated)) == (1, repeated)
    assert [receipt["state"] for receipt in receipts(out)] == [
        "maybe sent twice" if repeated else "sent"
    ]


def test_a_disk_that_is_full_from_any_write_on_loses_nothing(write_schedule, monkeypatch):
    """The disk is full from the first write on, then from the second on, and so on."""
    write, failed = Directory.write, 0
    with serving(lambda _: Reply()) as server:
        environ = {"DESK_URL": server.address}
        for number in range(100):
            file, out = write_schedule(DESK, more=(*WEB, 'retry_after = "1min"'))
            shutil.rmtree(out)
            out.mkdir()
            left = itertools.count(number, -1)

            def fill(*arguments, left=left):
                if next(left) <= 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                write(*arguments)

            before = len(server.requests)
            monkeypatch.setattr(Directory, "write", fill)
            try:
                done = due(file, out, environ=environ)
            except ScheduleError:
                done = None
            monkeypatch.setattr(Directory, "write", write)
            if done is not None and next(left) > 0:
                break  # all writes succeeded
            failed += 1
            for minutes in (6, 12, 30):
                due(file, out, NOON + minutes * MINUTE, environ)
            bodies = [json.loads(request.body) for request in server.requests[before:]]
            assert bodies
            assert all(body["repeated"] for body in bodies[1:])
            assert not waiting(out)
            state = Ledger(out / ".schedule").read_state("daily/20220910T040000Z")
            assert state.state == "done"
            assert (out / "latest" / "daily.html").is_file()
            assert not list(out.rglob("*.writing"))
    assert failed >= 8


def test_a_server_that_never_finishes_is_left_after_the_deadline(write_schedule, monkeypatch):
    monkeypatch.setattr(outbox, "_DEADLINE", 0.5)

    def override(line):
        if line.upper().startswith("MAIL") and len(smtp.commands) < 5:
            time.sleep(2)

    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port), more=MAIL)
        started = time.monotonic()
        done = due(file, out)
        assert time.monotonic() - started < 2
        assert done.undelivered == ("cannot notify mail: the server is too slow",)
        time.sleep(2)
        assert due(file, out, NOON + 5 * MINUTE).repeated == (
            "mail: daily, due 2022-09-10 04:00 UTC maybe sent twice",
        )
    assert len(smtp.mails) == 2


def test_a_webhook_that_does_not_answer_may_have_received_the_message(write_schedule, monkeypatch):
    monkeypatch.setattr(notifications, "_TIMEOUT", 0.3)
    slow = [True]

    def respond(_):
        if slow:
            time.sleep(1)
        return Reply()

    file, out = write_schedule(DESK, more=WEB)
    with serving(respond) as server:
        environ = {"DESK_URL": server.address}
        assert due(file, out, environ=environ).undelivered == (
            "cannot notify desk: the response timed out",
        )
        slow.clear()
        assert len(due(file, out, NOON + 5 * MINUTE, environ).repeated) == 1
    first, second = (json.loads(request.body) for request in server.requests)
    assert (first["repeated"], second["repeated"]) == (False, True)
    assert second["text"] == f"{REPEATED}\n\n{first['text']}"
    assert first["id"] == second["id"]


def test_the_body_of_an_answer_is_not_read(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    with serving(lambda _: Reply(b"x" * 1000, cut=10)) as server:
        assert due(file, out, environ={"DESK_URL": server.address}).sent == 1


def test_a_clock_that_was_set_back_does_not_delay_a_message(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    environ = {"DESK_URL": "http://127.0.0.1:9/"}
    assert due(file, out, environ=environ).undelivered
    with serving(lambda _: Reply()) as server:
        assert due(file, out, NOON - DAY, {"DESK_URL": server.address}).sent == 1


def test_a_clock_that_jumped_ahead_leaves_a_last_attempt(write_schedule):
    file, out = write_schedule(DESK, more=(*WEB, "catch_up = 0"))
    due(file, out, environ={"DESK_URL": "http://127.0.0.1:9/"})
    with serving(lambda _: Reply()) as server:
        done = due(file, out, NOON + 30 * DAY, {"DESK_URL": server.address})
    assert done.given_up == ()
    assert done.sent == 2


def test_a_message_for_an_unknown_channel_waits_and_is_given_up(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    due(file, out, environ={})
    file.write_text(file.read_text().replace("desk", "chat"), encoding="utf-8")
    assert due(file, out, environ={}).given_up == ()
    assert len(waiting(out)) == 1
    done = due(file, out, NOON + 8 * DAY, {})
    assert any("the schedule has no such channel" in line for line in done.given_up)


def test_given_up_messages_are_shown_and_make_the_command_fail(write_schedule, capfd, monkeypatch):
    monkeypatch.delenv("DESK_URL", raising=False)
    file, out = write_schedule(DESK, more=(*WEB, "catch_up = 0"))
    due(file, out, environ={})
    statuses = entry_statuses(read_schedule(file), now=NOON, out=out)
    assert [status.delivery for status in statuses] == ["waiting"]
    ledger = Ledger(out / ".schedule")
    ledger.write_json("daily/20220918T040000Z", {"state": "done"})
    later = (NOON + 8 * DAY).isoformat()
    call = ["report", "due", "--schedule", str(file), "--out", str(out), "--now", later]
    assert run_shell(call) == 1
    assert "given up after 7 days" in capfd.readouterr().err
    statuses = entry_statuses(read_schedule(file), now=NOON, out=out)
    assert [status.delivery for status in statuses] == ["given up"]
    assert run_shell(call) == 0


def test_report_due_exits_with_75_while_a_message_waits(write_schedule, capfd, monkeypatch):
    monkeypatch.setattr("foxgrape.reports.schedule.due.default_builder", lambda: fake_build)
    file, out = write_schedule(DESK, more=(*WEB, "catch_up = 0"))
    call = ["report", "due", "--schedule", str(file), "--out", str(out), "--now"]
    monkeypatch.setenv("DESK_URL", "http://127.0.0.1:9/")
    assert run_shell([*call, NOON.isoformat()]) == 75
    shown = capfd.readouterr()
    assert "1 report was due: 1 built, 0 failed. 1 message waits to be sent." in shown.out
    assert shown.err == "foxgrape: cannot notify desk: the connection failed\n"
    # It is not yet due again, and waits nevertheless.
    assert run_shell([*call, (NOON + MINUTE).isoformat()]) == 75
    assert "No reports were due. 1 message waits to be sent." in capfd.readouterr().out
    with serving(lambda _: Reply()) as server:
        monkeypatch.setenv("DESK_URL", server.address)
        assert run_shell([*call, (NOON + 6 * MINUTE).isoformat()]) == 0
    assert "No reports were due. 1 message sent." in capfd.readouterr().out


def fake_build(template, *, parameters, out, **_):
    return fake_reports.build_page(template, parameters=parameters, out=out)


def test_a_message_of_another_schedule_does_not_wait_here(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    assert due(file, out, environ={}).waiting == 1
    file.write_text(file.read_text().replace("desk", "chat"), encoding="utf-8")
    assert due(file, out, environ={}).waiting == 0


def test_an_unreadable_message_is_named_and_kept(write_schedule):
    file, out = write_schedule(DESK, more=WEB)
    due(file, out, environ={})
    (message,) = waiting(out)
    message.write_text("{}", encoding="utf-8")
    (line,) = due(file, out, environ={}).undelivered
    assert str(message) in line
    assert waiting(out) == [message]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("run_id", value) for value in (5, [1], {"a": 1})),
        *(("entry", value) for value in (5, None, [])),
        *(("period_end", value) for value in (5, None, [])),
        *(("kind", value) for value in ("digest", [])),
        ("text", 5),
        *(("item tries", value) for value in ("x", 10**9)),
        *(("item tried", value) for value in ("x", 5)),
        *(("item to", value) for value in ([5], 5)),
        *(("item written", value) for value in ("x", 5)),
    ],
)
def test_a_waiting_message_with_other_values_ends_in_no_traceback(write_schedule, name, value):
    file, out = write_schedule(DESK, more=WEB)
    due(file, out, environ={})
    (message,) = waiting(out)
    content = json.loads(message.read_text("utf-8"))
    where = content if name.startswith("item ") else content["message"]
    where[name.removeprefix("item ")] = value
    message.write_text(json.dumps(content), "utf-8")
    result = due(file, out)
    assert all(len(line.splitlines()) == 1 for line in result.undelivered)
    assert len(result.undelivered) + result.sent == 1


def test_a_full_disk_delays_a_message_but_does_not_lose_it(write_schedule, monkeypatch):
    file, out = write_schedule(DESK, more=WEB)
    due(file, out, environ={})
    write = Directory.write

    def fill(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with serving(lambda _: Reply()) as server:
        environ = {"DESK_URL": server.address}
        monkeypatch.setattr(Directory, "write", fill)
        with pytest.raises(ScheduleError, match="No space left on device"):
            due(file, out, environ=environ)
        assert server.requests == []
        monkeypatch.setattr(Directory, "write", write)
        done = due(file, out, environ=environ)
    assert (done.sent, done.repeated) == (1, ())


# ---- processes that die, and several at once


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["fake_delivery"])
    return context


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_report_whose_process_dies_is_sent_once_or_marked(write_schedule, processes, moment):
    file, out = write_schedule(DESK, more=WEB)
    with serving(lambda _: Reply()) as server:
        environ = {"DESK_URL": server.address}
        process = processes.Process(
            target=fake_delivery.die_at, args=(moment, file, out, NOON, environ)
        )
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        done = due(file, out, NOON + MINUTE * 5, environ)
        again = due(file, out, NOON + MINUTE * 10, environ)
    marked = MOMENTS[moment][1]
    arrived = len(server.requests)
    assert 1 <= arrived <= 2
    assert arrived == 1 or marked
    assert len(done.repeated) == marked
    assert again.sent == 0
    (receipt,) = receipts(out)
    assert receipt["state"] == ("maybe sent twice" if marked else "sent")
    assert not waiting(out)


def test_several_schedulers_send_each_message_once(write_schedule, processes):
    names = [f"r{number}" for number in range(6)]
    file, out = write_schedule(DESK, *names, more=WEB)
    with serving(lambda _: Reply()) as server:
        environ = {"DESK_URL": server.address}
        started = [
            processes.Process(target=fake_delivery.deliver_once, args=(file, out, NOON, environ))
            for _ in range(4)
        ]
        for process in started:
            process.start()
        for process in started:
            process.join()
        assert [process.exitcode for process in started] == [0] * 4
        due(file, out, NOON + MINUTE, environ)
        entries = sorted(json.loads(request.body)["entry"] for request in server.requests)
    assert entries == names
    assert [receipt["state"] for receipt in receipts(out)] == ["sent"] * 6


def test_a_digest_whose_process_died_while_it_was_combined_is_complete(write_schedule, monkeypatch):
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port, "digest = true"), "one", "two", more=MAIL)
        absorb, calls = outbox._Sender._absorb, []

        def die(self, part, digest):
            calls.append(part)
            if len(calls) == 2:
                raise KeyboardInterrupt
            absorb(self, part, digest)

        monkeypatch.setattr(outbox._Sender, "_absorb", die)
        with pytest.raises(KeyboardInterrupt):
            due(file, out)
        monkeypatch.setattr(outbox._Sender, "_absorb", absorb)
        assert due(file, out, NOON + MINUTE).sent == 1
        assert due(file, out, NOON + 2 * MINUTE).sent == 0
    (mail,) = smtp.mails
    assert parsed(mail)["Subject"].startswith("2 reports. one: ")
