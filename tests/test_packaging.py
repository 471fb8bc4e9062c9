"""What is released: a wheel and a source distribution, what is in them, that they work alone."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
VERSION = runpy.run_path(str(ROOT / "scripts" / "version.py"))


def build(source: Path, folder: Path, target: str) -> Path:
    """Build a wheel or a source distribution of a folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=source,
        check=True,
        capture_output=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1662768000"},
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel."""
    return build(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Build the source distribution."""
    return build(ROOT, tmp_path_factory.mktemp("sdist"), "sdist")


@pytest.fixture(scope="module")
def unpacked(sdist, tmp_path_factory):
    """Unpack the source distribution."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.iterdir())


def test_the_wheel_holds_data_templates_and_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "foxgrape/py.typed",
        "foxgrape/places/resources/UNICODE-LICENSE.txt",
        "foxgrape/places/resources/codebook.csv",
        "foxgrape/places/resources/gazetteer/places.txt",
        "foxgrape/places/resources/README.md",
        "foxgrape/resources/README.md",
        "foxgrape/resources/datasets.toml",
        "foxgrape/resources/ukraine.geojson",
        "foxgrape/reports/rendering/static/page.html.j2",
        "foxgrape/reports/schedule/timer_files/github.yml.txt",
        "foxgrape/_shipped/templates/lead_times.ipynb",
        "foxgrape/_shipped/templates/lead_times.yaml",
        "foxgrape/_shipped/studies/izium-2022/README.md",
        "foxgrape/_shipped/studies/izium-2022/datapackage.json",
    ):
        assert wanted in names
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_neither_holds_tests_notebooks_or_caches(wheel, unpacked):
    inside = [Path(name) for name in zipfile.ZipFile(wheel).namelist()]
    inside += [path.relative_to(unpacked) for path in unpacked.rglob("*")]
    assert len(inside) > 300
    for path in inside:
        assert not {"tests", "__pycache__", "docs", "benchmarks", ".ipynb_checkpoints"} & {
            *path.parts
        }, path
        assert path.suffix not in {".pyc", ".nbi", ".nbc"}, path
        if path.suffix == ".ipynb":
            assert path.parent.name == "templates", path
    assert {path.parts[0] for path in map(Path, zipfile.ZipFile(wheel).namelist())} == {
        "foxgrape",
        f"foxgrape-{VERSION['version']()}.dist-info",
    }


def test_each_module_of_the_package_is_in_the_wheel(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    ours = {str(path.relative_to(ROOT / "toolkit")) for path in ROOT.glob("toolkit/**/*.py")}
    assert ours <= names


def test_the_same_source_gives_the_same_bytes(wheel, unpacked, tmp_path):
    """Twice from here, and from the source distribution, which therefore lacks nothing."""
    again = build(ROOT, tmp_path / "again", "wheel")
    from_sdist = build(unpacked, tmp_path / "from_sdist", "wheel")
    assert wheel.name == again.name == from_sdist.name
    assert wheel.read_bytes() == again.read_bytes()
    assert wheel.read_bytes() == from_sdist.read_bytes()


def test_the_lookup_library_works_with_nothing_else_installed(wheel, tmp_path):
    """Only the wheel and the standard library: no site-packages at all."""
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import foxgrape.places as p; "
        "assert p.lookup('🍇')[0].place.name == 'Izium'; "
        "assert p.lookup('🦊')[0].place.name == 'Lysychansk'; "
        "assert p.find('Izyum')[0].place.id == 'geonames:707292'"
    )
    subprocess.run([sys.executable, "-S", "-I", "-c", code], check=True, cwd=tmp_path)


@pytest.fixture(scope="module")
def elsewhere(wheel, tmp_path_factory):
    """Install the wheel into an environment of its own, whose libraries are those of this one.

    What this environment has of foxgrape itself is not seen there.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    )
    packages = Path(where.stdout.strip())
    zipfile.ZipFile(wheel).extractall(packages)
    # A folder named in a .pth file is searched, but .pth files in it are not obeyed: the editable
    # foxgrape of this environment is one.
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return python


def run(python: Path, *words: str, cwd: Path) -> str:
    """Run a Python that knows nothing of this repository; return what it prints."""
    strange = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    environ = {name: value for name, value in os.environ.items() if name not in strange}
    # The libraries are borrowed, and so is what they keep beside them.
    environ["JUPYTER_PATH"] = str(Path(sys.prefix) / "share" / "jupyter")
    done = subprocess.run(
        [str(python), *words], cwd=cwd, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_package_says_its_version_and_finds_its_own(elsewhere, tmp_path):
    code = (
        "import foxgrape, foxgrape._util.files as s; print(foxgrape.__version__); "
        "print(foxgrape.__file__); print(s.study_folder('izium-2022')); print(s.template_folder())"
    )
    version, *places = run(elsewhere, "-c", code, cwd=tmp_path).splitlines()
    assert version == VERSION["version"]()
    for place in places:
        assert Path(place).is_relative_to(elsewhere.parents[1])
        assert ROOT not in Path(place).parents
    assert version in run(elsewhere, "-m", "foxgrape", "--version", cwd=tmp_path)


def test_a_wheel_builds_the_report_of_the_study_copied_beside_it(elsewhere, study_copy):
    words = ["report", "build", "lead_times", "--study", str(study_copy), "--out", "out"]
    output = run(elsewhere, "-m", "foxgrape", *words, cwd=study_copy.parent)
    (page,) = study_copy.parent.glob("out/*/report.html")
    assert "Izium" in output
    assert "Izium" in page.read_text(encoding="utf-8")


# ---- versions


@pytest.mark.parametrize(
    ("described", "version"),
    [
        ("v0.2.0-0-g1234567", "0.2.0"),
        ("v1.2-0-gabc", "1.2"),
        ("v0.2.0rc1-0-g1234567", "0.2.0rc1"),
        ("v0.2.0-3-g1234567", "0.2.0.post3+g1234567"),
        ("", None),
        ("v0.2.0", None),
        ("version-0-g1234567", None),
    ],
)
def test_a_description_of_git_is_a_version(described, version):
    assert VERSION["version_from_git"](described) == version


def git(folder: Path, *words: str) -> None:
    ours = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *ours, *words], cwd=folder, check=True, capture_output=True)


def test_the_version_is_that_of_the_tag_and_else_that_of_the_citation(tmp_path):
    version = VERSION["version"]
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 0.1.9\n", encoding="utf-8")
    assert version(tmp_path) == "0.1.9"  # an archive without git
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "one")
    assert version(tmp_path) == "0.1.9"  # a clone without tags
    git(tmp_path, "tag", "nightly")
    assert version(tmp_path) == "0.1.9"
    git(tmp_path, "tag", "v0.2.0")
    assert version(tmp_path) == "0.2.0"
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "two")
    assert version(tmp_path).startswith("0.2.0.post1+g")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "CITATION.cff").write_text("version: 0.3.0\n", encoding="utf-8")
    assert version(tmp_path / "inside") == "0.3.0"  # unpacked inside another clone
    (tmp_path / "PKG-INFO").write_text("Name: foxgrape\nVersion: 0.4.0\n", encoding="utf-8")
    assert version(tmp_path) == "0.4.0"


def test_the_source_distribution_keeps_its_version(unpacked):
    assert VERSION["version"](unpacked) == VERSION["version"]()
    assert unpacked.name == f"foxgrape-{VERSION['version']()}"
