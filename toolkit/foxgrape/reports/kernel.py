"""The kernel that a report runs in: this very Python, over a socket that others cannot read."""

from __future__ import annotations

import shutil
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

__all__ = ["OwnKernelManager"]


class OwnKernelManager(AsyncKernelManager):
    """Start `sys.executable`, whatever kernels people have installed under the name python3."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Kernels over TCP are unencrypted, and anyone on a shared machine can listen. The sockets
        # lie in a folder of our own: their default is relative to a working folder that the
        # kernel does not share, and a socket's path may not be longer than about 100 signs.
        if sys.platform != "win32":
            folder = tempfile.mkdtemp(prefix="foxgrape-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.transport = "ipc"
            self.ip = str(Path(folder) / "kernel")

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel of this environment."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="foxgrape", language="python")
