"""Peak memory of the current process, and the source code to measure it in a subprocess."""

from __future__ import annotations

import inspect

__all__ = ["PEAK", "peak"]


def peak() -> float:
    """Return the peak memory in megabytes; `getrusage` may report the parent's, if larger."""
    import re
    from pathlib import Path

    status = Path("/proc/self/status").read_text(encoding="ascii")
    match = re.search(r"VmHWM:\s+(\d+)", status)
    if match is None:
        raise SystemExit("peak memory can be measured only on Linux")
    return int(match[1]) / 1024


#: Source of the function, to prepend to code for a subprocess.
PEAK = inspect.getsource(peak)
