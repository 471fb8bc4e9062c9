"""Forbids the internet to every Python that finds this on its path, and notes who tried.

Sockets of the Unix kind and this computer's own addresses are left: kernels talk over them.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address

_HERE = {"localhost", "", None}


def _is_here(host):
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _HERE


def _guard(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not _is_here(host):
        with open(os.environ["FOXGRAPE_TEST_ASKED"], "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(f"{event} {host}\n")
        raise PermissionError(f"the internet is forbidden here: {host}")


sys.addaudithook(_guard)
