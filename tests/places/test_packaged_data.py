"""Packaged data rebuild from their sources, and the examples of the docs run."""

from __future__ import annotations

import doctest
import json
import re
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

import pytest

from foxgrape.places import Gazetteer, find

ROOT = Path(__file__).parents[2]
RESOURCES = ROOT / "toolkit/foxgrape/places/resources"


def test_the_gazetteer_rebuilds_byte_for_byte():
    script = ROOT / "scripts" / "build_gazetteer.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("the same bytes\n")


def test_the_gazetteer_is_small_in_the_wheel():
    files = sorted((RESOURCES / "gazetteer").iterdir())
    assert [file.name for file in files] == ["names.txt", "places.txt", "sounds.txt"]
    assert sum(len(zlib.compress(file.read_bytes(), 6)) for file in files) < 1_500_000


@pytest.mark.parametrize("folder", sorted((ROOT / "toolkit").rglob("resources")), ids=str)
def test_every_packaged_file_is_listed_with_its_source_and_script(folder):
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for file in folder.iterdir():
        assert file.name == "README.md" or file.name in readme
    for script in re.findall(r"scripts/\w+\.py", readme):
        assert (ROOT / script).is_file()


def test_the_examples_of_the_places_page_run():
    failed, tried = doctest.testfile(
        str(ROOT / "docs" / "reference" / "place-lookup.md"), module_relative=False
    )
    assert tried > 15
    assert failed == 0


@pytest.mark.real
def test_towns_that_people_tagged_are_found(real_data):
    folder = real_data / "resistinua_addresses"
    lines = (folder / "addresses_2022-02_05.jsonl").read_text(encoding="utf-8").splitlines()
    tags = Counter(tag for line in lines for tag in json.loads(line).get("cities", ()))
    matched = {tag for tag in tags if find(tag) and find(tag)[0].score >= 0.8}
    missed = sorted(set(tags) - matched)
    assert sum(tags[tag] for tag in matched) >= 0.95 * tags.total(), missed


def test_the_share_of_places_without_a_district_is_the_one_documented():
    """docs/reference/place-lookup.md says about 15%."""
    places = [p for p in Gazetteer.default() if p.id.startswith("geonames:") and p.country == "UA"]
    share = sum(not place.admin2 for place in places) / len(places)
    assert 0.145 < share < 0.155
