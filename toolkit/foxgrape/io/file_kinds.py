"""Kinds of files that are not read, by their first bytes or JSON keys, and how to convert them."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["FileKind", "file_kind", "is_binary", "open_document"]

Paths = frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is, with an article, and how to get a file that can be read.

    Examples
    --------
    >>> file_kind(b"%PDF-1.7").name
    'a PDF document'
    """

    name: str
    hint: str


#: Start of the archive of a repository, as of Bluesky.
_CAR = rb".{1,3}\xa2\x65roots"
_UNPACK = "unpack it and read the file inside"
_CSV = "save it as CSV (UTF-8) or as .xlsx"
_TELEGRAM = "export the chat from Telegram Desktop as machine-readable JSON, and read result.json"
_WEB_PAGE = (
    "save the data, not the page: an export of the account, a table, or the site's feed (RSS)"
)

#: Lines such as "[10.09.22, 15:16:00] Name: text" and "10/09/2022, 15:16 - Name: text".
_WHATSAPP = (
    rb"(?i)[\xe2\x80\x8e\x8f]*\[?\d{1,4}[./-]\d{1,2}[./-]\d{2,4},? \d{1,2}:\d{2}(:\d{2})?"
    rb"([ \xc2\xa0\xe2\x80\xaf]*[ap]\.?m\.?)?(\]| -) "
)
#: Patterns of the first bytes of files that are not text; the first match decides.
_BINARY: tuple[tuple[bytes, str, str], ...] = (
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _CSV),
    (
        rb"SQLite format 3\x00.*CREATE TABLE sessions ?\(",
        "a Telethon or Pyrogram session",
        _TELEGRAM,
    ),
    (
        rb"SQLite format 3\x00",
        "a SQLite database of an unknown tool",
        "export the table of posts as CSV, with sqlite3 -header -csv FILE 'SELECT * FROM …'",
    ),
    (rb"BZh[1-9]1AY&SY", "a file compressed with bzip2", "decompress it with bunzip2"),
    (rb"\xfd7zXZ\x00", "a file compressed with xz", "decompress it with unxz"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (rb"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (rb"\x1f\x8b", "a file that is compressed twice", "decompress it once"),
    (rb"PK\x03\x04", "a zip archive within an archive", _UNPACK),
    (rb".{257}ustar", "a tar archive within an archive", _UNPACK),
    (rb"%PDF-", "a PDF document", "copy its table into a spreadsheet, and save that as CSV"),
    (rb"\{\\rtf", "a rich text document (RTF)", "save it as plain text or CSV"),
    (rb"\x80[\x02-\x05]", "a Python pickle", "save it with DataFrame.to_csv(…, index=False)"),
    (rb"ARROW1\x00\x00", "a Feather file", "save it with DataFrame.to_parquet(…)"),
    (rb"\x89HDF\r\n", "an HDF5 file", "save the table with DataFrame.to_csv(…, index=False)"),
    (rb"RDX[23]\n", "an R data file", "save the table with write.csv(…)"),
    (rb"\x89PNG|\xff\xd8\xff|GIF8|RIFF.{4}WEBP|.{4}ftyp", "an image or a video", _WEB_PAGE),
)
#: Patterns of the first bytes of text; the first match decides, the most specific come first.
_TEXT: tuple[tuple[bytes, str, str], ...] = (
    (
        rb"version https://git-lfs",
        "a Git LFS pointer: the data themselves were not downloaded",
        "get the data with git lfs pull or the site's download button",
    ),
    (
        rb"\s*window\.YTD\.",
        "a file of an X archive",
        "its posts are in data/tweets.js: read that file, or the archive, with read_posts",
    ),
    (
        rb"\s*Grailbird\.data\.",
        "a file of an X archive from before 2018",
        "request the archive again, and read its tweets.js",
    ),
    (
        rb"(?is)\s*(<!doctype|<html).*class=\"(timeline-item|tweet-body|tweet-content)",
        "a page of Nitter",
        "read the account's RSS feed, at https://NITTER-HOST/USER/rss",
    ),
    (
        rb"(?is)\s*(<!doctype|<html).*class=\"tgme_",
        "a page of a Telegram channel's preview",
        _TELEGRAM,
    ),
    (
        rb"(?is)\s*(<!doctype|<html).*class=\"(chatlog|preamble)",
        "an HTML export of DiscordChatExporter",
        "export the channel as JSON, and convert that as its error says",
    ),
    (
        rb"(?is)\s*<!doctype html>.*class=\"page_body chat_page\"",
        "a chat that Telegram Desktop exported",
        "read it with read_posts",
    ),
    (
        rb"(?i)\s*(<!doctype html|<html|<head|<body|<table)",
        "a web page (HTML)",
        _WEB_PAGE,
    ),
    (
        rb"(?is)\s*<\?xml.*<!(DOCTYPE|ENTITY)",
        "XML with a document type, which may define entities",
        "remove the line with <!DOCTYPE, if it is a feed",
    ),
    (
        rb"\s*(<\?xml[^>]*>\s*)?<(rss|feed|rdf:RDF)[\s>]",
        "an RSS or Atom feed",
        "read it with read_posts",
    ),
    (rb"\s*<\?xml|\s*<[A-Za-z]", "an XML file", _CSV),
    (
        _WHATSAPP,
        "a WhatsApp chat, which is a private conversation without ids",
        "make a table with the columns post_id, posted_at, account and text",
    ),
)


def _has(paths: Paths, *names: str) -> bool:
    return {(name,) for name in names} <= paths


_DISCORD = "{id, date: .timestamp, username: .author.name, text: .content}"
#: Names of JSON exports, with keys that identify them, and how to convert them.
_JSON: tuple[tuple[frozenset[str], str, str], ...] = (
    (
        frozenset({"guild", "channel", "messages"}),
        "an export of DiscordChatExporter",
        f"convert it: jq -c '.messages[] | {_DISCORD}' FILE > posts.jsonl",
    ),
    (
        frozenset({"participants", "messages"}),
        "private messages of Facebook or Instagram",
        "only public posts are read",
    ),
    (
        frozenset({"columns", "index", "data"}),
        "a JSON table whose columns, index and data are apart",
        'save it with DataFrame.to_json(…, orient="records", lines=True)',
    ),
    (
        frozenset({"Activity", "Profile"}),
        "a download of TikTok data",
        "make a table of the videos with the columns post_id, posted_at, account and text",
    ),
    (
        frozenset({"Your Activity"}),
        "a download of TikTok data",
        "make a table of the videos with the columns post_id, posted_at, account and text",
    ),
)
_META = "make a table of the posts with the columns post_id, posted_at, account and text"


def file_kind(head: bytes, paths: Paths = frozenset()) -> FileKind | None:
    """Return what a file is, if its first bytes or JSON keys identify a kind that is not read.

    Parameters
    ----------
    head
        The first bytes of the content.
    paths
        The key paths of its JSON, as `foxgrape.io.json_records.key_paths` returns them.
    """
    for pattern, name, hint in (*_BINARY, *_TEXT):
        if re.match(pattern, head, re.DOTALL):
            return FileKind(name, hint)
    top = {path[0] for path in paths}
    for keys, name, hint in _JSON:
        if keys <= top:
            return FileKind(name, hint)
    if any(path[0].startswith("ig_") for path in paths) or (
        _has(paths, "media", "creation_timestamp")
        or ("media", "item", "creation_timestamp") in paths
    ):
        return FileKind("a download of Instagram data", _META)
    if _has(paths, "timestamp", "data") and (("data", "item", "post") in paths):
        return FileKind("a download of Facebook data", _META)
    if _by_columns(paths):
        return FileKind(
            "a JSON table stored column by column",
            'save it with DataFrame.to_json(…, orient="records", lines=True)',
        )
    return None


def is_binary(head: bytes) -> bool:
    """Return whether the first bytes are those of a kind of file that is not text.

    Examples
    --------
    >>> is_binary(b"PAR1"), is_binary(b"%PDF-1.7"), is_binary(b"id,text")
    (True, True, False)
    """
    patterns = (rb"PAR1", _CAR, *(pattern for pattern, _, _ in _BINARY))
    return any(re.match(pattern, head, re.DOTALL) for pattern in patterns)


def open_document(start: bytes) -> FileKind | None:
    """Return the kind of a zip archive that is an OpenDocument file."""
    is_document = b"mimetypeapplication/vnd.oasis.opendocument" in start[:100]
    return FileKind("an OpenDocument file", _CSV) if is_document else None


def _by_columns(paths: Paths) -> bool:
    """Return whether each key of the JSON has row numbers as keys, as pandas writes by default."""
    top = {path[0] for path in paths}
    return len(top) > 1 and all((name, "0") in paths for name in top)
