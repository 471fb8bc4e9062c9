"""Labels of figures: plotly displays exactly the text, whatever it contains."""

from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import change
from foxgrape import open_study
from foxgrape.plots.labels import escape_label
from foxgrape.plots.place_map import place_map
from foxgrape.plots.signals import timeline
from foxgrape.reports.rendering.assets import plotly_asset
from hostile_strings import ATTACKS

#: The entities that plotly.js decodes, and its pattern; read from plotly.js by the first test.
ENTITIES = {"amp": "&", "lt": "<", "gt": ">", "nbsp": "\xa0", "mu": "\u03bc", "deg": "\xb0"}
ENTITIES |= {"times": "\xd7", "plusmn": "\xb1"}
PATTERN = r"&(#\d+|#x[\da-fA-F]+|[a-z]+);"


def as_displayed(label: str) -> str:
    """Return what plotly.js displays of a label without tags."""
    assert not re.search(r"<[/a-z]", label, re.IGNORECASE)
    assert "$" not in label, "plotly.js would look for a formula"
    named = ENTITIES | {"#36": "$"}
    return re.sub(PATTERN, lambda entity: named.get(entity[1], entity[0]), label)


def test_plotly_decodes_these_entities():
    text = plotly_asset().text
    table = re.search(r'=\{mu:"[^}]*\}', text)
    pairs = dict(re.findall(r'(\w+):"([^"]*)"', table[0]))
    assert {name: ast.literal_eval(f"'{sign}'") for name, sign in pairs.items()} == ENTITIES
    assert f"/{PATTERN}/g" in text


@pytest.mark.parametrize(
    "attack", [*ATTACKS, '"', "'", "&quot;", "&amp;lt;", "&#60;", "a & b", "$x^2$ $"]
)
def test_a_label_is_displayed_as_the_text(attack):
    assert as_displayed(escape_label(attack)) == attack


@given(st.text(st.sampled_from("&<>\"'#;$x36amplqut 🍇"), max_size=30))
def test_any_label_is_displayed_as_the_text(text):
    assert as_displayed(escape_label(text)) == text


def test_figures_of_foxgrape_use_no_entity_that_plotly_does_not_decode(study_copy):
    hostile = 'the "Rex" & it\'s <b>'
    change(
        study_copy,
        "posts.csv",
        lambda rows: [row | {"account": f"{row['account']} {hostile}"} for row in rows],
    )
    analysis = open_study(study_copy).analyse()
    figures = [timeline(analysis), place_map(analysis)]
    text = "".join(json.dumps(figure.to_plotly_json(), default=str) for figure in figures)
    assert "&lt;b&gt;" in text
    assert set(re.findall(r"&(\w+);", text)) <= set(ENTITIES)
