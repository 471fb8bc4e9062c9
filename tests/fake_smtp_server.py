"""A local SMTP server for tests: accepts one login and does not support encryption."""

from __future__ import annotations

import base64
import socketserver
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class SmtpLog:
    """Port of the server, commands it received and mails it accepted."""

    port: int = 0
    commands: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


@contextmanager
def serve_smtp(user: str, password: str) -> Iterator[SmtpLog]:
    """Serve on a free local port while the block runs."""
    log = SmtpLog()
    login = base64.b64encode(f"\0{user}\0{password}".encode()).decode()

    class Handler(socketserver.StreamRequestHandler):
        def reply(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.reply("220 here")
            while line := self.rfile.readline().decode().strip():
                log.commands.append(line)
                self.answer(line)
                if line == "QUIT":
                    return

        def answer(self, line: str) -> None:
            verb = line.split(maxsplit=1)[0].upper()
            if verb == "EHLO":
                self.reply("250-here")
                self.reply("250 AUTH PLAIN")
            elif verb == "AUTH":
                good = line.split()[2] == login
                self.reply("235 welcome" if good else f"535 {password} was expected")
            elif verb == "DATA":
                self.reply("354 go on")
                mail = []
                while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    mail.append(part)
                log.mails.append("\n".join(mail))
                self.reply("250 taken")
            else:
                self.reply("221 bye" if verb == "QUIT" else "250 fine")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        log.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield log
        finally:
            server.shutdown()
            thread.join()
