"""Plan a run before writing anything: check the request, and set the run's id, seed and inputs."""

from __future__ import annotations

import ast
import hashlib
import json
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict
from zoneinfo import TZPATH

from foxgrape import __version__
from foxgrape._util.files import file_sha256
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import require_utf8
from foxgrape.errors import ReportError
from foxgrape.reports.data_source import store_source, study_source
from foxgrape.reports.rendering.assets import assets_href, require_kaleido
from foxgrape.reports.run_folder import TEMPLATE, Inputs, RunInput, combined_sha256
from foxgrape.reports.templates.discovery import Template, find_template
from foxgrape.reports.templates.parameter_types import map_paths
from foxgrape.reports.templates.parameters import secret_variables, validate_parameters
from foxgrape.times import get_zone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from foxgrape.reports.data_source import DataSource

__all__ = [
    "JobSpec",
    "Plan",
    "ReportRequest",
    "Software",
    "plan",
]

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = ("emoji", "nbconvert", "numpy", "pandas", "papermill", "plotly", "scipy")


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """A report to build.

    Attributes
    ----------
    template
        Name of a template, or path of a notebook with a sidecar.
    study, store
        Folder of a study, or path of a store; with neither, the embedded study.
    parameters
        Values of the template's parameters; omitted parameters take their defaults.
    out
        Folder to build into.
    force
        Build even if this run exists already.
    shared_assets
        Link all pages of the folder to one plotly.js file instead of embedding it in each page.
    pictures
        Add a static picture of each figure for readers without scripts; needs kaleido.
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
class Software:
    """The software that builds a report.

    Attributes
    ----------
    sha256
        SHA-256 of all files of the package, including the gazetteer and the codebook.
    versions
        Versions of Python, of the libraries that affect numbers and pages, and of the time zone
        database.
    git
        ``commit`` and ``dirty``; None outside a clone.
    """

    sha256: str
    versions: Mapping[str, str]
    git: Mapping[str, Any] | None

    @classmethod
    def here(cls) -> Software:
        """Return the software in the environment of this process."""
        digest = hashlib.sha256()
        for file in sorted(_PACKAGE.rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(_PACKAGE).as_posix()
                digest.update(f"{name} {file_sha256(file)}\n".encode())
        libraries = {name: version(name) for name in _LIBRARIES}
        versions = {"foxgrape": __version__, "python": platform.python_version(), **libraries}
        return cls(digest.hexdigest(), versions | {"tzdata": _tzdata_version()}, _git(_PACKAGE))


class JobSpec(TypedDict):
    """The specification of a run, passed to its process as JSON.

    ``parameters`` are the values of the notebook's variables, with the paths of copies.
    ``display`` has the same values with the original paths, for the notebook that readers open.
    ``secrets`` are the names of environment variables whose values no output may contain.
    """

    inputs: Sequence[RunInput]
    originals: dict[str, str]
    notebook: str
    folder: str
    parameters: dict[str, Any]
    display: dict[str, Any]
    seed: int
    cell_seconds: float
    title: str
    footer: dict[str, str]
    assets: str | None
    pictures: bool
    secrets: Sequence[str]


@dataclass(frozen=True, slots=True)
class Plan:
    """The complete specification of a run.

    Attributes
    ----------
    run_id
        Names of template and source, and a hash of template, parameters, code and data.
    template, values, source
        The template, its parameter values, and the data.
    notebook_sha256
        SHA-256 of the template's notebook.
    inputs
        The files that the run reads.
    staged
        Values of the parameters that name files, with the paths of the copies.
    files
        SHA-256 of the files that parameters name, by parameter.
    seed
        Seed of the kernel's random generators.
    target, failed
        Final folder of the run if it succeeds, and if it fails.
    out
        The reports folder.
    shared_assets, pictures
        As in `ReportRequest`.
    """

    run_id: str
    template: Template
    values: Mapping[str, Any]
    source: DataSource
    notebook_sha256: str
    inputs: Inputs
    staged: Mapping[str, Any]
    files: Mapping[str, str]
    seed: int
    target: Path
    failed: Path
    out: Path
    shared_assets: bool = False
    pictures: bool = False

    @property
    def title(self) -> str:
        """The title of the run's page."""
        return f"{self.template.title}: {self.source.title}"

    @property
    def page(self) -> dict[str, bool]:
        """The page options, for the manifest."""
        return {"shared_assets": self.shared_assets, "pictures": self.pictures}

    @property
    def secrets(self) -> list[str]:
        """The names of the environment variables with secrets that the parameters refer to."""
        return secret_variables(self.template, self.values)

    def job_spec(self, staging: Path, software: Software, cell_seconds: float) -> JobSpec:
        """Return the specification for the process that executes the run in folder `staging`."""
        versions = ", ".join(f"{name} {number}" for name, number in software.versions.items())
        hashes = {f"{name} (SHA-256)": sha256[:16] for name, sha256 in self.files.items()}
        given = {**self.values, **self.source.values}
        return {
            "inputs": self.inputs.files,
            "originals": self.inputs.originals,
            "notebook": str(staging.resolve() / TEMPLATE),
            "folder": str(staging.resolve()),
            "parameters": given | dict(self.staged),
            "display": {"input_path": str(self.template.notebook.resolve()), "parameters": given},
            "seed": self.seed,
            "cell_seconds": cell_seconds,
            "title": self.title,
            "footer": {"Run": self.run_id, "Software": versions, **self.source.footer, **hashes},
            "assets": assets_href(self.out, self.target) if self.shared_assets else None,
            "pictures": self.pictures,
            "secrets": self.secrets,
        }


