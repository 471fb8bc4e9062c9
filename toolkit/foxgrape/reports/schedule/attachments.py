"""Files of the reports in a message: figures that it shows, and pages and PDFs attached to it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from foxgrape._util.directories import directory_at
from foxgrape.errors import FoxgrapeError, ReportError
from foxgrape.reports.key_points import read_picture
from foxgrape.reports.rendering.pdf import PDF, write_pdf
from foxgrape.reports.run_folder import MANIFEST, PAGE
from foxgrape.reports.schedule.checks import check
from foxgrape.reports.schedule.envelope import AttachedFile, ReportFiles
from foxgrape.reports.schedule.messages import reports_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["ATTACH_KEYS", "NOTHING_ATTACHED", "Attachments", "parse_attachments", "with_files"]

#: Keys of a channel's table.
ATTACH_KEYS = ("attach", "attach_page", "max_mb")

_MEGABYTE = 1_000_000
#: Default of the maximum size: many servers accept 20 or 25 MB.
MAX_MB = 15.0
#: Largest maximum size in megabytes.
_MOST_MB = 1_000
#: Bytes of a file that fill one line of a mail, and the length of the line with its end.
_BYTES_A_LINE, _LINE = 57, 78
#: Media type and suffix of each kind of attachment.
_KINDS = {"page": ("text/html", "html"), "pdf": ("application/pdf", "pdf")}


@dataclass(frozen=True, slots=True)
class Attachments:
    """What a channel attaches to messages.

    Attributes
    ----------
    kinds
        ``page``, ``pdf``, both or none.
    max_mb
        Maximum size of a message in megabytes, as it is transmitted. A file that would exceed it is
        not attached, and the message says so.
    refused
        Whether the server refused the message with its attachments; it is sent without them.
    """

    kinds: tuple[str, ...] = ()
    max_mb: float = MAX_MB
    refused: bool = False


#: Attach nothing, the default.
NOTHING_ATTACHED = Attachments()


def parse_attachments(table: Mapping[str, Any]) -> Attachments:
    """Return what the table of a channel says about attachments.

    Raises
    ------
    ScheduleError
        If a value is not valid.

    Examples
    --------
    >>> parse_attachments({"attach": "pdf", "max_mb": 8})
    Attachments(kinds=('pdf',), max_mb=8.0, refused=False)
    """
    page, given = table.get("attach_page", False), table.get("attach", [])
    check("attach_page", isinstance(page, bool), "true or false", page)
    kinds = [given] if isinstance(given, str) else given
    expected = '"page", "pdf" or ["page", "pdf"]'
    valid = isinstance(kinds, list) and all(kind in _KINDS for kind in map(str, kinds))
    check("attach", valid, expected, given)
    max_mb = table.get("max_mb", MAX_MB)
    is_number = isinstance(max_mb, int | float) and not isinstance(max_mb, bool)
    check("max_mb", is_number and 0 < max_mb <= _MOST_MB, f"a number up to {_MOST_MB}", max_mb)
    wanted = [kind for kind in _KINDS if kind in kinds or (kind == "page" and page)]
    return Attachments(tuple(wanted), float(max_mb))


def with_files(
    message: Mapping[str, Any], out: Path, wanted: Attachments
) -> tuple[dict[str, Any], tuple[ReportFiles, ...]]:
    """Return a message and its reports' files; the message says which file is not attached.

    Files are attached in the order of the reports, as long as the message is not too large.
    """
    reports = reports_of(message)
    pictures = [read_picture(out, report["run_id"] or "") or (None, "") for report in reports]
    size = _encoded_size(*(picture for picture, _ in pictures if picture))
    size += 2 * len(message["text"].encode())  # as text and as HTML
    files, texts, described = [], [message["text"]], []
    for report, (picture, caption) in zip(reports, pictures, strict=True):
        attached, problems = [], []
        for kind in wanted.kinds:
            file, problem = _read_file(kind, report, out)
            if file is not None:
                larger = size + _encoded_size(file.content)
                problem = _too_large(kind, report, wanted, larger)
                if not problem:
                    attached.append(file)
                    size = larger
            if problem:
                problems.append(problem)
        files.append(ReportFiles(picture, caption, tuple(attached)))
        described.append({**report, "attachment": " ".join(problems)})
        texts += [f"{report['entry']}: {problem}" for problem in problems]
    content = {**message, "text": "\n\n".join(texts)}
    if message["kind"] == "digest":
        content["reports"] = described
    elif described:
        content["attachment"] = described[0]["attachment"]
    return content, tuple(files)


def _encoded_size(*contents: bytes) -> int:
    """Return the size of files in a mail, in base64."""
    return sum(ceil(len(content) / _BYTES_A_LINE) * _LINE for content in contents)


def _too_large(kind: str, report: Mapping[str, Any], wanted: Attachments, size: int) -> str:
    """Return why a file is not attached because of its size; an empty string if it is."""
    if wanted.refused:
        reason = "since the server refused the message with attachments as too large"
    elif size > wanted.max_mb * _MEGABYTE:
        reason = f"since the message would exceed {wanted.max_mb:g} MB"
    else:
        return ""
    where = "Follow the link instead" if report.get("link") else _place(kind, report)
    return f"{_name(kind)} is not attached, {reason}. {where}."


def _place(kind: str, report: Mapping[str, Any]) -> str:
    return f"It is in the folder of reports: {report['run_id']}/{PDF if kind == 'pdf' else PAGE}"


def _name(kind: str) -> str:
    return "The PDF" if kind == "pdf" else "The page"


def _read_file(kind: str, report: Mapping[str, Any], out: Path) -> tuple[AttachedFile | None, str]:
    """Return a report's page or PDF, or None and why it is not attached."""
    media_type, suffix = _KINDS[kind]
    name = f"{report['entry']}-{report['period_end'][:10]}.{suffix}"
    read = _read_pdf if kind == "pdf" else _read_page
    try:
        return AttachedFile(read(out, report["run_id"] or ""), media_type, name), ""
    except FileNotFoundError:
        problem = ", since the report has been deleted"
    except OSError as error:
        problem = f": {error.strerror or type(error).__name__}"
    except FoxgrapeError as error:
        problem = f": {error}"
    return None, f"{_name(kind)} is not attached{problem}."


def _read_page(out: Path, run_id: str) -> bytes:
    with directory_at(out, run_id) as folder:
        if folder.read_json(MANIFEST).get("assets"):
            raise ReportError("it needs shared files beside it")
        return folder.read(PAGE)


def _read_pdf(out: Path, run_id: str) -> bytes:
    """Return the PDF of a report; print it first if necessary."""
    with directory_at(out, run_id) as folder:
        folder.read(PAGE)  # there is no PDF of a report that has been deleted
        if folder.status(PDF) is None:
            write_pdf(out / run_id / PAGE)
        return folder.read(PDF)
