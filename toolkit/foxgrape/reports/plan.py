"""What a run will be, decided before anything is written: template, values, source, identity."""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foxgrape.errors import FoxgrapeError, ReportError
from foxgrape.reports.inputs import TEMPLATE, Inputs, digest
from foxgrape.reports.rendering.assets import copy_beside
from foxgrape.reports.rendering.images import require_kaleido as check_pictures
from foxgrape.reports.software import Software
from foxgrape.reports.templates.discovery import Template, find_template
from foxgrape.reports.templates.parameter_types import map_paths
from foxgrape.reports.templates.parameters import validate_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

__all__ = [
    "Plan",
    "ReportRequest",
    "Software",
    "Source",
    "plan",
    "store_fault",
    "store_source",
    "study_source",
]


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
class Plan:
    """A run, decided.

    Attributes
    ----------
    run_id
        Names template and source, and is a hash of template, parameters, code and data.
    template, values, source
        What is run on what.
    notebook_sha256
        Of the template's notebook.
    inputs, staged
        The files that the run reads, and the values by which the notebook gets their copies.
    files
        Hashes of what parameters name, by parameter.
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
        """The title of its page."""
        return f"{self.template.title}: {self.source.title}"

    @property
    def page(self) -> dict[str, bool]:
        """How its page is made, for the manifest."""
        return {"shared_assets": self.shared_assets, "pictures": self.pictures}

    def order(self, aside: Path, software: Software, cell_seconds: float) -> dict[str, Any]:
        """Return what the run's process is told."""
        told = ", ".join(f"{name} {number}" for name, number in software.versions.items())
        hashes = {f"{name} (SHA-256)": sha256[:16] for name, sha256 in self.files.items()}
        given = {**self.values, **self.source.values}
        return {
            "inputs": self.inputs.files,
            "originals": self.inputs.originals,
            "notebook": str(aside.resolve() / TEMPLATE),
            "aside": str(aside.resolve()),
            "parameters": given | dict(self.staged),
            "shown": {"input_path": str(self.template.notebook.resolve()), "parameters": given},
            "seed": self.seed,
            "cell_seconds": cell_seconds,
            "title": self.title,
            "footer": {"Run": self.run_id, "Software": told, **self.source.footer, **hashes},
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
    notebook = chosen.notebook.read_bytes()
    _check_source(chosen, notebook, request)
    if request.pictures:
        check_pictures()
    if source is None and request.store is not None:
        source = store_source(request.store)
    elif source is None:
        source = study_source(request.study)
    values = validate_parameters(chosen, request.parameters, now=now, zone=source.zone)
    sha256, inputs = hashlib.sha256(notebook).hexdigest(), Inputs()
    inputs.add_template(chosen.notebook.resolve(), sha256)
    staged, files = _staged(chosen, values, inputs)
    if source.kind == "study":
        staged["study"] = inputs.add_study(source.values["study"], source.told["sha256"])
    # The sidecar as it was read: its rules and its title go into the page.
    sidecar = [chosen.title, chosen.description, chosen.tags, chosen.schema]
    libraries = software.sha256, dict(software.versions)
    identity = _identity(sha256, sidecar, values, files, source.identity, *libraries)
    run_id = f"{_plain(chosen.name)}-{_plain(source.name)}-{identity[:10]}"
    out = Path(request.out)
    return Plan(
        run_id=run_id,
        template=chosen,
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


def _identity(*parts: Any) -> str:
    """Return the hash of all that a run depends on; two runs of the same hash are one."""
    content = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def _staged(
    template: Template, values: Mapping[str, Any], inputs: Inputs
) -> tuple[dict[str, Any], dict[str, str]]:
    """Add what parameters name to the inputs; return the paths of the copies, and the hashes."""
    staged, hashes = {}, {}
    for name, rule in template.schema["properties"].items():
        before = len(inputs.files)
        value = map_paths(rule, values[name], inputs.add_path)
        if added := inputs.files[before:]:
            staged[name], hashes[name] = value, digest(added)
    return staged, hashes


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
        # A title that the package does not give is the name of the folder.
        identity=json.dumps([study.title, hashes], sort_keys=True),
        footer={f"{file} (SHA-256)": digest[:16] for file, digest in hashes.items()},
        zone=study.timezone,
    )


def store_source(path: str | Path, versions: Mapping[str, int] | None = None) -> Source:
    """Look up which versions a store's tables have now, or take those that are given.

    Its tables are identified by their fingerprints too: other tables count the same versions.

    Raises
    ------
    StoreError
        If a table cannot be opened.
    ReportError
        If the store holds nothing.
    """
    where = str(path) if "://" in str(path) else str(Path(path).resolve())
    from foxgrape.io.store import Store

    if versions is None:
        versions = Store(where).latest_versions()
    if not versions:
        raise ReportError("the store holds nothing yet", file=path, hint="foxgrape ingest")
    fingerprints = Store(where).fingerprints(versions)
    told = {"path": where, "versions": dict(versions), "fingerprints": fingerprints}
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


def store_fault(source: Source) -> str | None:
    """Say which tables of a run's store are no longer those that it was planned with, if any."""
    if source.kind != "store":
        return None
    planned = source.told["fingerprints"]
    try:
        current = store_source(source.told["path"], source.told["versions"]).told["fingerprints"]
    except FoxgrapeError as error:
        return str(error)
    changed = ", ".join(table for table in planned if current[table] != planned[table])
    what = f"the store changed while the report was built: {changed}"
    return str(ReportError(what, hint="build it again")) if changed else None


def _check_source(template: Template, notebook: bytes, request: ReportRequest) -> None:
    """Make sure that one source is asked for, and one that the template reads."""
    if request.study is not None and request.store is not None:
        raise ReportError("a report has one source", expected="a study or a store", got="both")
    kind = "study" if request.store is None else "store"
    if kind not in _variables(template, notebook):
        # It would run, on data of its own choice.
        raise ReportError(
            f"the template {template.name} reads no {kind}",
            hint=f"its cell of parameters has no variable {kind}",
        )


def _variables(template: Template, content: bytes) -> set[str]:
    """Return what a template's cell of parameters assigns."""
    try:
        # As plain JSON: nbformat takes a second to load, and checks what the run checks again.
        notebook = json.loads(content.decode("utf-8"))
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
