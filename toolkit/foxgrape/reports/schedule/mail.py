"""Compose mails: text beside HTML, with figures shown and files attached."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid, parseaddr
from functools import cache
from typing import TYPE_CHECKING, Any

from foxgrape._util.wording import shorten
from foxgrape.reports.rendering.page import static_text
from foxgrape.reports.schedule.envelope import REPEATED
from foxgrape.reports.schedule.messages import SINCE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2 import Template

    from foxgrape.reports.schedule.envelope import Envelope

__all__ = ["compose", "html_body"]

#: Parts of a message that are shown, if it has them.
_PARTS: Mapping[str, Any] = {
    **dict.fromkeys(("headline", "title", "period", "link", "attachment"), ""),
    **dict.fromkeys(("figures", "points", "changes"), ()),
}
#: Maximum length of a subject; mail programs show less.
_MAX_SUBJECT = 200


def compose(
    message: Mapping[str, Any],
    envelope: Envelope,
    *,
    title: str,
    sender: str,
    to: Sequence[str],
) -> EmailMessage:
    """Return a mail that `smtplib` can send.

    Parameters
    ----------
    message
        A message as `foxgrape.reports.schedule.messages` builds it.
    envelope
        Id, date and files. Attempts with the same id give the same Message-ID, by which servers
        and mail programs recognize a repeated mail.
    title
        The subject.
    sender, to
        Addresses in the headers ``From`` and ``To``.

    Examples
    --------
    >>> from foxgrape.reports.schedule.envelope import Envelope
    >>> failed = {"kind": "failed", "entry": "weekly", "text": "report weekly failed"}
    >>> mail = compose(failed, Envelope("1f"), title="weekly failed", sender="a@example.org",
    ...     to=["b@example.org"])
    >>> mail["Message-ID"], mail["List-Id"]
    ('<1f@example.org>', '<weekly.foxgrape.example.org>')
    """
    # Servers need not accept mails with characters of eight bits.
    mail = EmailMessage(policy=SMTP.clone(cte_type="7bit"))
    domain = parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    mail["Subject"] = shorten(title, _MAX_SUBJECT)
    mail["From"], mail["To"] = sender, ", ".join(to)
    mail["Date"] = format_datetime(envelope.date or datetime.now(UTC))
    mail["Message-ID"] = f"<{envelope.id}@{domain}>" if envelope.id else make_msgid(domain=domain)
    mail["List-Id"] = f"<{message.get('entry', 'digest')}.foxgrape.{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    files = dict(enumerate(envelope.files))
    captions = {number: file.caption for number, file in files.items() if file.picture is not None}
    attached = [file for report in envelope.files for file in report.attached]
    names = {
        number: ", ".join(file.name for file in report.attached)
        for number, report in files.items()
        if report.attached
    }
    listed = f"\nAttached: {', '.join(names.values())}\n" if names else ""
    mail.set_content(f"{message['text']}\n{listed}")
    mail.add_alternative(
        html_body(message, repeated=envelope.repeated, captions=captions, attached=names),
        subtype="html",
    )
    shown = mail.get_payload()[1]  # type: ignore[index]
    for number in captions:
        shown.add_related(  # type: ignore[union-attr]
            files[number].picture, "image", "png", cid=f"<figure{number}>", disposition="inline"
        )
    for file in attached:
        kind, _, subtype = file.media_type.partition("/")
        charset = {"charset": "utf-8"} if kind == "text" else {}
        mail.add_attachment(file.content, kind, subtype, filename=file.name, params=charset)
    return mail


def html_body(
    message: Mapping[str, Any],
    *,
    repeated: bool = False,
    captions: Mapping[int, str] | None = None,
    attached: Mapping[int, str] | None = None,
) -> str:
    """Return the HTML of a message; all of its text is escaped.

    Parameters
    ----------
    message
        A message about one report, or a digest with the key ``reports``.
    repeated
        Whether an earlier attempt may have sent the message.
    captions
        Titles of the figures, by number of the report; ``cid:figure0`` is the figure of the first.
    attached
        Names of the attached files, by number of the report.
    """
    # A message that an earlier version queued may lack some keys.
    reports = [{**_PARTS, **report} for report in message.get("reports", [message])]
    for report in reports:
        report["headline"] = report["headline"] or report["title"] or report.get("text", "")
    html: str = _template().render(
        reports=reports,
        since=SINCE,
        repeated=REPEATED if repeated else "",
        captions=captions or {},
        attached=attached or {},
    )
    return html


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(static_text("mail.html.j2"))
