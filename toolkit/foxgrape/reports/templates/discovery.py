"""Find report templates, create new ones, and describe a run's parameters in words.

A template is a notebook with a YAML file of the same name, its sidecar, which has the title,
description and parameters.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from foxgrape._util.files import template_folder, write_atomic
from foxgrape._util.regular_files import read_regular
from foxgrape._util.unicode import replace_surrogates
from foxgrape._util.wording import days_in_words, shorten
from foxgrape.errors import ReportError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from foxgrape.places import Gazetteer

__all__ = [
    "Template",
    "describe_run",
    "find_template",
    "new_template",
    "templates",
]

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
#: Maximum number of characters of a parameter's value in the list of runs.
_MAX_LENGTH = 160
_DATE_FORMATS = {"date", "date-time"}

_SIDECAR = """\
title: "{title}"
description: >-
  What this report answers, in a sentence.
tags: [mine]
parameters:
  properties:
    since:
      description: First day of the period of the posts; by default the day of the first post.
      type: [string, "null"]
      format: date
      default: null
    until:
      description: First day after the period of the posts; by default the day after the last post.
      type: [string, "null"]
      format: date
      default: null
    horizon:
      description: How long after a signal an event counts.
      type: string
      format: duration-of-time
      default: 30D
    signals:
      description: Signals to detect; by default codes, or places if no post contains a code.
      type: [string, "null"]
      enum: [codes, mentions, both, null]
      default: null
    clock:
      description: Measure leads to when the event was confirmed, or occurred; by default confirmed, or occurred if no event has a confirmation.
      type: [string, "null"]
      enum: [confirmed, occurred, null]
      default: null
    observed_until:
      description: Until when events were recorded; by default as stated on ingest or by the study, else until the last event.
      type: [string, "null"]
      format: date-time
      default: null
"""  # noqa: E501

# papermill reads the types and comments; it does not understand `str | None`.
_PARAMETERS = """\
from typing import Optional

study: Optional[str] = None  # folder of a study; None for the embedded one
store: Optional[str] = None  # path or URL of a store, in place of a study
versions: Optional[dict[str, int]] = None  # versions of its tables; None for the latest
since: Optional[str] = None  # first day of the period; None for all posts
until: Optional[str] = None  # first day after the period; None for all posts
horizon: str = "30D"  # how long after a signal an event counts
signals: Optional[str] = None  # codes, mentions or both; None for names if no post has a code
clock: Optional[str] = None  # confirmed or occurred; None for the one that the events have
observed_until: Optional[str] = None  # end of observation, with UTC offset; None for the stated one
"""

_CELLS = (
    """\
from foxgrape.display.html import Headline, section
from foxgrape.display.sections import signals_section
from foxgrape.reports import open_data

data = open_data(
    study, store, versions=versions, since=since, until=until, observed_until=observed_until
)
analysis = data.analyse(horizon=horizon, clock=clock, signals=signals)
section(data.title, {title!r}, level=1)
""",
    """\
# The headline of the run in the list of reports: one sentence.
n, leading = len(analysis.signals), len(analysis.leading_rows())
Headline(f"{{n}} signals, {{leading}} certainly before their event.")
""",
    "signals_section(analysis)\n",
)


class _NoAliasLoader(yaml.SafeLoader):
    """Load YAML but refuse aliases: nine lines of nested aliases expand to a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not supported: write the value out")
        return super().compose_node(parent, index)


@dataclass(frozen=True, slots=True)
class Template:
    """A parameterized notebook from which reports are built.

    Attributes
    ----------
    name
        Name on the command line.
    title, description
        Title for the page, and a description of what the report shows.
    notebook
        Path of the notebook to run.
    schema
        The parameters and their defaults as JSON Schema.
    tags
        Keywords for searching.
    """

    name: str
    title: str
    description: str
    notebook: Path
    schema: Mapping[str, Any]
    tags: tuple[str, ...] = ()


def templates(folder: Path | None = None) -> dict[str, Template]:
    """Return the templates in a folder by name; by default, those included in foxgrape.

    Raises
    ------
    ReportError
        If a sidecar cannot be read, or its notebook does not exist.

    Examples
    --------
    >>> templates()["lead_times"].title
    'Lead times of hints'
    """
    sidecars = sorted((folder or template_folder()).glob("*.yaml"))
    return {path.stem: _read_template(path) for path in sidecars}


