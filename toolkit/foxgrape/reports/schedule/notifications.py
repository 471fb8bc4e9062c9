"""Channels that send messages: webhook, mail and apprise.

Addresses and passwords are read from environment variables or the keyring only, and appear in no
error: a server's answer, which may repeat them, is never quoted.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from urllib.parse import urlsplit

from foxgrape.errors import ScheduleError
from foxgrape.reports.schedule.attachments import (
    ATTACH_KEYS,
    NOTHING_ATTACHED,
    Attachments,
    parse_attachments,
)
from foxgrape.reports.schedule.checks import check, check_keys
from foxgrape.reports.schedule.envelope import DeliveryError, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import EmailMessage

__all__ = [
    "CHANNELS",
    "AppriseService",
    "Channel",
    "Mail",
    "Webhook",
    "missing_variables",
]

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
#: Maximum seconds to wait for a server, and for a mail to be transmitted.
_TIMEOUT, _UPLOAD_TIMEOUT = 10.0, 120.0
_SECURITY = ("starttls", "tls", "none")
_PORTS = range(1, 65536)
#: HTTP statuses of a gateway that did not hear from the server behind it, which may have accepted
#: the message.
_UNCLEAR_STATUSES = (HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT)


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a message was not sent, and whether it may have been sent nevertheless."""

    reason: str
    unclear: bool = False


