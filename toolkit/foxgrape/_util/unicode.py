"""Text that UTF-8 cannot encode: halves of surrogate pairs, from JSON escapes and file names.

A file name that is not UTF-8 has such halves in Python. Neither files nor Arrow, Delta Lake and
notebooks can hold them.
"""

from __future__ import annotations

import json
import re
from typing import Any

from foxgrape.errors import FoxgrapeError

__all__ = ["json_bytes", "replace_surrogates", "require_utf8"]

_SURROGATE = re.compile("[\ud800-\udfff]")


def json_bytes(value: object, *, indent: int | None = None, default: Any = None) -> bytes:
    r"""Return a value as JSON in UTF-8, with surrogates as escapes, so that reading gives it back.

    Examples
    --------
    >>> json_bytes(["käse", "\ud83d"])
    b'["k\xc3\xa4se", "\\ud83d"]'
    """
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=default)
    return text.encode("utf-8", "backslashreplace")


def replace_surrogates(value: Any) -> Any:
    r"""Return text, or the content of a JSON or YAML file, with surrogates replaced by U+FFFD.

    Examples
    --------
    >>> replace_surrogates({"title": "half \ud83d", "tags": ["a"]})
    {'title': 'half �', 'tags': ['a']}
    """
    if isinstance(value, str):
        return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [replace_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {replace_surrogates(key): replace_surrogates(item) for key, item in value.items()}
    return value


def require_utf8(path: object, error: type[FoxgrapeError] = FoxgrapeError) -> None:
    r"""Raise an error if a path is not UTF-8, as Delta Lake, Arrow and notebooks require.

    Examples
    --------
    >>> require_utf8("reports/Ізюм")
    >>> require_utf8("reports/\udcff")
    Traceback (most recent call last):
    foxgrape.errors.FoxgrapeError: reports/�: the path is not UTF-8. Hint: rename it
    """
    if _SURROGATE.search(str(path)):
        raise error("the path is not UTF-8", file=path, hint="rename it")
