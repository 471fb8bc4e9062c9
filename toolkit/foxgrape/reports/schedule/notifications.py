"""Notifications: when to send them, and the channels that send them (webhook, mail, apprise).

Addresses and passwords are read from environment variables only, and are redacted everywhere.
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit

from foxgrape.errors import ScheduleError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import EmailMessage

    from foxgrape._util.directories import Directory
    from foxgrape.reports.schedule.ledger import Ledger
    from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask

__all__ = [
    "CHANNELS",
    "AppriseService",
    "Channel",
    "Mail",
    "Webhook",
    "deliver",
    "health_transition",
    "missing_variables",
    "record_outcome",
]

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*", re.ASCII)
_TIMEOUT = 10.0
_SECURITY = ("starttls", "tls", "none")
_PORTS = range(1, 65536)


@dataclass(frozen=True, slots=True)
class _UrlChannel:
    """A channel whose URL, which often contains a token, is in an environment variable."""

    name: str
    url_env: str
    keys: ClassVar[tuple[str, ...]] = ("kind", "url_env")

    @classmethod
    def from_table(cls, name: str, table: Mapping[str, Any]) -> Self:
        """Return the channel of a ``[notify.NAME]`` table."""
        _check_keys(table, cls.keys)
        return cls(name, _variable(table, "url_env"))

    def variables(self) -> tuple[str, ...]:
        """Return the names of the environment variables that the channel reads."""
        return (self.url_env,)


class Webhook(_UrlChannel):
    """An HTTPS URL that receives messages as JSON; chat services show the ``text`` key.

    Attributes
    ----------
    name
        Name of the channel.
    url_env
        Environment variable with the URL.
    """

    __slots__ = ()

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Post the message as JSON; redirects are not followed."""
        import httpx

        from foxgrape.io.download.http import describe_error

        url = _value(self.name, self.url_env, environ)
        try:
            parts = urlsplit(url)
            safe = parts.scheme == "https" or _is_local(parts.hostname)
        except ValueError:
            safe = False
        if not safe:
            raise _not_notified(self.name, f"{self.url_env} must be an https:// URL")
        problem = None
        with _quiet_logs():
            try:
                status = httpx.post(url, json=dict(message), timeout=_TIMEOUT).status_code
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                problem = type(error).__name__
            else:
                if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                    problem = f"the server answered {describe_error(status)}"
        # Raised outside the except block: a chained traceback would contain the URL.
        if problem is not None:
            raise _not_notified(self.name, problem)


class AppriseService(_UrlChannel):
    """Any service that apprise supports: Slack, Teams, Telegram, Matrix and many others.

    Attributes
    ----------
    name
        Name of the channel.
    url_env
        Environment variable with the apprise URL.
    """

    __slots__ = ()

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Send the text of the message; redirects and unencrypted connections are refused."""
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
                elif not service.notify(body=message["text"], title=_title(message)):
                    problem = "the service did not accept the message"
            except Exception as error:  # noqa: BLE001 - plugins raise errors of many libraries
                problem = type(error).__name__
        if problem is not None:
            raise _not_notified(self.name, problem)


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
        """Return the channel of a ``[notify.NAME]`` table."""
        _check_keys(table, cls.keys)
        host, sender, to = (table.get(key) for key in ("host", "from", "to"))
        port, security = table.get("port", 587), table.get("security", "starttls")
        _check("host", _is_line(host), "a host name", host)
        _check("from", _is_line(sender), "an address", sender)
        _check("to", isinstance(to, list) and to and all(map(_is_line, to)), "addresses", to)
        _check("port", type(port) is int and port in _PORTS, "a port number such as 587", port)
        _check("security", security in _SECURITY, " or ".join(_SECURITY), security)
        encrypted = security != "none" or _is_local(host)
        _check("security", encrypted, "starttls or tls for another computer", security)
        if ("user_env" in table) != ("password_env" in table):
            raise ScheduleError("user_env and password_env must be given together")
        names = ("user_env", "password_env")
        secrets = {key: _variable(table, key) for key in names if key in table}
        return cls(
            name, table["host"], table["from"], tuple(table["to"]), port, security, **secrets
        )

    def variables(self) -> tuple[str, ...]:
        """Return the names of the environment variables that the channel reads."""
        return tuple(name for name in (self.user_env, self.password_env) if name is not None)

    def send(self, message: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        """Send the message as plain text."""
        import smtplib
        from email.message import EmailMessage

        mail = EmailMessage()
        mail["Subject"] = _title(message)
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail.set_content("\n".join(f"{key}: {value}" for key, value in message.items()))
        login = [_value(self.name, name, environ) for name in self.variables()]
        problem = None
        try:
            self._deliver(mail, login)
        except smtplib.SMTPResponseException as error:
            problem = f"the server answered {error.smtp_code}"
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            problem = type(error).__name__
        if problem is not None:
            raise _not_notified(self.name, problem)

    def _deliver(self, mail: EmailMessage, login: list[str]) -> None:
        import smtplib
        import ssl

        context = ssl.create_default_context()
        connect: Any = smtplib.SMTP_SSL if self.security == "tls" else smtplib.SMTP
        options = {"context": context} if self.security == "tls" else {}
        with connect(self.host, self.port, timeout=_TIMEOUT, **options) as server:
            if self.security == "starttls":
                server.starttls(context=context)
            if login:
                server.login(*login)
            server.send_message(mail)


#: Any of the notification channel classes.
Channel = Webhook | Mail | AppriseService
#: Channel classes by the `kind` of a ``[notify.NAME]`` table.
CHANNELS: Mapping[str, type[Channel]] = {
    "webhook": Webhook,
    "smtp": Mail,
    "apprise": AppriseService,
}


def missing_variables(channel: Channel, environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of environment variables that a channel reads but that are not set."""
    variables = os.environ if environ is None else environ
    return [name for name in channel.variables() if not variables.get(name)]


