"""Sphinx configuration. ``make docs`` builds into build/docs and treats warnings as errors.

pandas, SciPy, statsmodels and pyCSEP use the PyData theme too, so analysts know the layout.
numpydoc parses the docstrings.
"""

# ruff: noqa: INP001 - Sphinx reads this file; it is not imported

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

import foxgrape  # noqa: E402 - needs the path above
import foxgrape.places  # noqa: E402
from write_shell_help import VERBS_OF, anchor  # noqa: E402

PUBLIC = {*foxgrape.__all__, *foxgrape.places.__all__}

project = "foxgrape"
author = copyright = "The foxgrape developers"  # noqa: A001 - Sphinx requires this name
release = version = foxgrape.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
]
exclude_patterns: list[str] = []
nitpicky = True
#: Names in backticks without an entry: arguments, columns, files, verbs, names of other libraries.
nitpick_ignore_regex = [
    ("py:obj", r"[a-z_]+"),
    ("py:obj", r"docs/.*|foxgrape [a-z -]+|emoji\..*|alarm_compare\.compare"),
    ("py:obj", r"foxgrape\.(parametric|(io\.)?events\.quarantined)"),
    # Types in signatures: pandas, the standard library, and imports under TYPE_CHECKING.
    ("py:class", r".*"),
]
default_role = "py:obj"

# Other pages can link to headings. Pages must not need the network, so MathJax is off and formulas
# are plain text.
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
#: The start page needs no list of the pages below it.
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


def hide_result_signature(  # noqa: D103 - described in setup
    _app: Sphinx, what: str, _name: str, obj: object, _options: object, *_signature: str | None
) -> tuple[str, str] | None:
    is_result = dataclasses.is_dataclass(obj) and hasattr(obj, "to_dict")
    return ("", "") if what == "class" and is_result else None


def add_shell_verb(  # noqa: D103
    _app: Sphinx, _what: str, name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    for verb in VERBS_OF.get(name, ()):
        lines += ["", f"In the shell: :ref:`foxgrape {verb} <{anchor(verb)}>`."]


def resolve_public_name(  # noqa: D103
    _app: Sphinx, env: BuildEnvironment, node: pending_xref, content: Element
) -> Element | None:
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not (target in PUBLIC or re.search("[A-Z.]", target)):
        return None
    domain = env.domains.python_domain
    matches = {match[1].node_id: match for match in domain.find_obj(env, "", "", target, "obj", 1)}
    if len(matches) != 1:
        return None
    (entry,) = (match[1] for match in matches.values())
    page = node.get("refdoc", env.docname)
    return make_refnode(env.app.builder, page, entry.docname, entry.node_id, content, target)


def setup(app: Sphinx) -> None:
    """Connect the hooks.

    Results are created by functions, so the signatures of their classes are hidden. Functions link
    to their shell verb. Public names in docstrings are links whatever module defines them.
    """
    connect: Callable[..., object] = app.connect
    connect("autodoc-process-signature", hide_result_signature)
    # After numpydoc, which would otherwise parse the added line as part of a section.
    connect("autodoc-process-docstring", add_shell_verb, priority=900)
    connect("missing-reference", resolve_public_name)