@dataclass(frozen=True, slots=True)
class _UrlChannel(ABC):
    """A channel whose URL, which often contains a token, is in an environment variable."""

    name: str
    url_env: str
    digest: bool = False
    attachments: Attachments = NOTHING_ATTACHED
    keys: ClassVar[tuple[str, ...]] = ("kind", "url_env", "digest")

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Return the channel of a ``[notify.NAME]`` table."""
        check_keys(table, cls.keys)
        return cls(name, _variable(table, "url_env"), **_options(table))

    def variables(self) -> tuple[str, ...]:
        """Return the names of the environment variables that the channel reads."""
        return (self.url_env,)

    @abstractmethod
    def check(self, environ: Mapping[str, str]) -> Any:
        """Return what `_transmit` needs; raise ScheduleError if the URL cannot be used."""

    @abstractmethod
    def _transmit(
        self, target: Any, message: Mapping[str, Any], envelope: Envelope
    ) -> _Failure | None:
        """Send a message; return why it was not sent, or None."""

    def send(
        self,
        message: Mapping[str, Any],
        environ: Mapping[str, str],
        envelope: Envelope = Envelope(),  # noqa: B008 - frozen
    ) -> None:
        """Send a message; redirects and unencrypted connections are refused."""
        target = self.check(environ)
        with _quiet_logs():
            failure = self._transmit(target, message, envelope)
        # Not raised where it occurred: a chained traceback would contain the URL.
        if failure is not None:
            raise _not_notified(self.name, failure.reason, unclear=failure.unclear)


class Webhook(_UrlChannel):
    """An HTTPS URL that receives messages as JSON; chat services show the ``text`` key.

    Attributes
    ----------
    name
        Name of the channel.
    url_env
        Environment variable with the URL.
    digest
        Whether reports that are built in one call are sent as one message.
    """

    __slots__ = ()

    def check(self, environ: Mapping[str, str]) -> str:
        """Return the URL; raise ScheduleError if the message cannot be sent to it."""
        url = _value(self.name, self.url_env, environ)
        try:
            parts = urlsplit(url)
            safe = parts.scheme == "https" or _is_local(parts.hostname)
        except ValueError:
            safe = False
        if not safe:
            raise _not_notified(self.name, f"{self.url_env} must be an https:// URL")
        return url

    def _transmit(
        self, target: str, message: Mapping[str, Any], envelope: Envelope
    ) -> _Failure | None:
        import httpx

        from foxgrape.io.download.http import describe_error, describe_failure

        content = {**message, "id": envelope.id, "repeated": envelope.repeated}
        try:
            # The body of the response is not read, since it may be endless.
            with httpx.stream("POST", target, json=content, timeout=_TIMEOUT) as response:
                status = response.status_code
        except httpx.InvalidURL:
            return _Failure("the URL is not valid")
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return _Failure(describe_failure(error))
        except httpx.HTTPError as error:
            return _Failure(describe_failure(error), unclear=True)
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return None
        reason = f"the server answered {describe_error(status)}"
        return _Failure(reason, unclear=status in _UNCLEAR_STATUSES)


class AppriseService(_UrlChannel):
    """Any service that apprise supports: Slack, Teams, Telegram, Matrix and many others.

    Attributes
    ----------
    name
        Name of the channel.
    url_env
        Environment variable with the apprise URL.
    digest
        Whether reports that are built in one call are sent as one message.
    attachments
        What is attached, if the service supports attachments.
    """

    __slots__ = ()
    keys: ClassVar[tuple[str, ...]] = ("kind", "url_env", "digest", *ATTACH_KEYS)

    def check(self, environ: Mapping[str, str]) -> Any:
        """Return apprise's service; raise ScheduleError if its URL cannot be used."""
        import apprise

        url = _value(self.name, self.url_env, environ)
        asset = apprise.AppriseAsset(async_mode=False)
        asset.http_redirects = False
        problem = None
        with _quiet_logs(), warnings.catch_warnings():
            # Plugins import modules that are deprecated in the standard library.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                service = apprise.Apprise.instantiate(url, asset=asset)
                if service is None:
                    problem = f"{self.url_env} must be an apprise URL such as slack://…"
                elif not _is_encrypted(url, service):
                    problem = f"{self.url_env} must be an encrypted URL (jsons://, mailtos://)"
            except Exception as error:  # noqa: BLE001 - plugins raise errors of many libraries
                problem = f"apprise cannot use its URL ({type(error).__name__})"
        if problem is not None:
            raise _not_notified(self.name, problem)
        return service

    def _transmit(
        self, target: Any, message: Mapping[str, Any], envelope: Envelope
    ) -> _Failure | None:
        """Send the text; apprise does not say why a service failed, or whether it sent nothing."""
        from apprise import AppriseAttachment
        from apprise.attachment.memory import AttachMemory

        files, in_memory = AppriseAttachment(), cast("Any", AttachMemory)  # without types
        for report in envelope.files if target.attachment_support else ():
            if report.picture:
                files.add(in_memory(report.picture, name="figure.png", mimetype="image/png"))
            for file in report.attached:
                files.add(in_memory(file.content, name=file.name, mimetype=file.media_type))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                sent = target.notify(
                    body=message["text"], title=_title(message), attach=files or None
                )
            except Exception as error:  # noqa: BLE001 - plugins raise errors of many libraries
                return _Failure(f"the service failed ({type(error).__name__})", unclear=True)
        return None if sent else _Failure("the service did not accept the message", unclear=True)


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail through an SMTP server.

    Attributes
    ----------
    name
        Name of the channel.
    host, port
        Host name and port of the SMTP server.
    sender, to
        Mail addresses of the sender and the recipients.
    security
        ``starttls``, ``tls``, or ``none`` for a server on this computer.
    user_env, password_env
        Environment variables with user name and password; None for a server without login.
    digest
        Whether reports that are built in one call are sent as one mail.
    attachments
        What is attached.
    """

    name: str
    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: str = "starttls"
    user_env: str | None = None
    password_env: str | None = None
    digest: bool = False
    attachments: Attachments = NOTHING_ATTACHED
    keys: ClassVar[tuple[str, ...]] = (
        *("kind", "host", "port", "from", "to", "security", "user_env", "password_env"),
        *("digest", *ATTACH_KEYS),
    )

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Return the channel of a ``[notify.NAME]`` table."""
        check_keys(table, cls.keys)
        host, sender, to = (table.get(key) for key in ("host", "from", "to"))
        port, security = table.get("port", 587), table.get("security", "starttls")
        check("host", _is_line(host), "a host name", host)
        check("from", _is_line(sender), "an address", sender)
        check("to", isinstance(to, list) and to and all(map(_is_line, to)), "addresses", to)
        check("port", type(port) is int and port in _PORTS, "a port number such as 587", port)
        check("security", security in _SECURITY, " or ".join(_SECURITY), security)
        encrypted = security != "none" or _is_local(host)
        check("security", encrypted, "starttls or tls for another computer", security)
        if ("user_env" in table) != ("password_env" in table):
            raise ScheduleError("user_env and password_env must be given together")
        names = ("user_env", "password_env")
        secrets: Any = {key: _variable(table, key) for key in names if key in table}
        options = secrets | _options(table)
        return cls(
            name, table["host"], table["from"], tuple(table["to"]), port, security, **options
        )

    def variables(self) -> tuple[str, ...]:
        """Return the names of the environment variables that the channel reads."""
        return tuple(name for name in (self.user_env, self.password_env) if name is not None)

    def check(self, environ: Mapping[str, str]) -> list[str]:
        """Return user name and password, if any; raise ScheduleError if one is not set."""
        return [_value(self.name, name, environ) for name in self.variables()]

    def send(
        self,
        message: Mapping[str, Any],
        environ: Mapping[str, str],
        envelope: Envelope = Envelope(),  # noqa: B008 - frozen
    ) -> None:
        """Send the message as text and HTML."""
        import smtplib

        from foxgrape.reports.schedule.failures import describe_smtp_failure, is_too_large
        from foxgrape.reports.schedule.mail import compose

        login = self.check(environ)
        mail = compose(message, envelope, title=_title(message), sender=self.sender, to=self.to)
        problem, connection, refused, too_large = None, _Connection(self), {}, False
        try:
            refused = connection.deliver(mail, login, envelope.to or self.to)
        except (smtplib.SMTPException, OSError, UnicodeError, ValueError) as error:
            problem, too_large = describe_smtp_failure(error), is_too_large(error)
            if isinstance(error, smtplib.SMTPResponseException):
                connection.unclear = False
        if refused:
            problem = f"the server refused {len(refused)} of its recipients"
        if problem is not None:
            failure = _not_notified(self.name, problem, unclear=connection.unclear)
            failure.refused, failure.too_large = tuple(refused), too_large
            raise failure