def find_template(name: str | Path, folder: Path | None = None) -> Template:
    """Return the template with a name, or with a notebook at a path.

    Parameters
    ----------
    name
        A template's name, or a path that ends with .ipynb.
    folder
        Folder with your own templates; a template there replaces an included one of that name.

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
        return _read_template(path.with_suffix(".yaml"))
    known = templates() | (templates(folder) if folder is not None else {})
    if str(name) not in known:
        raise ReportError("no such template", got=str(name), hint=did_you_mean(str(name), known))
    return known[str(name)]


def _read_template(sidecar: Path) -> Template:
    notebook = sidecar.with_suffix(".ipynb")
    if not notebook.is_file():
        raise ReportError("there is no such notebook", file=notebook)
    try:
        text = read_regular(sidecar).decode("utf-8")
        content = replace_surrogates(yaml.load(text, _NoAliasLoader))  # noqa: S506
        return Template(
            name=sidecar.stem,
            title=content["title"],
            description=content["description"],
            tags=tuple(map(str, content.get("tags", ()))),
            notebook=notebook,
            schema=_schema(content["parameters"]),
        )
    except FileNotFoundError:
        raise ReportError(
            "the notebook has no sidecar",
            file=sidecar,
            hint="write one like lead_times.yaml, or run foxgrape report new",
        ) from None
    except (
        yaml.YAMLError,
        ValueError,
        TypeError,
        KeyError,
        AttributeError,
        RecursionError,
        OSError,
    ) as error:
        reason = f"{type(error).__name__}: {error}"
        raise ReportError(f"cannot read the sidecar: {reason}", file=sidecar) from None


def _schema(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return a sidecar's parameters as a JSON Schema that refuses undeclared parameters."""
    rules = parameters["properties"]
    if not all(isinstance(name, str) and isinstance(rule, dict) for name, rule in rules.items()):
        raise TypeError("properties must map names to rules")
    return {"type": "object", "additionalProperties": False} | parameters


def new_template(name: str, folder: str | Path = ".") -> Path:
    """Write the notebook and sidecar of a new template to edit; return the notebook's path.

    The new template reads a study and builds without changes; docs/how-to/build-reports.md shows
    how to read a store.

    Parameters
    ----------
    name
        Name of the template: a lowercase letter, then lowercase letters, digits and underscores.
    folder
        Folder to write to; created if it does not exist.

    Raises
    ------
    ReportError
        If the template exists already, or the name is invalid.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> new_template("my_towns", mkdtemp()).name
    'my_towns.ipynb'
    """
    import nbformat

    if not _NAME.fullmatch(name):
        raise ReportError(
            "bad name for a template",
            expected="lowercase letters, digits and underscores, such as my_report",
            got=name,
        )
    notebook = Path(folder) / f"{name}.ipynb"
    sidecar = notebook.with_suffix(".yaml")
    title = name.replace("_", " ").capitalize()
    parameters = nbformat.v4.new_code_cell(_PARAMETERS.rstrip(), metadata={"tags": ["parameters"]})
    cells = [nbformat.v4.new_code_cell(cell.format(title=title).rstrip()) for cell in _CELLS]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = nbformat.v4.new_notebook(cells=[parameters, *cells], metadata={"kernelspec": kernel})
    rules = _SIDECAR.format(title=title)
    for file in (notebook, sidecar):
        # A killed call leaves its sidecar alone, which the next call completes.
        if file.exists() and (file == notebook or read_regular(file) != rules.encode()):
            raise ReportError("the template exists already", file=file)
    write_atomic(sidecar, rules)
    write_atomic(notebook, nbformat.writes(content) + "\n")
    return notebook


