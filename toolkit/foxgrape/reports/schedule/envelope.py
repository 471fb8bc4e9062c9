"""What a channel needs to send a message in addition to its content, and how sending fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from foxgrape.errors import ScheduleError

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["REPEATED", "AttachedFile", "DeliveryError", "Envelope", "ReportFiles"]

#: Text that precedes a message that an earlier attempt may have sent.
REPEATED = "This message may reach you twice: an earlier attempt to send it was interrupted."


class DeliveryError(ScheduleError):
    """A message was not sent, or it is unknown whether it was.

    Attributes
    ----------
    unclear
        Whether the server may have accepted the message nevertheless.
    refused
        Addresses that a mail server refused while it accepted others; empty if none was accepted.
    too_large
        Whether the server refused the message because of its size.
    """

    unclear: bool = False
    refused: tuple[str, ...] = ()
    too_large: bool = False


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file attached to a message.

    Attributes
    ----------
    content
        The bytes of the file.
    media_type
        Such as ``text/html``.
    name
        File name.
    """

    content: bytes
    media_type: str
    name: str


@dataclass(frozen=True, slots=True)
class ReportFiles:
    """Files of one report that a message shows or has attached.

    Attributes
    ----------
    picture
        A figure of the report as PNG; None if the run has no pictures.
    caption
        Title of the figure.
    attached
        The attached files.
    """

    picture: bytes | None = None
    caption: str = ""
    attached: tuple[AttachedFile, ...] = ()


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a channel needs to send a message, in addition to its content.

    Attributes
    ----------
    id
        Identifies the message; the same at every attempt to send it.
    date
        Time of sending; None for the current time.
    files
        Files of each report in the message.
    repeated
        Whether an earlier attempt may have sent the message; its text says so already.
    to
        Recipients of a mail that still have to receive it; empty for all.
    """

    id: str = ""
    date: datetime | None = None
    files: tuple[ReportFiles, ...] = ()
    repeated: bool = False
    to: tuple[str, ...] = ()
