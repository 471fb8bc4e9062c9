"""A run is unchanged only if the content of everything that it reads is unchanged."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
import yaml

from foxgrape import Store, open_study, run_report
from foxgrape.errors import FoxgrapeError, ReportError, StudyError
from foxgrape.reports import plan as planning
from foxgrape.reports import rebuild_report
from foxgrape.reports import run as running
from foxgrape.reports.plan import ReportRequest, Software, plan
from foxgrape.studies import package, study
from report_templates import names, printed, template

OF_STORE = "store = None\nversions = {}\nnumber = 1"
READS_STORE = """
from foxgrape import Store
print(sorted(Store(store).read("events", version=versions["events"])["event_id"])[0])
"""
OF_FILES = "study = None\nbook = None\nmany = []"
READS_FILES = """
from pathlib import Path
for given in [book, *many]:
    for file in sorted(Path(given).rglob("*")) if Path(given).is_dir() else [Path(given)]:
        print(given, file.read_text())
"""
PATH = {"type": "string", "format": "path", "x-roots": ["/"]}


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def manifest(run):
    return json.loads(run.manifest.read_text(encoding="utf-8"))


def with_files(folder: Path, *cells: str) -> Path:
    """Create a template with a parameter for a path, and one for a list of paths."""
    notebook = template(folder, "files", *cells, first=OF_FILES)
    sidecar = yaml.safe_load(notebook.with_suffix(".yaml").read_text(encoding="utf-8"))
    sidecar["parameters"]["properties"] = {
        "book": PATH | {"type": ["string", "null"], "default": None},
        "many": {"type": "array", "items": PATH, "default": []},
    }
    # JSON is YAML, and has no aliases.
    notebook.with_suffix(".yaml").write_text(json.dumps(sidecar), encoding="utf-8")
    return notebook


def run_id(notebook: Path, **options) -> str:
    return plan(ReportRequest(notebook, **options), Software("", {}, None)).run_id


def before_the_run(monkeypatch, act) -> None:
    """Call a function after the requests are checked and before the run starts."""

    def build(*args, **options):
        act()
        return unpatched(*args, **options)

    unpatched = running.build_reports
    monkeypatch.setattr(running, "build_reports", build)


def remove_last_row(file: Path) -> None:
    """Remove the last row of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: content.rstrip().rindex(b"\n") + 1])


# ---- parameters that name files


def test_editing_a_file_of_a_parameter_changes_the_run_id(tmp_path):
    notebook, out = with_files(tmp_path, READS_FILES), tmp_path / "out"
    file = tmp_path / "mine.csv"
    file.write_text("first", encoding="utf-8")
    options = {"parameters": {"book": str(file)}, "out": out}
    first = run_report(notebook, **options)
    assert printed(first.notebook) == "inputs/parameters/1/mine.csv first\n"
    assert manifest(first)["files"] == {"book": sha256(file)}
    assert sha256(file)[:16] in first.html.read_text(encoding="utf-8")
    assert run_report(notebook, **options).status == "unchanged"

    file.write_text("other", encoding="utf-8")
    second = run_report(notebook, **options)
    assert (second.status, printed(second.notebook)[-6:]) == ("done", "other\n")
    assert second.run_id != first.run_id
    with pytest.raises(
        ReportError, match="files that parameters name have changed since the run: book"
    ):
        rebuild_report(first.html.parent)
    file.write_text("first", encoding="utf-8")
    assert rebuild_report(first.html.parent).same
    assert run_report(notebook, **options).run_id == first.run_id


def test_folders_and_lists_of_files_change_the_run_id(tmp_path):
    notebook = with_files(tmp_path, READS_FILES)
    folder, other = tmp_path / "folder", tmp_path / "other.csv"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.csv").write_text("a", encoding="utf-8")
    (folder / "linked.csv").symlink_to(other)
    (folder / "loop").symlink_to(folder)
    (folder / "gone").symlink_to(tmp_path / "none")
    other.write_text("b", encoding="utf-8")
    options = {"parameters": {"book": str(folder), "many": [str(other)]}, "out": tmp_path / "out"}
    ids = [run_id(notebook, **options)]
    other.write_text("c", encoding="utf-8")
    ids.append(run_id(notebook, **options))
    (folder / "deep" / "a.csv").write_text("aa", encoding="utf-8")
    ids.append(run_id(notebook, **options))
    (folder / "deep" / "a.csv").rename(folder / "deep" / "b.csv")
    ids.append(run_id(notebook, **options))
    (folder / "empty").mkdir()
    ids.append(run_id(notebook, **options))
    assert len(set(ids)) == 5
    assert run_id(notebook, **options) == ids[-1]
    options["parameters"]["book"] = str(folder / "deep")
    built = run_report(notebook, **options)
    at = "inputs/parameters/"
    assert printed(built.notebook) == f"{at}1/deep aa\n{at}2/other.csv c\n"
    assert set(manifest(built)["files"]) == {"book", "many"}


