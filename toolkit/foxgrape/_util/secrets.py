r"""Find and redact secrets in text, in all notations in which programs usually write them.

Servers and libraries quote what they were given: in JSON (``\/``, ``\u0041``), in URLs (``%41``),
in HTML (``&#65;``), in the representation of bytes (``\x41``), in hexadecimal digits, and in
base64, alone or within a longer text such as ``user:password``.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from html.entities import codepoint2name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

__all__ = ["SecretFilter"]

#: Minimum length of a secret for which text is searched in base64 and hexadecimal digits, and
#: content from a server at all: shorter words also occur by chance.
_MIN_LENGTH = 6
#: Repeated quoting adds up to this many backslashes, or repetitions of ``25`` and ``amp;``.
_BACKSLASHES, _REPEATS = 7, 3
#: The characters that differ in the URL-safe alphabet of base64.
_URL_SAFE = {"+": "+-", "/": "/_"}


class SecretFilter:
    r"""Find and redact secrets.

    Parameters
    ----------
    secrets
        The secrets; empty ones are ignored. Each line of a secret is also a secret.

    Examples
    --------
    >>> hidden = SecretFilter(["a/b hunter2", ""])
    >>> hidden.redact("refused: a/b hunter2, a%2Fb+hunter2, a\\/b \\u0068unter2")
    'refused: ..., ..., ...'
    >>> hidden.found_in(b"Basic bWU6YS9iIGh1bnRlcjI=")  # me:a/b hunter2
    True
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        lines = {line for secret in secrets for line in (secret.strip(), *secret.split("\n"))}
        known = sorted((line.strip() for line in lines if line.strip()), key=len, reverse=True)
        self._long = [
            pattern
            for secret in known
            if len(secret) >= _MIN_LENGTH
            for pattern in (_as_text(secret), *_as_base64(secret), _as_hexadecimal(secret))
        ]
        self._short = [_as_text(secret) for secret in known if len(secret) < _MIN_LENGTH]

    @classmethod
    def of_variables(cls, names: Iterable[str]) -> Self:
        """Return a filter of the secrets in environment variables; unset ones are ignored."""
        return cls(os.environ.get(name, "") for name in names)

    def __bool__(self) -> bool:
        return bool(self._long or self._short)

    def redact(self, text: str) -> str:
        """Return a text with all secrets replaced by dots."""
        for pattern in (*self._long, *self._short):
            text = pattern.sub("...", text)
        return text

    def redact_json(self, value: Any) -> Any:
        """Return a JSON value with the secrets in all of its strings and keys replaced by dots."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, list):
            return [self.redact_json(item) for item in value]
        if isinstance(value, dict):
            return {self.redact(str(key)): self.redact_json(item) for key, item in value.items()}
        return value

    def found_in(self, content: bytes) -> bool:
        """Return whether content from a server contains a secret of six or more characters."""
        text = content.decode("utf-8", "replace")
        return any(pattern.search(text) for pattern in self._long)


def _as_text(secret: str) -> re.Pattern[str]:
    return re.compile("".join(map(_character, secret)))


def _character(sign: str) -> str:
    """Return a pattern of a character in any notation; each alternative starts with a literal."""
    data, code = sign.encode("utf-8", "surrogatepass"), ord(sign)
    slash, amp = rf"\\\\{{0,{_BACKSLASHES - 1}}}", rf"&(?:amp;){{0,{_REPEATS}}}"
    units = sign.encode("utf-16-be", "surrogatepass")
    escapes = "".join(
        f"{slash}u{_digits(units[start : start + 2])}" for start in range(0, len(units), 2)
    )
    forms = [
        re.escape(sign),
        escapes,
        "".join(f"{slash}x{_digits(bytes([byte]))}" for byte in data),
        "".join(rf"%(?:25){{0,{_REPEATS}}}{_digits(bytes([byte]))}" for byte in data),
        f"{amp}#0{{0,6}}{code};",
        f"{amp}#[xX]0{{0,6}}{_any_case(f'{code:x}')};",
    ]
    if sign in "\\/\"'":
        forms.append(f"{slash}{re.escape(sign)}")
    if sign == " ":
        forms.append(r"\+")
    if name := {**codepoint2name, ord("'"): "apos"}.get(code):
        forms.append(f"{amp}{name};")
    return f"(?:{'|'.join(forms)})"


def _as_base64(secret: str) -> list[re.Pattern[str]]:
    """Return a pattern for each position of the secret within groups of three bytes."""
    data, patterns = secret.encode("utf-8", "surrogatepass"), []
    for offset in range(3):
        text = b64encode(b"\0" * offset + data).decode()
        first, end = (offset * 8 + 5) // 6, (offset + len(data)) * 8 // 6
        signs = (
            f"(?:{'|'.join(map(_character, _URL_SAFE.get(sign, sign)))})"
            for sign in text[first:end]
        )
        # Characters at the ends also hold bits of what surrounds the secret.
        patterns.append(re.compile("".join(signs) + "[A-Za-z0-9+/_-]{0,2}=*"))
    return patterns


def _as_hexadecimal(secret: str) -> re.Pattern[str]:
    return re.compile(_digits(secret.encode("utf-8", "surrogatepass")))


def _digits(data: bytes) -> str:
    return _any_case(data.hex())


def _any_case(digits: str) -> str:
    # Not by a flag: it makes the search ten times slower.
    return "".join(f"[{d}{d.upper()}]" if d.isalpha() else d for d in digits)
