"""XML is parsed in bounded memory, and document types are rejected."""

from __future__ import annotations

import io

import pytest

from foxgrape.io.stream import MAX_DEPTH, CorruptFileError
from foxgrape.io.xml_stream import XmlTarget, parse_xml


class Names(XmlTarget):
    """Collects the names of elements with their parents, and the text."""

    def __init__(self):
        super().__init__()
        self.ended = []
        self.text = ""

    def on_end(self, name):
        self.ended.append((name, self.tags[-1] if self.tags else None))

    def data(self, text):
        self.text += text


def parse(content):
    target = Names()
    data = content if isinstance(content, bytes) else content.encode()
    try:
        for _ in parse_xml(io.BytesIO(data), target):
            pass
    except CorruptFileError as error:
        return target, str(error)
    return target, None


def test_elements_have_their_parent_and_no_namespace():
    target, error = parse('<a xmlns="x"><b>1&amp;</b><c xmlns="y"/></a>')
    assert error is None
    assert target.ended == [("b", "a"), ("c", "a"), ("a", None)]
    assert target.text == "1&"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY b "bbbb">]>',
        '<!DOCTYPE a [<!ENTITY % b SYSTEM "file:///etc/hostname"> %b;]>',
        '<!DOCTYPE a SYSTEM "a.dtd">',
    ],
)
def test_document_types_are_rejected_in_every_encoding(doctype, encoding):
    text = f"<?xml version='1.0' encoding='{encoding}'?>{doctype}<a>&b;</a>"
    target, error = parse(text.encode(encoding))
    assert error == "the XML declares a document type; remove the line with DOCTYPE"
    assert target.ended == []


def test_text_that_looks_like_a_document_type_is_text():
    target, error = parse("<a><![CDATA[<!DOCTYPE html>]]></a>")
    assert (target.text, error) == ("<!DOCTYPE html>", None)


@pytest.mark.parametrize(
    ("content", "before"),
    [
        ("<a><b></b>", [("b", "a")]),
        ("<a><b></a>", []),
        ("", []),
        ("<a>\x00</a>", []),
        (b"<a><b/>\xff</a>", [("b", "a")]),
    ],
)
def test_invalid_xml_keeps_what_comes_before(content, before):
    target, error = parse(content)
    assert error.startswith("the XML is invalid or cut off: ")
    assert target.ended == before


def test_nesting_is_limited():
    assert parse("<a>" * MAX_DEPTH + "</a>" * MAX_DEPTH)[1] is None
    error = parse("<a>" * (MAX_DEPTH + 1))[1]
    assert error == f"the XML is nested deeper than {MAX_DEPTH}"