@dataclass(slots=True)
class _Connection:
    """One connection to an SMTP server.

    Attributes
    ----------
    unclear
        Whether the server may have accepted the mail although it has not confirmed that.
    """

    channel: Mail
    unclear: bool = False

    def deliver(self, mail: EmailMessage, login: list[str], to: tuple[str, ...]) -> dict[str, Any]:
        """Send a mail; return the recipients that the server refused while it accepted others."""
        import smtplib
        import ssl

        channel, context = self.channel, ssl.create_default_context()
        tls = channel.security == "tls"
        connect: Any = smtplib.SMTP_SSL if tls else smtplib.SMTP
        options = {"context": context} if tls else {}
        server = connect(channel.host, channel.port, timeout=_TIMEOUT, **options)
        try:
            if channel.security == "starttls":
                server.starttls(context=context)
            if login:
                server.login(*login)
            server.sock.settimeout(_UPLOAD_TIMEOUT)
            transmit = server.data

            def data(content: Any) -> Any:
                self.unclear = True
                answer = transmit(content)
                self.unclear = False
                return answer

            server.data = data
            refused: dict[str, Any] = server.send_message(mail, to_addrs=list(to))
            # The server has accepted the mail, whatever happens to the rest of the conversation.
            server.sock.settimeout(_TIMEOUT)
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
        finally:
            server.close()
        return refused


#: Any of the notification channel classes.
Channel = Webhook | Mail | AppriseService
#: Channel classes by the `kind` of a ``[notify.NAME]`` table.
CHANNELS: Mapping[str, type[Channel]] = {
    "webhook": Webhook,
    "smtp": Mail,
    "apprise": AppriseService,
}


def missing_variables(channel: Channel, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of variables that a channel reads but that are not set."""
    variables = os.environ if environ is None else environ
    return [name for name in channel.variables() if not _find_value(name, variables)]


def _title(message: Mapping[str, Any]) -> str:
    title = message.get("subject") or f"foxgrape: {message['entry']} {message['kind']}"
    return " ".join(str(title).split())


@contextmanager
def _quiet_logs() -> Iterator[None]:
    """Keep URLs and server answers out of the logs of HTTP libraries and apprise."""
    levels = {
        logging.getLogger(name): level
        for name, level in {
            "httpx": logging.WARNING,
            "httpcore": logging.WARNING,
            "urllib3": logging.CRITICAL,
            "apprise": logging.CRITICAL,
        }.items()
    }
    before = {logger: logger.level for logger in levels}
    for logger, level in levels.items():
        logger.setLevel(level)
    try:
        yield
    finally:
        for logger, level in before.items():
            logger.setLevel(level)


def _is_encrypted(url: str, service: Any) -> bool:
    """Return whether an apprise service encrypts and checks certificates, or is local."""
    scheme = url.partition("://")[0].lower()
    protocols = service.protocol or ()
    plain = scheme in ((protocols,) if isinstance(protocols, str) else protocols)
    insecure_mail = getattr(service, "secure_mode", None) == "insecure"
    encrypted = not plain and not insecure_mail and service.verify_certificate
    return bool(encrypted) or _is_local(service.host)


def _is_local(host: object) -> bool:
    from foxgrape.io.download.http import is_loopback

    return isinstance(host, str) and is_loopback(host)


def _variable(table: Mapping[str, Any], key: str) -> str:
    # The error must not quote the value: users may enter the secret instead of a variable name.
    value = table.get(key)
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        expected = "the name of an environment variable such as FOXGRAPE_WEBHOOK"
        raise ScheduleError(f"{key} must be {expected}")
    return value


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _options(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a channel combines and attaches."""
    digest = table.get("digest", False)
    check("digest", isinstance(digest, bool), "true or false", digest)
    return {"digest": digest, "attachments": parse_attachments(table)}


def _find_value(name: str, environ: Mapping[str, str]) -> str:
    """Return a secret from the variables; if these are the process's own, also from the keyring."""
    from foxgrape.io.download.credentials import find_secret

    value = environ.get(name, "").strip()
    if value or environ is not os.environ:
        return value
    secret = find_secret(name)
    return "" if secret is None else secret.reveal()


def _value(channel: str, name: str, environ: Mapping[str, str]) -> str:
    value = _find_value(name, environ)
    if not value:
        raise _not_notified(channel, f"the environment variable {name} is not set")
    return value


def _not_notified(channel: str, reason: str, *, unclear: bool = False) -> DeliveryError:
    error = DeliveryError(f"cannot notify {channel}: {reason}")
    error.unclear = unclear
    return error
