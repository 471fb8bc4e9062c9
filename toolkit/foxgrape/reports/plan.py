"""What a run will be, decided before anything is written: template, values, source, identity."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import subprocess
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape import __version__
from foxgrape.errors import ReportError
from foxgrape.reports.rendering.assets import copy_beside
from foxgrape.reports.rendering.images import require_kaleido as check_pictures
from foxgrape.reports.templates.discovery import Template, find_template
from foxgrape.reports.templates.parameters import validate_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

__all__ = ["Plan", "ReportRequest", "Software", "Source", "plan", "store_source", "study_source"]

_LIBRARIES = ("emoji", "nbconvert", "numpy", "pandas", "papermill", "plotly", "scipy")


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A report that is asked for.

    Attributes
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    study, store
        Folder of a study, or path of a store; with neither, the embedded study.
    parameters
        The template's parameters; those left out take their defaults.
    out
        Folder to build into.
    force
        Build even if this very run is there already.
    shared_assets
        Have one plotly.js for all pages of the folder, instead of one in each page.
    pictures
        Have a picture of each figure in the page, for where no script runs; needs kaleido.
    """

    template: str | Path
    study: str | Path | None = None
    store: str | Path | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    out: str | Path = "reports"
    force: bool = False
    shared_assets: bool = False
    pictures: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where the data of a run come from, and which state of them.

    Attributes
    ----------
    kind
        ``study`` or ``store``.
    name, title
        For the run's id, and for its page.
    values
        What the notebook is told of it.
    told
        What the manifest says of it.
    identity
        What tells one state of the data from another.
    footer
        What the page says of it at its foot.
    zone
        Where its days were lived.
    """

    kind: str
    name: str
    title: str
    values: Mapping[str, Any]
    told: Mapping[str, Any]
    identity: str
    footer: Mapping[str, str]
    zone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Software:
    """What runs: a hash of our own files, the versions of the rest, and where git stands.

    Attributes
    ----------
    sha256
        Of all files that a report is made with.
    versions
        Of Python and the libraries that numbers and pages depend on.
    git
        ``commit`` and whether it is ``dirty``; None where this is no clone.
    """

    sha256: str
    versions: Mapping[str, str]
    git: Mapping[str, Any] | None

    @classmethod
    def here(cls) -> Software:
        """Look at what is installed here."""
        digest = hashlib.sha256()
        for file in _code():
            digest.update(file.read_bytes() + b"\0")
        libraries = {name: version(name) for name in _LIBRARIES}
        versions = {"foxgrape": __version__, "python": platform.python_version(), **libraries}
        return cls(digest.hexdigest(), versions, _git(Path(__file__).parents[1]))


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, decided.

    Attributes
    ----------
    run_id
        Names template and source, and is a hash of template, parameters, code and data.
    template, values, source
        What is run on what.
    seed
        Where the random generators of the kernel begin.
    target, failed
        Where the run goes when it is done, and when it failed.
    out
        Where it is built.
    shared_assets, pictures
        How its page is made: as the request tells.
    """

    run_id: str
    template: Template
    values: Mapping[str, Any]
    source: Source
    seed: int
    target: Path
    failed: Path
    out: Path
    shared_assets: bool = False
    pictures: bool = False

    @property
    def title(self) -> str:
        """The title of its page."""
        return f"{self.template.title}: {self.source.title}"

    @property
    def page(self) -> dict[str, bool]:
        """How its page is made, for the manifest."""
        return {"shared_assets": self.shared_assets, "pictures": self.pictures}

    def order(self, aside: Path, software: Software, cell_seconds: float) -> dict[str, Any]:
        """Return what the run's process is told."""
        told = ", ".join(f"{name} {number}" for name, number in software.versions.items())
        return {
            "notebook": str(self.template.notebook.resolve()),
            "aside": str(aside.resolve()),
            "parameters": {**self.values, **self.source.values},
            "seed": self.seed,
            "cell_seconds": cell_seconds,
            "title": self.title,
            "footer": {"Run": self.run_id, "Software": told, **self.source.footer},
            "assets": copy_beside(self.out, self.target) if self.shared_assets else None,
            "pictures": self.pictures,
        }