def _title(message: Mapping[str, Any]) -> str:
    return " ".join(f"foxgrape: {message['entry']} {message['kind']}".split())


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


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            raise ScheduleError(f"unknown key {key}", hint=did_you_mean(key, known))


def _check(key: str, valid: object, expected: str, got: object) -> None:
    if not valid:
        raise ScheduleError(f"{key} must be {expected}", got=got)


def _variable(table: Mapping[str, Any], key: str) -> str:
    # The error must not quote the value: users may enter the secret instead of a variable name.
    value = table.get(key)
    if not isinstance(value, str) or not _VARIABLE.fullmatch(value):
        expected = "the name of an environment variable such as FOXGRAPE_WEBHOOK"
        raise ScheduleError(f"{key} must be {expected}")
    return value


def _is_line(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and value.isprintable()


def _value(channel: str, name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise _not_notified(channel, f"the environment variable {name} is not set")
    return value


def _not_notified(channel: str, reason: str) -> ScheduleError:
    return ScheduleError(f"cannot notify {channel}: {reason}")


#: Folder of unsent messages in the ledger. No entry has this name: none starts with a dot.
_OUTBOX = ".waiting"
#: Age after which an unsent message is dropped.
_MAX_AGE = timedelta(days=7)
#: Maximum seconds to wait for the lock of a report's health file.
_LOCK_TIMEOUT = 10.0


def health_transition(
    failing_since: str | None, key: str, state: str
) -> tuple[str | None, str | None]:
    """Return the alert to send, if any, and the new `failing_since` of a report.

    Parameters
    ----------
    failing_since
        Key of the latest period that was given up; None if the report works.
    key
        Key of the period that was attempted.
    state
        Result of the attempt: ``done``, ``failed`` or ``given up``.

    Examples
    --------
    >>> health_transition(None, "20220910T040000Z", "given up")
    ('failed', '20220910T040000Z')
    >>> health_transition("20220910T040000Z", "20220911T040000Z", "done")
    ('recovered', None)
    >>> health_transition("20220910T040000Z", "20220909T040000Z", "done")  # an earlier period
    (None, '20220910T040000Z')
    """
    if state == "given up":
        return None if failing_since else "failed", max(failing_since or key, key)
    if state == "done" and failing_since and key > failing_since:
        return "recovered", None
    return None, failing_since


def record_outcome(ledger: Ledger, task: PeriodTask, run: PeriodRun) -> None:
    """Update a report's health file; queue messages if the report starts to fail or recovers."""
    health = f"{task.job.name}/health"
    if run.state == "failed" or (run.state == "done" and not ledger.read_json(health)):
        return
    with ledger.lock(health, wait=_LOCK_TIMEOUT):
        before = ledger.read_json(health).get("failing_since")
        kind, since = health_transition(before, task.period.key, run.state)
        if kind is not None:
            for channel in task.notify:
                name = f"{_OUTBOX}/{task.period.key}-{task.job.name}-{kind}-{channel}"
                content = {
                    "channel": channel,
                    "written": task.now.astimezone(UTC).isoformat(),
                    "message": _message(kind, run, task),
                }
                ledger.write_json(name, content)
        if since != before:
            ledger.write_json(health, {"failing_since": since})


def deliver(
    channels: Mapping[str, Channel], ledger: Ledger, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    """Send all queued messages; return one error text per message that could not be sent."""
    if not (ledger.folder / _OUTBOX).is_dir():
        return []
    sending = f"{_OUTBOX}/sending"
    with ledger.open_folder(sending) as (folder, _):
        if not _queued(folder):
            return []
        with ledger.lock(sending) as acquired:
            return _send_queued(channels, folder, now, environ) if acquired else []


def _queued(folder: Directory) -> list[str]:
    return [name for name in folder.names() if name.endswith(".json") and name[0] != "."]


def _send_queued(
    channels: Mapping[str, Channel], folder: Directory, now: datetime, environ: Mapping[str, str]
) -> list[str]:
    errors = []
    for name in _queued(folder):
        content = folder.read_json(name)
        channel = channels.get(content.get("channel", ""))
        if channel is not None and now < datetime.fromisoformat(content["written"]) + _MAX_AGE:
            try:
                channel.send(content["message"], environ)
            except ScheduleError as error:
                errors.append(str(error))
                continue
        folder.unlink(name)
    return errors


def _message(kind: str, run: PeriodRun, task: PeriodTask) -> dict[str, Any]:
    event = "failed" if kind == "failed" else "works again"
    span = f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"
    text = f"foxgrape: report {run.entry} {event}, period {span}"
    return {
        "text": f"{text}: {run.error}" if run.error else text,
        "kind": kind,
        "entry": run.entry,
        "template": task.job.template,
        "period_start": run.start.isoformat(),
        "period_end": run.end.isoformat(),
        "tries": run.tries,
        "run_id": run.run_id,
        "error": run.error,
    }
