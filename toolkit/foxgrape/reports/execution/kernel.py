"""Kernel manager and papermill engine: start a run's kernel, and limit the displayed output."""

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
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines
from papermill.translators import translate_parameters

from foxgrape.plots.offline import MIMETYPE, offline_config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "ENGINE",
    "MAX_DISPLAYED",
    "OUTPUT_SECONDS",
    "ForkedKernelProcess",
    "RunKernelManager",
    "die_with_parent",
    "kernel_manager",
    "register_engine",
]

ENGINE = "foxgrape"
#: Maximum number of characters of figures, tables and pictures in a report.
MAX_DISPLAYED = 30_000_000
#: Timeout in seconds for the output of a finished cell to arrive; long, for busy machines.
OUTPUT_SECONDS = 60


class ForkedKernelProcess:
    """A pre-forked process that waits for a connection file, then runs an IPython kernel.

    The process starts with the modules that its parent has imported. The class has the interface
    of `subprocess.Popen`, as jupyter_client expects.
    """

    stdin = stdout = stderr = None

    def __init__(self, seed: int, *, close_descriptors: tuple[int, ...] = ()) -> None:
        read, self._write = os.pipe()
        parent = os.getpid()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            for descriptor in (self._write, *close_descriptors):
                os.close(descriptor)
            _run_forked_kernel(read, parent, seed)
        os.close(read)

    def become_kernel(self, connection_file: str, folder: str, env: dict[str, str]) -> None:
        """Send the process its connection file, working folder and environment; call only once."""
        options = {"connection_file": connection_file, "folder": folder, "env": env}
        with os.fdopen(self._write, "w", encoding="utf-8") as pipe:
            json.dump(options, pipe)

    def poll(self) -> int | None:
        """Return the exit code; None while the process runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait for the process to end and return its exit code."""
        return self._reap(0)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def _run_forked_kernel(read: int, parent: int, seed: int) -> None:
    """Wait for the options of `become_kernel`, run a kernel, and exit; called in the fork."""
    die_with_parent()
    code = 1
    try:
        with os.fdopen(read, encoding="utf-8") as pipe:
            text = pipe.read()
        if text:
            options = json.loads(text)
            os.chdir(options["folder"])
            # JPY_PARENT_PID makes ipykernel exit when the parent has ended, even on systems where
            # `die_with_parent` has no effect.
            os.environ.clear()
            os.environ.update(options["env"], JPY_PARENT_PID=str(parent))
            from foxgrape.reports.execution.kernel_process import serve

            serve(options["connection_file"], seed)
            atexit._run_exitfuncs()  # noqa: SLF001 - os._exit does not call them
        code = 0
    except SystemExit as exit_request:
        code = exit_request.code if isinstance(exit_request.code, int) else 1
    finally:
        # Exit here: returning would run the parent's code in this process.
        os._exit(code)


class _PreforkedProvisioner(LocalProvisioner):
    """Use a pre-forked process as the kernel, instead of starting a process."""

    async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
        del cmd  # not needed: the process is already running
        manager: Any = self.parent
        process = manager.forked_process
        process.become_kernel(
            manager.connection_file, str(options["cwd"]), dict(options.get("env", os.environ))
        )
        self.process, self.pid, self.cwd = process, process.pid, options["cwd"]
        return self.connection_info


class RunKernelManager(AsyncKernelManager):
    """Start kernels with this Python interpreter, whatever kernel is installed as python3."""

    forked_process: ClassVar[ForkedKernelProcess | None] = None
    seed: ClassVar[int] = 0
    #: Private folder for the connection file and the sockets.
    folder: ClassVar[Path]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # Use Unix sockets in a private folder: kernels' TCP connections are not encrypted, and
        # other users of the machine can connect. The default socket paths are relative to the
        # working folder, which the kernel does not share. Socket paths are limited to about 100
        # characters, so the names are short.
        self.connection_file = str(self.folder / "kernel.json")
        if sys.platform != "win32":
            self.transport = "ipc"
            self.ip = str(self.folder / "kernel")
        if self.forked_process is not None:
            self.provisioner = _PreforkedProvisioner(
                kernel_id="report", kernel_spec=self.kernel_spec, parent=self
            )

    @property
    def kernel_spec(self) -> KernelSpec:
        """The specification of a kernel that runs with this Python interpreter."""
        module = "foxgrape.reports.execution.kernel_process"
        argv = [sys.executable, "-P", "-m", module, "{connection_file}", str(self.seed)]
        return KernelSpec(argv=argv, display_name="foxgrape", language="python")


def kernel_manager(
    seed: int, forked_process: ForkedKernelProcess | None, folder: Path
) -> type[RunKernelManager]:
    """Return a kernel manager class with a run's settings, since nbclient expects a class."""
    attributes = {"seed": seed, "forked_process": forked_process, "folder": folder}
    return type("OneRunKernelManager", (RunKernelManager,), attributes)


def die_with_parent() -> None:
    """Make Linux kill this process when its parent ends; do nothing on other systems."""
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    displayed = 0

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Remove the upload controls from a figure's configuration, then process the message."""
        data = msg["content"].get("data")
        figure = data.get(MIMETYPE) if isinstance(data, dict) else None
        if isinstance(figure, dict):
            figure["config"] = offline_config(figure.get("config"))
        return super().process_message(msg, cell, cell_index)

    def output(self, outs: Any, msg: Any, display_id: Any, cell_index: int) -> Any:
        """Add an output to its cell; replace the first output beyond the limit with a note.

        Further outputs are dropped.
        """
        if msg["msg_type"] in {"display_data", "execute_result"}:
            before, size = self.displayed, len(json.dumps(msg["content"]["data"]))
            self.displayed += size
            if before > MAX_DISPLAYED:
                return None
            if self.displayed > MAX_DISPLAYED:
                text = f"[cut: a report keeps {MAX_DISPLAYED:,} characters of displayed output]\n"
                content = {"name": "stderr", "text": text}
                msg = {**msg, "msg_type": "stream", "content": content}
                msg["header"] = {**msg["header"], "msg_type": "stream"}
                return super().output(outs, msg, None, cell_index)
        return super().output(outs, msg, display_id, cell_index)


class _Engine(Engine):  # type: ignore[misc]
    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        *,
        display: Mapping[str, Any],
        execution_timeout: float | None = None,
        start_timeout: float = 60,
        **options: Any,
    ) -> None:
        """Execute all cells with the kernel manager class in `options`.

        The kernel gets parameters with the paths of copies. Afterwards they are replaced in the
        notebook with the original paths (`display`, in the format of papermill's metadata), so
        that readers can run the notebook again.
        """
        options.pop("log_output", None)
        limits = {
            # The option `timeout` accepts whole seconds only.
            "timeout_func": lambda _: execution_timeout,
            "startup_timeout": start_timeout,
            "iopub_timeout": OUTPUT_SECONDS,
        }
        try:
            _Client(nb_man, kernel_name=kernel_name, **limits, **options).execute()
        finally:
            _replace_parameters(nb_man.nb, kernel_name, display)


def _replace_parameters(notebook: Any, kernel_name: str, display: Mapping[str, Any]) -> None:
    """Replace the parameters in an executed notebook's metadata and injected cell."""
    notebook.metadata.papermill.update(display)
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.source = translate_parameters(
                kernel_name, "python", display["parameters"], "Parameters"
            )


def register_engine() -> None:
    """Register the engine with papermill under the name `ENGINE`."""
    papermill_engines.register(ENGINE, _Engine)
