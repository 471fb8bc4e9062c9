"""Cost of the lookup library: import, first calls, calls per second, memory and storage.

Run as `python benchmarks/places.py`. Import times are medians over new interpreters, less the start
of a bare one.
"""

import json
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

from foxgrape import places
from foxgrape.places import Gazetteer, find, lookup

PROCESSES = 20
FOLDER = Path(places.__file__).parent / "resources" / "gazetteer"
HEAVY = ("pandas", "numpy", "numba", "emoji", "rapidfuzz")
FIRST_CALLS = """
import sys, time
before = time.perf_counter(); import foxgrape.places as p
imported = time.perf_counter(); heavy = sorted(set({heavy!r}) & set(sys.modules))
p.lookup("🍇"); looked = time.perf_counter()
p.find("Izyum"); found = time.perf_counter()
heavy_after = sorted(set({heavy!r}) & set(sys.modules))
import json, resource
print(json.dumps([imported - before, looked - imported, found - looked,
      resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, heavy, heavy_after]))
"""


def run_fresh(code: str) -> tuple[float, str]:
    """Run code in a new interpreter; return wall-clock milliseconds and its output."""
    begin = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    return 1000 * (time.perf_counter() - begin), process.stdout


def first_calls() -> None:
    """Print the times of the import and of the first calls."""
    bare = statistics.median(run_fresh("pass")[0] for _ in range(PROCESSES))
    imported = statistics.median(run_fresh("import foxgrape.places")[0] for _ in range(PROCESSES))
    runs = [json.loads(run_fresh(FIRST_CALLS.format(heavy=HEAVY))[1]) for _ in range(PROCESSES)]
    print(f"import, less a bare interpreter  {imported - bare:7.1f} ms (bare {bare:.1f})")
    for name, at in (
        ("import, inside", 0),
        ("first lookup", 1),
        ("first exact find after that", 2),
    ):
        print(f"{name:33}{1000 * statistics.median(run[at] for run in runs):7.1f} ms")
    print(f"peak memory of a process of both {max(run[3] for run in runs):7.1f} MB")
    print(f"heavy modules loaded: {runs[0][4]} by the import, {runs[0][5]} after both")


def calls() -> None:
    """Print calls per second."""
    names = [place.name for place in list(Gazetteer.default())[::60]]
    for name in names:
        find(name)
    for what, function, arguments in (
        ("lookup of an emoji", lookup, ["🍇", "🦊", "🍉", "🪑"] * 25_000),
        ("exact find", find, names * (20_000 // len(names) + 1)),
        ("inflected find", find, ["Лисичанськом", "Купянска"] * 500),
        ("misspelt find", find, ["Kramatrosk", "Лисчанськ"] * 25),
    ):
        begin = time.perf_counter()
        for argument in arguments:
            function(argument)
        print(f"{what:33}{len(arguments) / (time.perf_counter() - begin):9,.0f} calls/s")


def storage() -> None:
    """Compare the sorted tables with a SQLite file of the same index."""
    tables = {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}
    packed = sum(len(zlib.compress(data, 6)) for data in tables.values())
    print(f"sorted tables: {sum(map(len, tables.values())):9,} bytes, {packed:9,} deflated")
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "gazetteer.sqlite"
        base = sqlite3.connect(path)
        base.execute("create table places (number integer primary key, line text)")
        lines = tables["places.txt"].decode().splitlines()
        base.executemany("insert into places values (?, ?)", enumerate(lines))
        for name in ("names", "sounds"):
            base.execute(f"create table {name} (key text primary key, found text) without rowid")
            rows = [row.split("\t") for row in tables[f"{name}.txt"].decode().splitlines()]
            base.executemany(f"insert into {name} values (?, ?)", rows)  # noqa: S608
        base.commit()
        base.close()
        data = path.read_bytes()
        print(f"SQLite:        {len(data):9,} bytes, {len(zlib.compress(data, 6)):9,} deflated")
        begin = time.perf_counter()
        base = sqlite3.connect(path)
        query = "select found from names where key = ?"
        base.execute(query, ("ізюм",)).fetchone()
        print(f"  first answer {1000 * (time.perf_counter() - begin):.1f} ms, sqlite3 imported")
        begin = time.perf_counter()
        for _ in range(20_000):
            base.execute(query, ("ізюм",)).fetchone()
        print(f"  {20_000 / (time.perf_counter() - begin):,.0f} keys/s")
        base.close()
    begin = time.perf_counter()
    folder = Gazetteer.from_folder(FOLDER)
    folder.find("Ізюм")
    print(f"  sorted tables, first answer {1000 * (time.perf_counter() - begin):.1f} ms")
    index = folder._indexes[0]
    begin = time.perf_counter()
    for _ in range(20_000):
        index.by_name("ізюм")
    print(f"  {20_000 / (time.perf_counter() - begin):,.0f} keys/s")


def main() -> None:
    """Print all measurements."""
    first_calls()
    calls()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process      {peak:7.1f} MB")
    storage()


if __name__ == "__main__":
    main()
