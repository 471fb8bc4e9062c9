"""Outbox: messages that wait to be sent, and receipts of those that were sent or given up.

A message is written to ``.waiting`` before its report counts as built, and marked as ``sending``
before each attempt. If a process dies during an attempt, the mark remains, and the next call sends
the message again and says that it may arrive twice. A receipt in ``.sent`` prevents that a message
is queued again. Only the process that holds the lock of the outbox sends messages.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from foxgrape.errors import ScheduleError
from foxgrape.reports.period_keys import parse_period_key
from foxgrape.reports.schedule.attachments import with_files
from foxgrape.reports.schedule.envelope import REPEATED, DeliveryError, Envelope
from foxgrape.reports.schedule.ledger import Period
from foxgrape.reports.schedule.messages import (
    digest_message,
    health_message,
    report_message,
    reports_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape._util.directories import Directory
    from foxgrape.reports.schedule.envelope import ReportFiles
    from foxgrape.reports.schedule.ledger import Ledger
    from foxgrape.reports.schedule.notifications import Channel
    from foxgrape.reports.schedule.runner import PeriodRun, PeriodTask

__all__ = [
    "DeliveryResult",
    "deliver",
    "delivery_states",
    "enqueue_alert",
    "health_transition",
    "record_outcome",
]

#: Folders of messages in the ledger. No entry has such a name: none starts with a dot.
_WAITING, _SENT = ".waiting", ".sent"
#: Age after which a message that cannot be sent is given up.
_MAX_AGE = timedelta(days=7)
#: More attempts than a message ever has.
_MAX_TRIES = 10_000
#: Delay before the second attempt; it doubles with every further attempt up to the maximum.
_FIRST_DELAY, _MAX_DELAY = timedelta(minutes=5), timedelta(hours=6)
#: Maximum seconds for one attempt, after which a server that answers too slowly is left alone.
_DEADLINE = 180.0
#: Maximum seconds to wait for the lock of a report's health file.
_LOCK_TIMEOUT = 10.0
#: States of a message, from the one that needs attention most.
_STATES = ("given up", "maybe sent", "maybe sent twice", "waiting", "sent")


@dataclass(slots=True)
class DeliveryResult:
    """Result of sending the messages of the outbox.

    Attributes
    ----------
    sent
        Number of messages sent.
    undelivered
        One error text per message that could not be sent; later calls try again.
    given_up
        One error text per message that will not be tried again.
    repeated
        One text per message that may have been sent twice.
    waiting
        Number of messages of the schedule's channels that wait to be sent by a later call.
    """

    sent: int = 0
    waiting: int = 0
    undelivered: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)


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
    """Queue the message about a finished report, and alerts if it starts to fail or recovers."""
    if run.state == "done" and task.deliver:
        message = report_message(ledger, run, task)
        for channel in task.deliver:
            _enqueue(ledger, task, channel, message)
    health = f"{task.job.name}/health"
    if run.state == "failed" or (run.state == "done" and not ledger.read_json(health)):
        return
    with ledger.lock(health, wait=_LOCK_TIMEOUT):
        content = ledger.read_json(health)
        kind, since = health_transition(content.get("failing_since"), task.period.key, run.state)
        abandoned = dict(content.get("abandoned") or {})
        if run.state == "given up":
            abandoned[task.period.key] = run.start.isoformat()
        if kind is not None:
            message = health_message(kind, run, task, _periods(abandoned))
            for channel in task.notify:
                _enqueue(ledger, task, channel, message)
        after = {"failing_since": since, "abandoned": abandoned if since else {}}
        if after != content:
            ledger.write_json(health, after)


def _periods(starts: Mapping[str, str]) -> list[Period]:
    """Return the periods of which the health file of an entry has the starts, by key."""
    return [
        Period(datetime.fromisoformat(start), parse_period_key(key))
        for key, start in sorted(starts.items())
    ]


def _enqueue(ledger: Ledger, task: PeriodTask, channel: str, message: Mapping[str, Any]) -> None:
    name = _message_name(task.period.key, task.job.name, message["kind"], channel)
    _write_once(ledger, name, task.now, channel, message)


def enqueue_alert(
    ledger: Ledger, now: datetime, channel: str, message: Mapping[str, Any], change: str
) -> None:
    """Queue the alert of a rule, unless it has been queued for the same change."""
    # Entries and rules may have equal names; the key of a period begins with a digit.
    name = _message_name("alert", message["entry"], change, channel)
    _write_once(ledger, name, now, channel, message)


def _write_once(
    ledger: Ledger, name: str, now: datetime, channel: str, message: Mapping[str, Any]
) -> None:
    """Write a message to the outbox, unless an earlier attempt has queued it."""
    # In this order: a message gets its receipt before it is removed from the outbox.
    if ledger.read_json(f"{_WAITING}/{name}") or ledger.read_json(f"{_SENT}/{name}"):
        return
    content = {
        "channel": channel,
        "written": now.astimezone(UTC).isoformat(),
        "id": uuid4().hex,
        "message": dict(message),
    }
    ledger.write_json(f"{_WAITING}/{name}", content)


def _message_name(key: str, entry: str, kind: str, channel: str) -> str:
    # Neither entries nor channels have a dot in their names.
    return f"{key}.{entry}.{kind}.{channel}"


def deliver(
    channels: Mapping[str, Channel], ledger: Ledger, now: datetime, environ: Mapping[str, str]
) -> DeliveryResult:
    """Send all queued messages that are due; if another process is sending, return at once."""
    result = DeliveryResult()
    if not (ledger.folder / _WAITING).is_dir():
        return result
    with ledger.open_folder(f"{_WAITING}/sending") as (folder, _):
        if not _queued(folder):
            return result
        with ledger.lock(f"{_WAITING}/sending") as acquired:
            if acquired:
                sender = _Sender(ledger, folder, channels, now, environ, result)
                sender.combine_digests()
                for name in _queued(folder):
                    sender.process(name)
                result.waiting = sender.count_waiting()
    return result


def _queued(folder: Directory) -> list[str]:
    names = (name for name in folder.names() if name.endswith(".json") and name[0] != ".")
    return [name.removesuffix(".json") for name in names]


@dataclass(frozen=True, slots=True)
class _Sender:
    """The process that holds the lock of the outbox."""

    ledger: Ledger
    folder: Directory
    channels: Mapping[str, Channel]
    now: datetime
    environ: Mapping[str, str]
    result: DeliveryResult

    def combine_digests(self) -> None:
        """Replace the messages of channels with ``digest``, if there are several, with one each."""
        items = {name: self._read(name) for name in _queued(self.folder)}
        items = {name: item for name, item in items.items() if _is_message(item)}
        for name, item in items.items():
            for part in item.get("parts", ()):  # left by a process that died below
                self._absorb(part, name)
        alerted = {str(item["message"].get("report")) for item in items.values()}
        groups: dict[str, list[str]] = {}
        for name, item in items.items():
            channel = self.channels.get(item["channel"])
            is_new = "state" not in item and item["message"].get("kind") == "built"
            if channel is not None and channel.digest and is_new:
                groups.setdefault(item["channel"], []).append(name)
        for channel_name, names in groups.items():
            parts = [name for name in names if (self.folder.status(f"{name}.json")) is not None]
            if len(parts) > 1:
                self._combine(channel_name, parts, [items[part] for part in parts], alerted)

    def _combine(
        self, channel: str, parts: list[str], items: list[dict[str, Any]], alerted: set[str]
    ) -> None:
        content = {
            "channel": channel,
            "written": min(item["written"] for item in items),
            "id": uuid4().hex,
            "message": digest_message([item["message"] for item in items], alerted),
            "parts": parts,
        }
        name = f"{parts[-1].partition('.')[0]}.{content['id']}.digest.{channel}"
        self._write(name, content)
        for part in parts:
            self._absorb(part, name)

    def _absorb(self, part: str, digest: str) -> None:
        """Record that a message is part of a digest, and remove it from the outbox."""
        if self.folder.status(f"{part}.json") is not None:
            self.ledger.write_json(f"{_SENT}/{part}", {"digest": digest})
            self.folder.unlink(f"{part}.json")

    def process(self, name: str) -> None:
        """Send a message if it is due, and record the outcome."""
        item = self._read(name)
        if self.ledger.read_json(f"{_SENT}/{name}"):
            self.folder.unlink(f"{name}.json")  # the process that sent it died at this point
            return
        if not _is_message(item):
            self.result.undelivered.append(
                f"cannot read the message {self.folder.path / name}.json; delete it"
            )
            return
        if item.get("state") == "sending":
            item["state"], item["maybe"] = "waiting", True
        expired = self.now >= datetime.fromisoformat(item["written"]) + _MAX_AGE
        channel = self.channels.get(item["channel"])
        if channel is None:
            # Another schedule with the same folder may have it.
            if expired:
                what = f"cannot notify {item['channel']}: the schedule has no such channel"
                self._give_up(name, item, what)
            return
        if not expired and self.now < _next_attempt(item, self.now):
            return
        try:
            channel.check(self.environ)
            # Before the mark: printing a PDF takes long, and nothing is sent yet if it dies.
            wanted = replace(channel.attachments, refused=bool(item.get("too_large")))
            message, files = with_files(item["message"], self.ledger.folder.parent, wanted)
            item |= {"state": "sending", "tries": item.get("tries", 0) + 1}
            item["tried"] = self.now.astimezone(UTC).isoformat()
            self._write(name, item)
            self._send(channel, item, message, files)
        except ScheduleError as error:
            self._record_failure(name, item, error, expired=expired)
        else:
            self._record_success(name, item)

    def _send(
        self,
        channel: Channel,
        item: Mapping[str, Any],
        message: dict[str, Any],
        files: tuple[ReportFiles, ...],
    ) -> None:
        """Send a message within `_DEADLINE` seconds.

        Raises
        ------
        ScheduleError
            If the message was not sent, or may not have been sent.
        """
        repeated = bool(item.get("maybe"))
        if repeated:
            message["text"] = f"{REPEATED}\n\n{message['text']}"
        envelope = Envelope(
            id=item.get("id", ""),
            files=files,
            repeated=repeated,
            to=tuple(item.get("to", ())),
        )
        outcome: list[ScheduleError | None] = []

        def attempt() -> None:
            try:
                channel.send(message, self.environ, envelope)
                outcome.append(None)
            except ScheduleError as error:
                outcome.append(error)
            except Exception as error:  # noqa: BLE001 - its text and traceback may have secrets
                outcome.append(_unclear(channel.name, f"sending failed ({type(error).__name__})"))

        # In a thread, since a server that sends a byte now and then never runs into a timeout.
        thread = threading.Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(_DEADLINE)
        error = outcome[0] if outcome else _unclear(channel.name, "the server is too slow")
        if error is not None:
            raise error

    def count_waiting(self) -> int:
        """Return the number of messages of this schedule's channels that are still queued."""
        items = map(self._read, _queued(self.folder))
        return sum(item.get("channel") in self.channels for item in items)

    def _record_success(self, name: str, item: Mapping[str, Any]) -> None:
        self.result.sent += 1
        state = "sent"
        if item.get("maybe"):
            state = "maybe sent twice"
            self.result.repeated.append(f"{item['channel']}: {_describe(item)} {state}")
        self._write_receipt(name, item, state)

    def _record_failure(
        self, name: str, item: dict[str, Any], error: ScheduleError, *, expired: bool
    ) -> None:
        if isinstance(error, DeliveryError):
            item["maybe"] = bool(item.get("maybe")) or error.unclear
            if error.refused:
                item["to"] = list(error.refused)
            if error.too_large:
                item["too_large"] = True
        if expired:
            self._give_up(name, item, str(error))
            return
        self.result.undelivered.append(str(error))
        if item.get("state") == "sending":
            self._write(name, item | {"state": "waiting", "error": str(error)})

    def _give_up(self, name: str, item: Mapping[str, Any], error: str) -> None:
        state = "maybe sent" if item.get("maybe") else "given up"
        days = _MAX_AGE.days
        self.result.given_up.append(f"{error}; {_describe(item)} {state} after {days} days")
        self._write_receipt(name, item, state, error)

    def _write_receipt(
        self, name: str, item: Mapping[str, Any], state: str, error: str | None = None
    ) -> None:
        receipt = {"state": state, "at": self.now.astimezone(UTC).isoformat(), "error": error}
        receipt |= {key: item[key] for key in ("channel", "written", "id", "tries") if key in item}
        self.ledger.write_json(f"{_SENT}/{name}", receipt)
        self.folder.unlink(f"{name}.json")

    def _read(self, name: str) -> dict[str, Any]:
        return self.folder.read_json(f"{name}.json")

    def _write(self, name: str, item: Mapping[str, Any]) -> None:
        self.ledger.write_json(f"{_WAITING}/{name}", dict(item))