def describe_run(
    rules: Mapping[str, Mapping[str, Any]],
    values: Mapping[str, Any],
    gazetteer: Gazetteer | None = None,
) -> dict[str, Any]:
    """Return a run's places, period and other parameters in words.

    Parameters
    ----------
    rules
        The template's parameters, by name, as JSON Schema.
    values
        The run's parameter values by name.

    Returns
    -------
    dict
        ``places``: names of the places; ``period``: first and last day, or None if no parameter
        has a date; ``days``: the period in words; ``words``: values of the other parameters,
        except secrets and defaults, by name with spaces. A date ``until`` is the first day after
        the period. With a parameter ``days``, the period has so many.

    Examples
    --------
    >>> rules = {"since": {"format": "date"}, "place": {"format": "place"}, "horizon": {}}
    >>> describe_run(rules, {"since": "2022-09-01", "place": "geonames:707292", "horizon": "30D"})
    {'places': ['Izium'], 'period': ['2022-09-01', '2022-09-01'], 'days': '1 Sep 2022', ...
    >>> rules = {"until": {"format": "date"}, "days": {"type": "integer"}}
    >>> describe_run(rules, {"until": "2022-09-12", "days": 7})["period"]
    ['2022-09-05', '2022-09-11']
    >>> rules = {"since": {"format": "date"}, "until": {"format": "date"}}
    >>> describe_run(rules, {"since": "2022-09-01", "until": None})["days"]
    'from 1 Sep 2022'
    """
    items = [
        (name, _item_format(rules.get(name, {})), item)
        for name, value in values.items()
        for item in (value if isinstance(value, list | tuple) else [value])
        if item is not None
        and rules.get(name, {}).get("format") != "secret"
        # Dates and places say what a report is about, even if they are the defaults.
        and (
            value != rules.get(name, {}).get("default")
            or _item_format(rules.get(name, {})) in {"place", *_DATE_FORMATS}
        )
    ]
    words: dict[str, list[str]] = {}
    for name, kind, item in items:
        if kind not in {"place", *_DATE_FORMATS}:
            words.setdefault(name.replace("_", " "), []).append(
                _value_in_words(kind, item, gazetteer)
            )
    places = [
        _truncate(_value_in_words(kind, item, gazetteer))
        for _, kind, item in items
        if kind == "place"
    ]
    # A date, not an instant: the first day after the period.
    end = _day(values.get("until")) if _item_format(rules.get("until", {})) == "date" else None
    dates = {name for name, rule in rules.items() if _item_format(rule) in _DATE_FORMATS}
    # Other dates of such a report, such as the end of observation, are no bounds of its period.
    bounds = dates & {"since", "until"} or dates
    days = [
        day
        for name, _, item in items
        if name in bounds and not (end and name == "until") and (day := _day(item))
    ]
    days += _days_before(end, values.get("days")) if end else []
    days.sort()
    period = [days[0], days[-1]] if days else None
    open_ends = {name for name in bounds & {"since", "until"} if values.get(name) is None}
    return {
        "places": list(dict.fromkeys(places)),
        "period": period,
        "days": period and _period_in_words(period, open_ends),
        "words": {name: _truncate(", ".join(texts)) for name, texts in words.items()},
    }


def _period_in_words(period: list[str], open_ends: set[str]) -> str:
    """Return the days of a period as a page says them."""
    first, last = map(date.fromisoformat, period)
    if first == last and "until" in open_ends:
        return f"from {days_in_words(first, first)}"
    if first == last and "since" in open_ends:
        return f"until {days_in_words(last, last)}"
    return days_in_words(first, last)


def _days_before(until: str, length: Any) -> list[str]:
    """Return the last day before a day and, with a length in days, the first day of that period."""
    end = date.fromisoformat(until)
    lengths = [1, length] if isinstance(length, int) and length > 0 else [1]
    return [(end - timedelta(days=days)).isoformat() for days in lengths]


def _item_format(rule: Mapping[str, Any]) -> str:
    """Return the format of a parameter or, if it is a list, of its items."""
    return str(rule.get("items", rule).get("format", ""))


def _day(item: Any) -> str | None:
    """Return the date of an ISO 8601 date or time; None if the text is neither."""
    with suppress(ValueError):
        return datetime.fromisoformat(str(item)).date().isoformat()
    return None


def _value_in_words(kind: str, item: Any, gazetteer: Gazetteer | None) -> str:
    if isinstance(item, bool):
        return "yes" if item else "no"
    text = str(item)
    if kind == "place":
        from foxgrape.places import Gazetteer

        with suppress(KeyError):
            return str((gazetteer or Gazetteer.default())[text].name)
    elif kind == "duration-of-time":
        import pandas as pd

        from foxgrape._util.formatting import duration_in_words

        with suppress(ValueError):
            return duration_in_words(pd.Timedelta(text))
    return text


def _truncate(text: str) -> str:
    return shorten(text, _MAX_LENGTH)
