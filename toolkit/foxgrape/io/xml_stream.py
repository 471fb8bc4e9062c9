"""XML of any size, parsed in bounded memory; document types are rejected.

A document type can declare entities that expand to gigabytes, or that name files of this machine.
All XML of the package is parsed here.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING
from xml.etree.ElementTree import ParseError, XMLParser

from foxgrape.io.stream import CHUNK, MAX_DEPTH, CorruptFileError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["XmlTarget", "parse_xml"]


class XmlTarget:
    """Base class for what receives the elements of a document, in their order.

    Attributes
    ----------
    tags
        Names of the open elements, without namespaces, the root first.
    """

    def __init__(self) -> None:
        self.tags: list[str] = []

    def doctype(self, *_: str | None) -> None:
        """Reject the document type when it starts, before it can declare anything."""
        raise CorruptFileError("the XML declares a document type; remove the line with DOCTYPE")

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Begin an element."""
        self.tags.append(tag.rpartition("}")[2])
        if len(self.tags) > MAX_DEPTH:
            raise CorruptFileError(f"the XML is nested deeper than {MAX_DEPTH}")
        self.on_start(self.tags[-1], attributes)

    def end(self, tag: str) -> None:  # noqa: ARG002 - the method of an XML parser's target
        """End an element."""
        self.on_end(self.tags.pop())

    def data(self, text: str) -> None:
        """Receive text of the innermost element."""

    def close(self) -> None:
        """End the document."""

    def on_start(self, name: str, attributes: Mapping[str, str]) -> None:
        """Handle the start of an element, which is the last of `tags`."""

    def on_end(self, name: str) -> None:
        """Handle the end of an element, whose parent is the last of `tags`."""


def parse_xml(stream: IO[bytes], target: XmlTarget) -> Iterator[None]:
    """Parse a stream, and yield after each chunk, so that the caller can use what was received.

    Raises
    ------
    CorruptFileError
        If the XML is invalid, cut off, or declares a document type; what comes before is received.

    Examples
    --------
    >>> import io
    >>> for _ in parse_xml(io.BytesIO(b"<a><b/></a>"), XmlTarget()):
    ...     pass
    """
    # The declared encoding is overridden, because input files give UTF-8.
    parser = XMLParser(target=target, encoding="utf-8")  # noqa: S314 - the target rejects document types
    is_open = True
    while is_open:
        damage = None
        try:
            chunk = stream.read(CHUNK)
            is_open = bool(chunk)
            parser.feed(chunk) if chunk else parser.close()
        except CorruptFileError as error:
            damage = error
        except (ParseError, ValueError, LookupError) as error:
            damage = CorruptFileError(f"the XML is invalid or cut off: {error}")
        yield
        if damage is not None:
            raise damage