def plan(
    request: ReportRequest,
    software: Software,
    *,
    source: DataSource | None = None,
    now: datetime | None = None,
) -> Plan:
    """Check a request and plan its run; nothing is written.

    Relative dates (``-7d``) are counted from `now`, in the study's time zone. A store has none: its
    days are those of the template's parameter ``timezone``.

    Raises
    ------
    FoxgrapeError
        If template, parameters, study or store cannot be used.
    """
    template = find_template(request.template)
    for path in (template.notebook, request.study, request.store, request.out):
        require_utf8(path, ReportError)
    notebook = _read_notebook(template.notebook)
    _check_source(template, notebook, request)
    if request.pictures:
        require_kaleido()
    if source is None and request.store is not None:
        source = store_source(request.store)
    elif source is None:
        source = study_source(request.study)
    zone = source.zone if source.kind == "study" else _store_zone(template, request)
    values = validate_parameters(
        template, request.parameters, now=now, zone=zone, gazetteer=source.gazetteer
    )
    sha256, inputs = hashlib.sha256(notebook).hexdigest(), Inputs()
    inputs.add_template(template.notebook.resolve(), sha256)
    staged, files = _stage_paths(template, values, inputs)
    if source.kind == "study":
        staged["study"] = inputs.add_study(source.values["study"], source.record["sha256"])
    # The sidecar's fields are hashed as read: its title and rules affect the page.
    sidecar = [template.title, template.description, template.tags, template.schema]
    libraries = software.sha256, dict(software.versions)
    identity = _identity(sha256, sidecar, values, files, source.identity, *libraries)
    run_id = f"{_safe_name(template.name)}-{_safe_name(source.name)}-{identity[:10]}"
    if "://" in str(request.out):
        raise ReportError("reports are written to a folder, not to a URL", got=request.out)
    out = Path(request.out)
    return Plan(
        run_id=run_id,
        template=template,
        values=values,
        source=source,
        notebook_sha256=sha256,
        inputs=inputs,
        staged=staged,
        files=files,
        seed=int(identity[:8], 16),
        target=out / run_id,
        failed=out / "failed" / run_id,
        out=out,
        shared_assets=request.shared_assets,
        pictures=request.pictures,
    )


def _store_zone(template: Template, request: ReportRequest) -> str:
    """Return the time zone in which a report counts the days of a store."""
    rule = template.schema["properties"].get("timezone", {})
    zone = request.parameters.get("timezone", rule.get("default", "UTC"))
    try:
        return get_zone(zone).key
    except ValueError as error:
        raise ReportError(f"timezone must be an IANA name: {error}") from None


def _read_notebook(file: Path) -> bytes:
    try:
        return read_regular(file)
    except OSError as error:
        raise ReportError(f"cannot read the notebook: {error.strerror}", file=file) from None


def _identity(*parts: Any) -> str:
    """Return a hash of the parts that a run depends on; equal hashes mean the same run."""
    content = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def _stage_paths(
    template: Template, values: Mapping[str, Any], inputs: Inputs
) -> tuple[dict[str, Any], dict[str, str]]:
    """Add the files that parameters name to `inputs`.

    Return two dictionaries by parameter: the values with the paths of the copies, and the hashes
    of the files.
    """
    staged, hashes = {}, {}
    for name, rule in template.schema["properties"].items():
        before = len(inputs.files)
        value = map_paths(rule, values[name], inputs.add_path)
        if added := inputs.files[before:]:
            staged[name], hashes[name] = value, combined_sha256(added)
    return staged, hashes


def _check_source(template: Template, notebook: bytes, request: ReportRequest) -> None:
    """Check that the request names at most one data source, of a kind that the template reads."""
    if request.study is not None and request.store is not None:
        raise ReportError(
            "a report reads one source", expected="either a study or a store", got="both"
        )
    kind = "study" if request.store is None else "store"
    if kind not in _variables(template, notebook):
        # The notebook would run, but on other data than the request names.
        raise ReportError(
            f"the template {template.name} reads no {kind}",
            hint=f"its parameters cell has no variable named {kind}",
        )


def _variables(template: Template, content: bytes) -> set[str]:
    """Return the names of the variables assigned in a template's parameters cell."""
    try:
        # Read plain JSON: importing nbformat takes a second, and the run validates the notebook.
        notebook = json.loads(content.decode("utf-8"))
        cells = [
            cell
            for cell in notebook["cells"]
            if "parameters" in list(cell.get("metadata", {}).get("tags", ()))
        ]
        trees = [ast.parse("".join(cell["source"])) for cell in cells]
    except (ValueError, SyntaxError, LookupError, AttributeError, TypeError) as error:
        raise ReportError(f"cannot read the notebook: {error}", file=template.notebook) from None
    return {
        node.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _safe_name(name: str) -> str:
    """Return a name of at most 60 characters with the characters unsafe in a path replaced."""
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]


def _tzdata_version() -> str:
    """Return the version of the time zone database that zoneinfo reads."""
    for folder in TZPATH:
        with suppress(OSError), Path(folder, "tzdata.zi").open(encoding="utf-8") as file:
            return file.readline().removeprefix("# version").strip()
    with suppress(PackageNotFoundError):
        return version("tzdata")
    return "unknown"


def _git(package: Path) -> dict[str, Any] | None:
    """Return the package's git commit, and whether files differ from it; None outside a clone."""

    def run(*arguments: str) -> str | None:
        try:
            process = subprocess.run(  # noqa: S603
                ["git", "-C", str(package), *arguments],  # noqa: S607
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return process.stdout.strip() if process.returncode == 0 else None

    if run("ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    commit, changes = run("rev-parse", "HEAD"), run("status", "--porcelain", "--", ".")
    return None if commit is None else {"commit": commit, "dirty": bool(changes)}
