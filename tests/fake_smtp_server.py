"""A local SMTP server for tests: accepts one login and does not support encryption.

A test can replace any of its replies, to refuse, delay or lie.
"""

from __future__ import annotations

import base64
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class SmtpLog:
    """Port of the server, commands it received and mails it accepted."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


class _Handler(socketserver.StreamRequestHandler):
    log: SmtpLog
    login: str
    password: str
    override: Callable[[str], str | None]

    def reply(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def handle(self) -> None:
        self.reply("220 here")
        while line := self.rfile.readline().decode().strip():
            self.log.commands.append(line)
            instead = self.override(line)
            if instead == "":
                return
            if instead is not None:
                self.reply(instead)
            elif not self.answer(line) or line.upper() == "QUIT":
                return

    def answer(self, line: str) -> bool:
        """Reply to a line; return whether the connection continues."""
        verb = line.split(maxsplit=1)[0].upper()
        if verb == "EHLO":
            self.reply("250-here")
            self.reply("250 AUTH PLAIN")
        elif verb == "AUTH":
            good = line.split()[2] == self.login
            self.reply("235 welcome" if good else f"535 {self.password} was expected")
        elif verb == "DATA":
            return self.receive()
        else:
            self.reply("221 bye" if verb == "QUIT" else "250 fine")
        return True

    def receive(self) -> bool:
        """Receive a mail; return whether the connection continues."""
        self.reply("354 go on")
        mail = []
        while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
            mail.append(part.removeprefix("."))
        instead = self.override(".")
        if not instead or instead.startswith("250"):
            self.log.mails.append("\n".join(mail))
        if instead == "":
            return False
        self.reply(instead or "250 taken")
        return True


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Ignore clients that hang up."""


@contextmanager
def serve_smtp(
    user: str, password: str, override: Callable[[str], str | None] = lambda _: None
) -> Iterator[SmtpLog]:
    """Serve on a free local port while the block runs.

    `override` receives each line of the client, and a single dot at the end of a mail. It returns
    the reply, an empty text to end the connection, or None for the usual reply.
    """
    log = SmtpLog()
    login = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    values = {"log": log, "login": login, "password": password}
    handler = type("Handler", (_Handler,), values | {"override": staticmethod(override)})
    with _Server(("127.0.0.1", 0), handler) as server:
        log.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield log
        finally:
            server.shutdown()
            thread.join()
