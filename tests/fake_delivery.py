"""Calls of a schedule that processes of tests make, and moments at which they are killed."""

from __future__ import annotations

import os
import signal

from fake_reports import build_page
from foxgrape.reports.schedule import due, outbox
from foxgrape.reports.schedule.config import read_schedule


def deliver_once(file, out, now, environ):
    """Build and deliver what is due."""
    due.run_due(read_schedule(file), now=now, out=out, run=build_page, environ=environ)


#: Functions of a process at which it is killed, and whether the message may arrive twice.
MOMENTS = {
    "before the message is queued": ("outbox._enqueue", False),
    "after building": ("due.deliver", False),
    "before sending": ("outbox._Sender._send", True),
    "after sending": ("outbox._Sender._record_success", True),
    "before the receipt is final": ("outbox.Directory.unlink", False),
}


def die_at(moment, file, out, now, environ):
    """Run in a process that is killed at a moment."""
    name = MOMENTS[moment][0]

    def kill(*_):
        os.kill(os.getpid(), signal.SIGKILL)

    if name == "due.deliver":
        due.deliver = kill
    elif name == "outbox._enqueue":
        outbox._enqueue = kill
    elif name == "outbox.Directory.unlink":
        before = outbox._Sender._write_receipt

        def write_receipt(self, *arguments):
            object.__setattr__(self, "folder", KillOnUnlink(self.folder))
            before(self, *arguments)

        outbox._Sender._write_receipt = write_receipt
    else:
        setattr(outbox._Sender, name.rpartition(".")[2], kill)
    deliver_once(file, out, now, environ)


class KillOnUnlink:
    """A folder whose `unlink` kills the process."""

    def __init__(self, folder):
        self.folder = folder

    def unlink(self, _):
        os.kill(os.getpid(), signal.SIGKILL)

    def __getattr__(self, name):
        return getattr(self.folder, name)
