"""How the documentation is built: ``make docs``, strictly, into build/docs.

Sphinx and the PyData theme are what pandas, SciPy, statsmodels and pyCSEP are documented with, so
analysts find their way at once; numpydoc reads the form that our docstrings have.
"""

# ruff: noqa: INP001 - Sphinx reads this file, nobody imports it

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.util.nodes import make_refnode

if TYPE_CHECKING:
    from collections.abc import Callable

    from docutils.nodes import Element
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "toolkit"), str(ROOT / "scripts")]

import foxgrape  # noqa: E402 - found by the path above
import foxgrape.places  # noqa: E402
from write_shell_help import VERBS_OF, anchor  # noqa: E402

PUBLIC = {*foxgrape.__all__, *foxgrape.places.__all__}

project = "foxgrape"
author = copyright = "The foxgrape developers"  # noqa: A001 - Sphinx's own word
release = version = foxgrape.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
exclude_patterns: list[str] = []
nitpicky = True
#: Names in backticks that have no entry: arguments and columns; files, verbs, another library's.
nitpick_ignore_regex = [
    ("py:obj", r"[a-z_]+"),
    ("py:obj", r"docs/.*|foxgrape [a-z -]+|emoji\..*|alarm_compare\.compare"),
    ("py:obj", r"foxgrape\.parametric"),
    # Types in signatures: pandas, the standard library, and what stands behind TYPE_CHECKING.
    ("py:class", r".*"),
]
default_role = "py:obj"

# Headings can be linked to from other pages; no page may need anything from the network, so there
# is no MathJax: formulas are written as text.
myst_heading_anchors = 4
myst_links_external_new_tab = False

autosummary_generate = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
autodoc_class_signature = "mixed"
numpydoc_show_class_members = False
numpydoc_attributes_as_param_list = True

html_theme = "pydata_sphinx_theme"
html_title = "foxgrape"
html_static_path = ["_static"]
html_css_files = ["foxgrape.css"]
html_copy_source = html_show_sourcelink = False
#: Pages that have none below them need no list of them.
html_sidebars: dict[str, list[str]] = {page: [] for page in ("index",)}
html_theme_options = {
    "logo": {"text": "foxgrape"},
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "show_prev_next": True,
    "navigation_with_keys": False,
    "primary_sidebar_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def without_signature(  # noqa: D103 - Sphinx's event, told below
    _app: Sphinx, what: str, _name: str, thing: object, _options: object, *_told: str | None
) -> tuple[str, str] | None:
    made_by_us = dataclasses.is_dataclass(thing) and hasattr(thing, "to_dict")
    return ("", "") if what == "class" and made_by_us else None


def with_its_verb(  # noqa: D103
    _app: Sphinx, _what: str, name: str, _thing: object, _options: object, lines: list[str]
) -> None:
    for verb in VERBS_OF.get(name, ()):
        lines += ["", f"In the shell: :ref:`foxgrape {verb} <{anchor(verb)}>`."]


def found_elsewhere(  # noqa: D103
    _app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element
) -> Element | None:
    wanted = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not (wanted in PUBLIC or re.search("[A-Z.]", wanted)):
        return None
    domain = env.domains.python_domain
    found = {match[1].node_id: match for match in domain.find_obj(env, "", "", wanted, "obj", 1)}
    if len(found) != 1:
        return None
    (entry,) = (match[1] for match in found.values())
    here = node.get("refdoc", env.docname)
    return make_refnode(env.app.builder, here, entry.docname, entry.node_id, shown, wanted)


def setup(app: Sphinx) -> None:
    """Hide how results are made, since they are returned; name the verb beside the function.

    And a public name is linked from wherever a docstring has it, whatever module it lives in.
    """
    listen: Callable[..., object] = app.connect
    listen("autodoc-process-signature", without_signature)
    # After numpydoc, which has sections of its own and would take ours for one of its lines.
    listen("autodoc-process-docstring", with_its_verb, priority=900)
    listen("missing-reference", found_elsewhere)
