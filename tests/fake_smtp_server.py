"""A mail server of the tests' own on this computer: it takes one login, and no encryption."""

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
class Post:
    """What was said and delivered, and where."""

    port: int = 0
    said: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)


@contextmanager
def mailing(user: str, password: str) -> Iterator[Post]:
    """Serve on a free port of this computer."""
    post = Post()
    login = base64.b64encode(f"\0{user}\0{password}".encode()).decode()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                post.said.append(line)
                self.answer(line)
                if line == "QUIT":
                    return

        def answer(self, line: str) -> None:
            verb = line.split(maxsplit=1)[0].upper()
            if verb == "EHLO":
                self.say("250-here")
                self.say("250 AUTH PLAIN")
            elif verb == "AUTH":
                good = line.split()[2] == login
                self.say("235 welcome" if good else f"535 {password} was expected")
            elif verb == "DATA":
                self.say("354 go on")
                mail = []
                while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    mail.append(part)
                post.mails.append("\n".join(mail))
                self.say("250 taken")
            else:
                self.say("221 bye" if verb == "QUIT" else "250 fine")

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    with Server(("127.0.0.1", 0), Handler) as server:
        post.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield post
        finally:
            server.shutdown()
            thread.join()
