"""Templates: each a notebook with a sidecar YAML that tells its title and parameters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from foxgrape._util.resources import template_folder
from foxgrape.errors import ReportError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Template", "find_template", "templates"]


class _PlainLoader(yaml.SafeLoader):
    """Reads plain values, and no alias: nine lines of them can stand for a thousand million."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read: write the value out")
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Template:
    """A report that can be built.

    Attributes
    ----------
    name
        What it is called on the command line.
    title, description
        For people.
    notebook
        The notebook to run.
    schema
        Its parameters as JSON Schema, with defaults.
    tags
        By which people look for it.
    """

    name: str
    title: str
    description: str
    notebook: Path
    schema: Mapping[str, Any]
    tags: tuple[str, ...] = ()


def templates(folder: Path | None = None) -> dict[str, Template]:
    """Return the templates of a folder by name; by default those that come with foxgrape.

    Raises
    ------
    ReportError
        If a sidecar in it has no notebook or cannot be read.

    Examples
    --------
    >>> templates()["lead_times"].title
    'Lead times of hints'
    """
    found = sorted((folder or template_folder()).glob("*.yaml"))
    return {path.stem: _template(path) for path in found}


def find_template(name: str | Path, folder: Path | None = None) -> Template:
    """Return a template by its name, or by the path of its notebook.

    Parameters
    ----------
    name
        A template's name, or a path that ends with .ipynb.
    folder
        Where there are templates of one's own, which go before those that come with foxgrape.

    Raises
    ------
    ReportError
        If there is no such template, or its notebook has no readable sidecar.

    Examples
    --------
    >>> find_template("lead_times").notebook.name
    'lead_times.ipynb'
    """
    path = Path(name)
    if path.suffix == ".ipynb":
        return _template(path.with_suffix(".yaml"))
    known = templates() | (templates(folder) if folder is not None else {})
    if str(name) not in known:
        raise ReportError("no such template", got=str(name), hint=did_you_mean(str(name), known))
    return known[str(name)]


def _template(sidecar: Path) -> Template:
    notebook = sidecar.with_suffix(".ipynb")
    if not notebook.is_file():
        raise ReportError("there is no such notebook", file=notebook)
    try:
        told = yaml.load(sidecar.read_text(encoding="utf-8"), _PlainLoader)  # noqa: S506
        return Template(
            name=sidecar.stem,
            title=told["title"],
            description=told["description"],
            tags=tuple(map(str, told.get("tags", ()))),
            notebook=notebook,
            schema=_schema(told["parameters"]),
        )
    except FileNotFoundError:
        raise ReportError(
            "the notebook has no sidecar", file=sidecar, hint="see lead_times.yaml for one"
        ) from None
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        why = f"{type(error).__name__}: {error}"
        raise ReportError(f"the sidecar cannot be read: {why}", file=sidecar) from None


def _schema(told: dict[str, Any]) -> dict[str, Any]:
    """Return what a sidecar says of its parameters, if it is of the form of JSON Schema."""
    rules = told["properties"]
    if not all(isinstance(name, str) and isinstance(rule, dict) for name, rule in rules.items()):
        raise TypeError("each of the properties needs a name and rules")
    return {"type": "object", "additionalProperties": False} | told
