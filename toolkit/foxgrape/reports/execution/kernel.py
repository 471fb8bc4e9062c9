"""The kernel that a report runs in: this very Python, over a socket that others cannot read."""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ForkedKernelProcess", "OwnKernelManager", "die_with_parent", "kernel_manager"]


class ForkedKernelProcess:
    """A process forked before anything happened in it, that waits to become a kernel.

    It has what its parent had imported and nothing else. It looks as `subprocess.Popen` does to
    those who look after kernels.
    """

    stdin = stdout = stderr = None

    def __init__(self, seed: int, *, closing: tuple[int, ...] = ()) -> None:
        read, self._write = os.pipe()
        parent = os.getpid()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (self._write, *closing):
                os.close(descriptor)
            _run_forked_kernel(read, parent, seed)
        os.close(read)

    def become_kernel(self, connection_file: str, folder: str, env: dict[str, str]) -> None:
        """Say who to be; nothing can be taken back."""
        told = {"connection_file": connection_file, "folder": folder, "env": env}
        with os.fdopen(self._write, "w", encoding="utf-8") as pipe:
            json.dump(told, pipe)

    def poll(self) -> int | None:
        """Return the exit code, None while it lives."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int | None:
        """Return the exit code once it has ended."""
        return self._reap(0)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run_forked_kernel(read: int, parent: int, seed: int) -> None:
    """Wait for word, become a kernel, and end; in the forked process."""
    die_with_parent()
    code = 1
    try:
        with os.fdopen(read, encoding="utf-8") as pipe:
            word = pipe.read()
        if word:
            told = json.loads(word)
            os.chdir(told["folder"])
            # ipykernel ends by itself when this parent is gone, where the system does not do it.
            os.environ.clear()
            os.environ.update(told["env"], JPY_PARENT_PID=str(parent))
            from foxgrape.reports.execution.kernel_process import serve

            serve(told["connection_file"], seed)
            atexit._run_exitfuncs()  # noqa: SLF001 - as the end of a program would
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else 1
    finally:
        # Not the way back: the stack above belongs to the process that forked us.
        os._exit(code)


class _PreforkedProvisioner(LocalProvisioner):
    """A provisioner whose kernel is there already."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        del cmd  # it runs already
        manager: Any = self.parent
        embryo = manager.embryo
        embryo.become_kernel(
            manager.connection_file, str(options["cwd"]), dict(options.get("env", os.environ))
        )
        self.process, self.pid, self.cwd = embryo, embryo.pid, options["cwd"]
        return self.connection_info


class OwnKernelManager(AsyncKernelManager):
    """Start `sys.executable`, whatever kernels people have installed under the name python3."""

    embryo: ClassVar[ForkedKernelProcess | None] = None
    seed: ClassVar[int] = 0
    #: Where its sockets are.
    folder: ClassVar[Path]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Kernels over TCP are unencrypted, and anyone on a shared machine can listen. The sockets
        # lie in a folder of our own: their default is relative to a working folder that the
        # kernel does not share, and a socket's path may not be longer than about 100 signs.
        self.connection_file = str(self.folder / "kernel.json")
        if sys.platform != "win32":
            self.transport = "ipc"
            self.ip = str(self.folder / "kernel")
        if self.embryo is not None:
            self.provisioner = _PreforkedProvisioner(
                kernel_id="report", kernel_spec=self.kernel_spec, parent=self
            )

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel of this environment."""
        module = "foxgrape.reports.execution.kernel_process"
        argv = [sys.executable, "-P", "-m", module, "{connection_file}", str(self.seed)]
        return KernelSpec(argv=argv, display_name="foxgrape", language="python")


def kernel_manager(
    seed: int, embryo: ForkedKernelProcess | None, folder: Path
) -> type[OwnKernelManager]:
    """Return the class of a run's kernel manager: nbclient takes a class and makes it itself."""
    of_run = {"seed": seed, "embryo": embryo, "folder": folder}
    return type("RunKernelManager", (OwnKernelManager,), of_run)


def die_with_parent() -> None:
    """Ask the system to end this process when the one that forked it ends; on Linux only."""
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