def test_editing_a_codebook_changes_the_run_id(tmp_path, study_copy, monkeypatch):
    monkeypatch.chdir(tmp_path)
    book = study_copy / "codebook.csv"
    options = {"parameters": {"codebook": str(book), "place": "geonames:707292"}}
    before = run_id("place_brief", **options)
    remove_last_row(book)
    assert run_id("place_brief", **options) != before


def test_an_unreadable_input_is_reported_before_anything_is_written(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    notebook = with_files(tmp_path, "1")
    with pytest.raises(FoxgrapeError, match="neither a file nor a folder"):
        run_report(notebook, parameters={"book": str(tmp_path / "pipe")}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_notebook_and_error_show_the_original_paths(tmp_path, study_copy):
    notebook = with_files(tmp_path, "print(study)", "raise ValueError(book)")
    file = tmp_path / "mine.csv"
    file.touch()
    options = {"study": study_copy, "parameters": {"book": str(file)}, "out": tmp_path / "out"}
    failed = run_report(notebook, **options)
    assert failed.error == f"cell 4: ValueError: {file}"
    executed = nbformat.read(failed.notebook, as_version=4)
    assert executed.metadata.papermill.input_path == str(notebook)
    assert executed.metadata.papermill.parameters["study"] == str(study_copy)
    (injected,) = [c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert f'study = "{study_copy}"' in injected.source
    assert f'book = "{file}"' in injected.source
    assert "inputs" not in names(failed.notebook.parent)


# ---- stores


def events(*ids):
    rows = open_study().events.head(len(ids))
    return rows.assign(event_id=list(ids))


def test_a_store_created_again_at_the_same_path_is_a_different_store(tmp_path):
    notebook, out = template(tmp_path, "reads", READS_STORE, first=OF_STORE), tmp_path / "out"
    store = Store(tmp_path / "mine")
    store.upsert("events", events("old"))
    first = run_report(notebook, store=store.path, out=out)
    assert run_report(notebook, store=store.path, out=out).status == "unchanged"
    shutil.move(store.path, tmp_path / "aside")
    store.upsert("events", events("new"))
    second = run_report(notebook, store=store.path, out=out)
    assert (second.status, printed(second.notebook)) == ("done", "new\n")
    assert second.run_id != first.run_id
    with pytest.raises(
        ReportError, match="not the store that the run read; tables that differ: events"
    ):
        rebuild_report(first.html.parent)
    shutil.rmtree(store.path)
    shutil.move(tmp_path / "aside", store.path)
    assert rebuild_report(first.html.parent).same


def test_relative_dates_of_a_store_are_those_of_the_time_zone_of_the_report(tmp_path):
    """At 22:00 UTC the next day has begun in Kyiv, the default of the brief, and not in London."""
    store = Store(tmp_path / "mine")
    store.upsert("events", events("only"))
    late = datetime(2022, 12, 10, 22, 30, tzinfo=UTC)
    days = {}
    for zone in (None, "Europe/Kyiv", "Europe/London", "UTC"):
        given = {"until": "today", "observed_until": "today"}
        given |= {} if zone is None else {"timezone": zone}
        request = ReportRequest("weekly_brief", store=store.path, parameters=given)
        values = plan(request, Software("", {}, None), now=late).values
        days[zone] = values["until"], values["observed_until"]
    kyiv = ("2022-12-11", "2022-12-10T22:00:00+00:00")
    utc = ("2022-12-10", "2022-12-10T00:00:00+00:00")
    assert days == {None: kyiv, "Europe/Kyiv": kyiv, "Europe/London": utc, "UTC": utc}
    request = ReportRequest("weekly_brief", store=store.path, parameters={"timezone": "Kyiv"})
    with pytest.raises(ReportError, match="timezone must be an IANA name"):
        plan(request, Software("", {}, None), now=late)


def test_a_store_restored_from_a_backup_and_changed_is_a_different_store(tmp_path):
    notebook = template(tmp_path, "reads", READS_STORE, first=OF_STORE)
    store = Store(tmp_path / "mine")
    store.upsert("events", events("shared"))
    shutil.copytree(store.path, tmp_path / "backup")
    store.upsert("events", events("lost"))
    before = run_id(notebook, store=store.path)
    shutil.rmtree(store.path)
    shutil.move(tmp_path / "backup", store.path)
    store.upsert("events", events("kept"))
    assert store.latest_versions() == {"events": 1}
    assert run_id(notebook, store=store.path) != before


def test_a_store_created_again_between_check_and_run_fails_the_run(tmp_path, monkeypatch):
    notebook, out = template(tmp_path, "reads", READS_STORE, first=OF_STORE), tmp_path / "out"
    store = Store(tmp_path / "mine")
    store.upsert("events", events("old"))

    def anew():
        shutil.rmtree(store.path)
        store.upsert("events", events("new"))

    before_the_run(monkeypatch, anew)
    failed = run_report(notebook, store=store.path, out=out)
    assert failed.status == "failed"
    assert "the store changed while the report was built: events. Hint: build it" in failed.error
    assert names(out) == {"failed", "index.html"}


# ---- studies


@pytest.fixture
def twins(study_copy):
    """Create a study whose resources share a base name."""
    descriptor = study_copy / "datapackage.json"
    package = json.loads(descriptor.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        path = f"{resource['name']}/data.csv"
        (study_copy / path).parent.mkdir()
        (study_copy / resource["path"]).rename(study_copy / path)
        resource["path"] = path
    descriptor.write_text(json.dumps(package), encoding="utf-8")
    return study_copy


def test_resources_with_the_same_base_name_are_hashed_separately(tmp_path, twins):
    notebook = template(
        tmp_path, "counts", "from foxgrape import open_study\nprint(len(open_study(study).posts))"
    )
    hashes = open_study(twins).hashes
    files = {f"{name}/data.csv" for name in package._RESOURCES if (twins / name).is_dir()}
    assert set(hashes) == {"datapackage.json", *files}
    assert all(hashes[name] == sha256(twins / name) for name in hashes)
    ids = {run_id(notebook, study=twins)}
    for name in sorted(files):
        content = (twins / name).read_bytes()
        *rows, second_last, last = content.splitlines(keepends=True)
        (twins / name).write_bytes(b"".join([*rows, last, second_last]))
        assert (twins / name).read_bytes() != content
        ids.add(run_id(notebook, study=twins))
    assert len(ids) == len(files) + 1 >= 5
    built = run_report(notebook, study=twins, out=tmp_path / "out")
    assert printed(built.notebook) == f"{len(open_study(twins).posts)}\n"
    assert manifest(built)["study"]["sha256"] == dict(open_study(twins).hashes)


def test_a_study_edited_between_check_and_run_fails_the_run(tmp_path, study_copy, monkeypatch):
    notebook = template(tmp_path, "mine", "from foxgrape import open_study\nopen_study(study)")
    out, posts = tmp_path / "out", study_copy / "posts.csv"
    good = run_report(notebook, study=study_copy, out=out)
    page = good.html.read_bytes()
    before_the_run(monkeypatch, lambda: remove_last_row(posts))
    failed = run_report(notebook, study=study_copy, out=out, force=True)
    assert failed.run_id == good.run_id
    assert failed.status == "failed"
    assert failed.error == (
        f"{posts}: the file changed while the report was built. Hint: build it again"
    )
    assert good.html.read_bytes() == page
    assert names(failed.manifest.parent) == {"manifest.json", "log.txt"}
    monkeypatch.undo()
    before_the_run(monkeypatch, posts.unlink)
    assert "the file changed while" in run_report(notebook, study=study_copy, out=out).error


EDITS = """
from pathlib import Path
from foxgrape import open_study
posts = Path({posts!r})
posts.write_bytes(posts.read_bytes().replace(b"Yermak", b"Renamed"))
read = open_study(study)
print(read.posts["account"].str.contains("Yermak").any(), read.name)
"""


def test_a_study_edited_during_a_run_is_read_unedited(tmp_path, study_copy):
    posts = study_copy / "posts.csv"
    before = sha256(posts)
    notebook = template(tmp_path, "edits", EDITS.format(posts=str(posts)))
    built = run_report(notebook, study=study_copy, out=tmp_path / "out")
    assert sha256(posts) != before
    assert printed(built.notebook) == "True izium-2022\n"
    assert manifest(built)["study"]["sha256"]["posts.csv"] == before


def test_a_study_edited_while_it_is_read_is_rejected(study_copy, monkeypatch):
    def then_edit(file):
        posts = unpatched(file)
        remove_last_row(file)
        return posts

    unpatched = study.read_posts
    monkeypatch.setattr(study, "read_posts", then_edit)
    with pytest.raises(StudyError, match=r"the study changed while it was read: posts\.csv"):
        open_study(study_copy)


LISTS = "import os\nprint(*sorted(os.listdir(study)))"


def test_a_run_reads_only_the_files_that_the_package_lists(tmp_path, study_copy):
    descriptor = study_copy / "datapackage.json"
    package = json.loads(descriptor.read_text(encoding="utf-8"))
    package["resources"] += [
        {"name": "notes", "path": "notes.txt"},
        {"name": "maps", "path": ["one.txt", "two.txt", "none.txt"]},
        {"name": "far", "path": "https://example.org/far.csv"},
        {"name": "secret", "path": "../secret.txt"},
    ]
    descriptor.write_text(json.dumps(package), encoding="utf-8")
    for name in ("notes.txt", "one.txt", "two.txt", "unlisted.txt", "../secret.txt"):
        (study_copy / name).write_text(name, encoding="utf-8")
    notebook = template(tmp_path, "lists", LISTS)
    before = run_id(notebook, study=study_copy)
    (study_copy / "unlisted.txt").write_text("other", encoding="utf-8")
    assert run_id(notebook, study=study_copy) == before
    (study_copy / "two.txt").write_text("other", encoding="utf-8")
    assert run_id(notebook, study=study_copy) != before
    built = run_report(notebook, study=study_copy, out=tmp_path / "out")
    listed = printed(built.notebook).split()
    assert {"notes.txt", "one.txt", "two.txt", "posts.csv", "datapackage.json"} <= set(listed)
    assert not {"unlisted.txt", "secret.txt", "README.md"} & set(listed)
    assert set(listed) == set(manifest(built)["study"]["sha256"])


def test_the_target_of_a_link_in_a_study_is_hashed(tmp_path, study_copy):
    notebook = template(tmp_path, "mine", "number")
    (study_copy / "posts.csv").rename(study_copy / "posts-1.csv")
    shutil.copy(study_copy / "posts-1.csv", study_copy / "posts-2.csv")
    remove_last_row(study_copy / "posts-2.csv")
    (study_copy / "posts.csv").symlink_to("posts-1.csv")
    before = run_id(notebook, study=study_copy)
    (study_copy / "posts.csv").unlink()
    (study_copy / "posts.csv").symlink_to("posts-2.csv")
    assert run_id(notebook, study=study_copy) != before
    assert open_study(study_copy).hashes["posts.csv"] == sha256(study_copy / "posts-2.csv")


@pytest.mark.parametrize("path", ["{study}/posts.csv", "sub/../posts.csv"])
def test_a_resource_is_named_by_its_path_in_the_study_alone(study_copy, path):
    descriptor = study_copy / "datapackage.json"
    (study_copy / "sub").mkdir()
    text = descriptor.read_text(encoding="utf-8")
    resource = path.format(study=study_copy)
    descriptor.write_text(text.replace('"posts.csv"', json.dumps(resource)), encoding="utf-8")
    with pytest.raises(StudyError, match="must be relative to the study, without"):
        open_study(study_copy)


# ---- templates and software


def test_a_template_edited_between_check_and_run_fails_the_run(tmp_path, monkeypatch):
    notebook, out = template(tmp_path, "mine", "print('old')"), tmp_path / "out"
    before = sha256(notebook)
    before_the_run(monkeypatch, lambda: template(tmp_path, "mine", "print('new')"))
    failed = run_report(notebook, out=out)
    assert f"{notebook}: the file changed while the report was built" in failed.error
    assert manifest(failed)["notebook"] == {"path": str(notebook), "sha256": before}


def test_editing_the_sidecar_changes_the_run_id(tmp_path):
    notebook = template(tmp_path, "mine", "number")
    sidecar = notebook.with_suffix(".yaml")
    before = run_id(notebook)
    text = sidecar.read_text(encoding="utf-8")
    sidecar.write_text(text.replace("A test", "Another title"), encoding="utf-8")
    assert run_id(notebook) != before


@pytest.mark.parametrize(
    "name",
    [
        "places/resources/gazetteer/names.txt",
        "places/resources/kinds.txt",
        "places/resources/codebook.csv",
        "resources/datasets.toml",
    ],
)
def test_each_data_file_of_the_package_changes_the_hash(tmp_path, monkeypatch, name):
    copy = shutil.copytree(planning._PACKAGE, tmp_path / "foxgrape")
    monkeypatch.setattr(planning, "_PACKAGE", copy)
    before = Software.here().sha256
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    changed = Software.here().sha256
    (copy / name).rename((copy / name).with_name("renamed"))
    assert len({before, changed, Software.here().sha256}) == 3


def test_the_version_of_the_time_zone_database_is_recorded(tmp_path, monkeypatch):
    assert Software.here().versions["tzdata"][:2] == "20"
    (tmp_path / "tzdata.zi").write_text("# version 1999z\n# more", encoding="utf-8")
    monkeypatch.setattr(planning, "TZPATH", (str(tmp_path / "none"), str(tmp_path)))
    assert Software.here().versions["tzdata"] == "1999z"
    monkeypatch.setattr(planning, "TZPATH", ())
    assert Software.here().versions["tzdata"][:2] == "20"
