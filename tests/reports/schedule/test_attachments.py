"""Pages and PDFs attached to messages, and what happens to those that are too large."""

from __future__ import annotations

import random
import smtplib
import socket
import ssl
from datetime import timedelta

import pytest

import fake_reports
from fake_smtp_server import serve_smtp
from foxgrape.errors import ReportError
from foxgrape.reports.rendering import pdf
from foxgrape.reports.schedule import attachments
from foxgrape.reports.schedule.attachments import Attachments, parse_attachments, with_files
from foxgrape.reports.schedule.config import read_schedule
from foxgrape.reports.schedule.envelope import Envelope
from foxgrape.reports.schedule.failures import describe_smtp_failure
from foxgrape.reports.schedule.mail import compose
from foxgrape.reports.schedule.messages import digest_message
from foxgrape.reports.schedule.status import check_schedule
from mailed_schedule import DAY, MAIL, MINUTE, NOON, due, mail_table, parsed


@pytest.fixture
def printed(monkeypatch):
    """Print PDFs without a browser; return the pages that were printed."""
    pages = []

    def write_pdf(page):
        pages.append(page)
        page.with_name(pdf.PDF).write_bytes(b"%PDF-1.4")

    monkeypatch.setattr(attachments, "write_pdf", write_pdf)
    return pages


def names(mail):
    return [(part.get_filename(), part.get_content_type()) for part in mail.iter_attachments()]


def text_of(mail, kind="plain"):
    return mail.get_body([kind]).get_content()


def test_page_and_pdf_are_attached_and_the_pdf_is_printed_once(write_schedule, printed):
    refuse = ["."]

    def override(line):
        return "451 later" if refuse and line == refuse[0] else None

    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port, 'attach = ["pdf", "page"]'), more=MAIL)
        (problem,) = due(file, out).undelivered
        assert problem == (
            "cannot notify mail: the server answered 451: it failed; it may accept the message "
            "later"
        )
        refuse.clear()
        assert due(file, out, NOON + 5 * MINUTE).sent == 1
    mail = parsed(smtp.mails[-1])
    expected = [("daily-2022-09-10.html", "text/html"), ("daily-2022-09-10.pdf", "application/pdf")]
    assert names(mail) == expected
    assert list(mail.iter_attachments())[1].get_content() == b"%PDF-1.4"
    assert printed == [out / "mine-daily-10" / "report.html"]
    for kind in ("plain", "html"):
        assert "Attached: daily-2022-09-10.html, daily-2022-09-10.pdf" in text_of(mail, kind)


def test_a_mail_without_its_pdf_says_why(write_schedule, monkeypatch):
    def write_pdf(_):
        raise ReportError("a PDF needs Chromium or Chrome, which was not found")

    monkeypatch.setattr(attachments, "write_pdf", write_pdf)
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port, 'attach = "pdf"'), more=MAIL)
        assert due(file, out).sent == 1
    mail = parsed(smtp.mails[0])
    assert names(mail) == []
    for kind in ("plain", "html"):
        assert "The PDF is not attached: a PDF needs Chromium or Chrome" in text_of(mail, kind)