def plan(
    request: ReportRequest,
    software: Software,
    *,
    source: Source | None = None,
    now: datetime | None = None,
) -> Plan:
    """Check a request and decide its run; nothing is written.

    Days from now on (``-7d``) are counted from `now`, in the study's zone.

    Raises
    ------
    FoxgrapeError
        If template, parameters, study or store cannot be used.
    """
    chosen = find_template(request.template)
    _check_source(chosen, request)
    if request.pictures:
        check_pictures()
    if source is None and request.store is not None:
        source = store_source(request.store)
    elif source is None:
        source = study_source(request.study)
    values = validate_parameters(chosen, request.parameters, now=now, zone=source.zone)
    parts = [
        chosen.notebook.read_text(encoding="utf-8"),
        json.dumps(values, sort_keys=True),
        source.identity,
        software.sha256,
        json.dumps(dict(software.versions), sort_keys=True),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    run_id = f"{_plain(chosen.name)}-{_plain(source.name)}-{digest[:10]}"
    out = Path(request.out)
    seed = int(digest[:8], 16)
    places = out / run_id, out / "failed" / run_id, out
    made = request.shared_assets, request.pictures
    return Plan(run_id, chosen, values, source, seed, *places, *made)


def study_source(folder: str | Path | None) -> Source:
    """Read a study whole, so that what is wrong with it is said before a kernel starts."""
    from foxgrape.studies.study import open_study

    study = open_study(folder)
    hashes = dict(study.hashes)
    return Source(
        kind="study",
        name=study.name,
        title=study.title,
        values={"study": str(study.folder.resolve())},
        told={"name": study.name, "folder": str(study.folder.resolve()), "sha256": hashes},
        identity=json.dumps(hashes, sort_keys=True),
        footer={f"{file} (SHA-256)": digest[:16] for file, digest in hashes.items()},
        zone=study.timezone,
    )


def store_source(path: str | Path, versions: Mapping[str, int] | None = None) -> Source:
    """Look up which versions a store's tables have now, or take those that are given.

    Raises
    ------
    StoreError
        If a table cannot be opened.
    ReportError
        If the store holds nothing.
    """
    where = str(path) if "://" in str(path) else str(Path(path).resolve())
    if versions is None:
        from foxgrape.io.store import Store

        versions = Store(where).latest_versions()
    if not versions:
        raise ReportError("the store holds nothing yet", file=path, hint="foxgrape ingest")
    told = {"path": where, "versions": dict(versions)}
    name = where.rstrip("/").replace("\\", "/").rpartition("/")[2]
    return Source(
        kind="store",
        name=name,
        title=name,
        values={"store": where, "versions": dict(versions)},
        told=told,
        identity=json.dumps(told, sort_keys=True),
        footer={"Store": ", ".join(f"{table} {number}" for table, number in versions.items())},
    )


def _check_source(template: Template, request: ReportRequest) -> None:
    """Make sure that one source is asked for, and one that the template reads."""
    if request.study is not None and request.store is not None:
        raise ReportError("a report has one source", expected="a study or a store", got="both")
    kind = "study" if request.store is None else "store"
    if kind not in _variables(template):
        # It would run, on data of its own choice.
        raise ReportError(
            f"the template {template.name} reads no {kind}",
            hint=f"its cell of parameters has no variable {kind}",
        )


def _variables(template: Template) -> set[str]:
    """Return what a template's cell of parameters assigns."""
    try:
        # As plain JSON: nbformat takes a second to load, and checks what the run checks again.
        notebook = json.loads(template.notebook.read_text(encoding="utf-8"))
        cells = [cell for cell in notebook["cells"] if "parameters" in _tags(cell)]
        trees = [ast.parse("".join(cell["source"])) for cell in cells]
    except (ValueError, SyntaxError, LookupError, AttributeError, TypeError) as error:
        raise ReportError(f"the notebook cannot be read: {error}", file=template.notebook) from None
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _tags(cell: Mapping[str, Any]) -> list[str]:
    return list(cell.get("metadata", {}).get("tags", ()))


def _plain(name: str) -> str:
    """Return a name that is safe in a path: a study from elsewhere chooses its own."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]


def _code() -> Iterator[Path]:
    root = Path(__file__).parents[1]
    yield from (
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in {".py", ".css", ".js", ".j2", ".csv", ".geojson"}
    )


def _git(package: Path) -> dict[str, Any] | None:
    """Ask git, if there is one and these very files are in its care."""

    def ask(*words: str) -> str | None:
        try:
            done = subprocess.run(  # noqa: S603
                ["git", "-C", str(package), *words],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    if ask("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = ask("rev-parse", "HEAD"), ask("status", "--porcelain", "--", ".")
    return None if commit is None else {"commit": commit, "dirty": bool(changes)}