def _is_message(item: Mapping[str, Any]) -> bool:
    """Return whether a queued message has the values that sending it uses, in their types."""
    try:
        message = item["message"]
        for name in ("written", "tried"):
            datetime.fromisoformat(item.get(name, item["written"]))
        texts = [item["channel"], message["text"], item.get("id", ""), *item.get("to", ())]
        texts += [message.get("entry", ""), message.get("period_end", "")]
        for report in reports_of(message):
            texts += [report["entry"], report["period_end"], report["run_id"] or ""]
        return all(isinstance(text, str) for text in texts) and item.get("tries", 1) < _MAX_TRIES
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _next_attempt(item: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a message is due; at once if the clock was set back since the last attempt."""
    if "tried" not in item:
        return now
    tried = datetime.fromisoformat(item["tried"])
    delay = min(_FIRST_DELAY * 2 ** min(item.get("tries", 1) - 1, 20), _MAX_DELAY)
    return now if tried > now else tried + delay


def _unclear(channel: str, reason: str) -> DeliveryError:
    error = DeliveryError(f"cannot notify {channel}: {reason}")
    error.unclear = True
    return error


def _describe(item: Mapping[str, Any]) -> str:
    message = item["message"]
    end = message.get("period_end", "")[:16].replace("T", " ")
    return f"{message.get('entry')}, due {end} UTC" if end else str(message.get("entry"))


def delivery_states(ledger: Ledger, entry: str, key: str | None) -> list[str]:
    """Return the states of an entry's messages: those that wait, and those of a period.

    Parameters
    ----------
    ledger, entry
        Period states, and the name of the entry.
    key
        Key of the period whose sent messages are included; None for no period.

    Returns
    -------
    list of str
        ``given up``, ``maybe sent``, ``maybe sent twice``, ``waiting`` or ``sent``, the one that
        needs attention most first.
    """
    states = []
    waiting, sent = (_names(ledger, folder) for folder in (_WAITING, _SENT))
    for name in waiting:
        item = ledger.read_json(f"{_WAITING}/{name}")
        entries = [report["entry"] for report in reports_of(item.get("message", {}))]
        if entry in {*entries, item.get("message", {}).get("entry")}:
            states.append("maybe sent" if item.get("state") == "sending" else "waiting")
    for name in sent if key is not None else ():
        if name.startswith(f"{key}.{entry}.built."):
            receipt = ledger.read_json(f"{_SENT}/{name}")
            if "digest" in receipt:
                receipt = ledger.read_json(f"{_SENT}/{receipt['digest']}")
            states += [receipt["state"]] if receipt.get("state") in _STATES else []
    return sorted(states, key=_STATES.index)


def _names(ledger: Ledger, folder: str) -> list[str]:
    try:
        with ledger.open_folder(f"{folder}/any") as (opened, _):
            return _queued(opened)
    except FileNotFoundError:
        return []
