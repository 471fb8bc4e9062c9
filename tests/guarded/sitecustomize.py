"""Block network access in every Python process with this folder on its path, and log attempts.

Unix sockets and loopback addresses stay allowed, since Jupyter kernels use them.
"""

from __future__ import annotations

import os
import sys
from ipaddress import ip_address

_LOCAL_NAMES = {"localhost", "", None}


def _is_local(host):
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOCAL_NAMES


def _guard(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not _is_local(host):
        with open(os.environ["FOXGRAPE_TEST_ASKED"], "a", encoding="utf-8") as log:  # noqa: PTH123
            log.write(f"{event} {host}\n")
        raise PermissionError(f"network access is blocked in tests: {host}")


sys.addaudithook(_guard)
