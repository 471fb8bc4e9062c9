"""Word of failures and recoveries, by webhook or mail; addresses and passwords stay unseen.

A message is first written down and then sent, so that one which cannot be sent now is sent by a
later call. What is secret is named in the schedule and stands in the environment alone.
"""

from __future__ import annotations

import logging
import os
import re
import smtplib
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self
from urllib.parse import urlsplit

from foxgrape.errors import ScheduleError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["CHANNELS", "Channel", "Mail", "Webhook", "redact"]

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_TIMEOUT = 10.0
_SECURITY = ("starttls", "tls", "none")
_PORTS = range(1, 65536)


class Channel(Protocol):
    """A way to tell somebody."""

    @property
    def name(self) -> str:
        """What the schedule calls it."""

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Read it from a schedule; ScheduleError names the key that is wrong."""

    def variables(self) -> tuple[str, ...]:
        """Return the names of the variables that it needs."""

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Tell it; ScheduleError, without any secret, where that fails."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that takes JSON; its ``text`` is what chat services show.

    Attributes
    ----------
    name
        Of the channel.
    url_env
        The variable in which the address stands: it often holds a token.
    """

    name: str
    url_env: str
    keys: ClassVar[tuple[str, ...]] = ("kind", "url_env")

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Read it from a schedule."""
        _check_keys(table, cls.keys)
        return cls(name, _variable(table, "url_env"))

    def variables(self) -> tuple[str, ...]:
        """Return the names of the variables that it needs."""
        return (self.url_env,)

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Post the message as JSON."""
        import httpx

        from foxgrape.io.download.http import describe_error, is_loopback

        url = _found(self.name, self.url_env, environ)
        try:
            parts = urlsplit(url)
            safe = parts.scheme == "https" or is_loopback(parts.hostname or "")
        except ValueError:
            safe = False
        if not safe:
            raise _untold(self.name, f"{self.url_env} holds no https:// address")
        trouble = None
        with _quiet():
            try:
                status = httpx.post(url, json=dict(message), timeout=_TIMEOUT).status_code
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                trouble = type(error).__name__
            else:
                if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                    trouble = f"the server answers {describe_error(status)}"
        # Outside of the block above, so that no traceback leads to what holds the address.
        if trouble is not None:
            raise _untold(self.name, trouble)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail through an SMTP server.

    Attributes
    ----------
    name
        Of the channel.
    host, port
        The server.
    sender, to
        Addresses.
    security
        ``starttls``, ``tls``, or ``none`` for a server on this computer itself.
    user_env, password_env
        The variables in which name and password stand; None for a server that asks for none.
    """

    name: str
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user_env: str | None = None
    password_env: str | None = None
    keys: ClassVar[tuple[str, ...]] = (
        *("kind", "host", "port", "from", "to", "security", "user_env", "password_env"),
    )

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Read it from a schedule."""
        from foxgrape.io.download.http import is_loopback

        _check_keys(table, cls.keys)
        to = table.get("to")
        for key in ("host", "from"):
            if not isinstance(table.get(key), str) or not _one_line(table[key]):
                raise _bad(key, "a host" if key == "host" else "an address", table.get(key))
        if not isinstance(to, list) or not to or not all(map(_one_line, to)):
            raise _bad("to", "a list of addresses", to)
        port, security = table.get("port", 587), table.get("security", "starttls")
        if type(port) is not int or port not in _PORTS:
            raise _bad("port", "a port, 587 by default", port)
        if security not in _SECURITY:
            raise _bad("security", f"one of {', '.join(_SECURITY)}", security)
        if security == "none" and not is_loopback(table["host"]):
            raise _bad("security", "starttls or tls for another computer", security)
        if ("user_env" in table) != ("password_env" in table):
            raise _bad("user_env", "user_env and password_env together", None)
        names = ("user_env", "password_env")
        secrets = {key: _variable(table, key) for key in names if key in table}
        return cls(name, table["host"], table["from"], tuple(to), port, security, **secrets)

    def variables(self) -> tuple[str, ...]:
        """Return the names of the variables that it needs."""
        return tuple(name for name in (self.user_env, self.password_env) if name is not None)

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Send the message as a mail in plain text."""
        mail = EmailMessage()
        mail["Subject"] = " ".join(f"foxgrape: {message['entry']} {message['kind']}".split())
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail.set_content("\n".join(f"{key}: {value}" for key, value in message.items()))
        login = [_found(self.name, name, environ) for name in self.variables()]
        trouble = None
        try:
            self._deliver(mail, login)
        except smtplib.SMTPResponseException as error:
            trouble = f"the server answers {error.smtp_code}"
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            trouble = type(error).__name__
        if trouble is not None:
            raise _untold(self.name, trouble)

    def _deliver(self, mail: EmailMessage, login: list[str]) -> None:
        context = ssl.create_default_context()
        make: Any = smtplib.SMTP_SSL if self.security == "tls" else smtplib.SMTP
        more = {"context": context} if self.security == "tls" else {}
        with make(self.host, self.port, timeout=_TIMEOUT, **more) as server:
            if self.security == "starttls":
                server.starttls(context=context)
            if login:
                server.login(*login)
            server.send_message(mail)


CHANNELS: Mapping[str, type[Channel]] = {"webhook": Webhook, "smtp": Mail}


def redact(text: str, secrets: Iterable[str]) -> str:
    """Return a text in which no secret stands.

    Examples
    --------
    >>> redact("refused: token hunter2", ["hunter2", ""])
    'refused: token ...'
    """
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "...")
    return text


def missing_variables(channel: Channel, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of the variables that a channel needs and the environment lacks."""
    where = os.environ if environ is None else environ
    return [name for name in channel.variables() if not where.get(name)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep addresses out of what httpx writes into logs."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise ScheduleError(f"{key}: no such key", hint=did_you_mean(key, known))


def _variable(table: Mapping[str, Any], key: str) -> str:
    # An address or a password that stands here in place of a name is not repeated.
    value = table.get(key)
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        expected = "the name of an environment variable such as FOXGRAPE_WEBHOOK"
        raise ScheduleError(f"{key}: bad value", expected=expected)
    return value


def _bad(key: str, expected: str, got: object) -> ScheduleError:
    return ScheduleError(f"{key}: bad value", expected=expected, got=got)


def _one_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _found(channel: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise _untold(channel, f"the environment has no {name}")
    return value


def _untold(channel: str, why: str) -> ScheduleError:
    return ScheduleError(f"{channel} could not be told: {why}")