def test_schedule_check_says_that_a_pdf_needs_a_browser(write_schedule, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    environ = {"MAIL_USER": "me", "MAIL_PASSWORD": "x"}
    for attach, n in (("page", 0), ("pdf", 1)):
        file, _ = write_schedule(mail_table(25, f'attach = "{attach}"'), more=MAIL)
        problems = check_schedule(read_schedule(file), now=NOON, environ=environ)
        assert [str(problem) for problem in problems if "needs Chromium" in str(problem)] == [
            str(problem) for problem in problems
        ]
        assert len(problems) == n


@pytest.mark.usefixtures("printed")
def test_a_file_that_makes_the_mail_too_large_is_replaced_by_the_link(write_schedule):
    def build(template, *, parameters, out):
        done = fake_reports.build_page(template, parameters=parameters, out=out)
        page = out / done.run_id / "report.html"
        page.write_bytes(page.read_bytes() + b" " * 300_000)
        return done

    for top, instead in (
        ('base_url = "https://r.example/"', "Follow the link instead."),
        ("", "It is in the folder of reports: mine-daily-1"),
    ):
        with serve_smtp("me", "hunter2") as smtp:
            options = ('attach = ["page", "pdf"]', "max_mb = 0.4")
            file, out = write_schedule(mail_table(smtp.port, *options), top=top, more=MAIL)
            now = NOON if top else NOON + DAY
            assert due(file, out, now, run=build).sent == 1
        mail = parsed(smtp.mails[0])
        # The page has 300 kB, 411 kB in the mail; the PDF is small.
        assert [name[-4:] for name, _ in names(mail)] == [".pdf"]
        reason = "The page is not attached, since the message would exceed 0.4 MB. "
        for kind in ("plain", "html"):
            assert f"{reason}{instead}" in text_of(mail, kind)
        assert len(smtp.mails[0]) < 400_000


def test_mails_of_any_files_are_no_larger_than_the_limit(tmp_path):
    draw = random.Random(3)
    attached = 0
    for number in range(12):
        parts = []
        for entry in "abc":
            folder = tmp_path / f"{entry}{number}"
            folder.mkdir()
            (folder / "report.html").write_bytes(draw.randbytes(draw.randrange(400_000)))
            (folder / "figure.png").write_bytes(draw.randbytes(draw.randrange(100_000)))
            (folder / "figure.txt").write_text("A figure", encoding="utf-8")
            part = {"entry": entry, "kind": "built", "run_id": folder.name, "subject": entry}
            parts.append({**part, "text": "words " * 100, "period_end": "2022-09-12", "link": "x"})
        wanted = Attachments(("page",), max_mb=0.8)
        message, files = with_files(digest_message(parts), tmp_path, wanted)
        envelope = Envelope("1f", files=files)
        mail = compose(message, envelope, title="x", sender="a@b.org", to=["c@d.org"])
        n = sum(len(file.attached) for file in files)
        attached += n
        assert message["text"].count("is not attached, since the message would exceed") == 3 - n
        # Headers and the style of the HTML are not counted.
        assert len(mail.as_bytes()) <= 800_000 + 10_000
    assert 12 < attached < 36


def test_a_mail_that_the_server_finds_too_large_is_sent_without_attachments(write_schedule):
    def override(line):
        return "552 5.3.4 too large" if line == "." and not smtp.mails and len(tries) == 1 else None

    tries = [1]
    with serve_smtp("me", "hunter2", override) as smtp:
        file, out = write_schedule(mail_table(smtp.port, "attach_page = true"), more=MAIL)
        assert due(file, out).undelivered == (
            "cannot notify mail: the server answered 552: the message is too large",
        )
        tries.append(2)
        done = due(file, out, NOON + 5 * MINUTE)
        assert (done.sent, done.repeated) == (1, ())
        # The next report is attached again: the server may have refused this one only.
        assert due(file, out, NOON + timedelta(days=1)).sent == 1
    first, second = map(parsed, smtp.mails)
    assert names(first) == []
    reason = "since the server refused the message with attachments as too large"
    assert reason in text_of(first)
    assert len(names(second)) == 1


def test_attach_page_is_another_word_for_attach():
    assert parse_attachments({"attach_page": True}) == parse_attachments({"attach": "page"})
    assert parse_attachments({"attach": ["pdf"], "attach_page": True}).kinds == ("page", "pdf")
    assert parse_attachments({}).max_mb == 15


@pytest.mark.browser
@pytest.mark.usefixtures("browser_path")
def test_a_browser_prints_the_pdf(write_schedule):
    with serve_smtp("me", "hunter2") as smtp:
        file, out = write_schedule(mail_table(smtp.port, 'attach = "pdf"'), more=MAIL)
        assert due(file, out).sent == 1
    (part,) = parsed(smtp.mails[0]).iter_attachments()
    assert part.get_content().startswith(b"%PDF-")
    assert len(part.get_content()) > 1000


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (smtplib.SMTPServerDisconnected("x"), "the server closed the connection"),
        (smtplib.SMTPConnectError(421, b"x"), "the server answered 421: it is not available"),
        (smtplib.SMTPDataError(459, b"x"), "the server answered 459: it may accept the message"),
        (smtplib.SMTPDataError(599, b"x"), "the server answered 599: it rejected the message"),
        (smtplib.SMTPRecipientsRefused({}), "the server refused all recipients"),
        (smtplib.SMTPNotSupportedError("x"), "the server does not support this security or login"),
        (ssl.SSLCertVerificationError("x"), "the server's certificate is not valid"),
        (ssl.SSLError("x"), "encryption failed; check port and security"),
        (TimeoutError("x"), "the server did not answer in time"),
        (socket.gaierror(-2, "x"), "the server's host name is unknown"),
        (ConnectionRefusedError(111, "x"), "the server refused the connection; check host and"),
        (ConnectionResetError(104, "x"), "the connection was lost"),
        (UnicodeEncodeError("ascii", "é", 0, 1, "x"), "an address has characters that mail"),
        (smtplib.SMTPException("secret"), "sending failed (SMTPException)"),
    ],
)
def test_a_failure_is_said_in_words_that_quote_no_answer(error, words):
    message = describe_smtp_failure(error)
    assert message.startswith(words)
    assert "secret" not in message
