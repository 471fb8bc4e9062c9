"""Public data sets, by name: fetched once, checked each time, with licence and citation.

Where the registry has a file's checksum, a file that differs is not kept. Where a publisher
rewrites a file there can be none: then the checksum of what came is noted beside it, and a later
file that differs is told of.
"""

from __future__ import annotations

import tomllib
import warnings
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from foxgrape._util.files import write_atomic
from foxgrape.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np
    import pandas as pd

__all__ = ["Dataset", "DatasetFile", "data_folder", "fetch", "list_datasets"]

_REGISTRY = files("foxgrape") / "resources" / "datasets.toml"
_ENV = "FOXGRAPE_DATA"
#: Files are larger than pages of an API, and may take longer.
_MAX_FILE = 2**32
_LONGEST = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Dataset:
    """An entry of the registry.

    Attributes
    ----------
    name
        As `fetch` takes it.
    what
        What is in it, and what to mind.
    url, file
        Where it comes from, and what it is called here.
    format
        What `read_events` calls it; ``"none"`` where no reader is promised.
    checksum
        ``"sha256:…"``, or ``"none: why"``.
    checked, known
        Whether the address was seen to give the file, and what is known of it.
    home, licence, licence_url, citation
        The publisher's.
    """

    name: str
    what: str
    url: str
    file: str
    format: str
    checksum: str
    checked: bool
    known: str
    home: str
    licence: str
    licence_url: str
    citation: str

    @property
    def sha256(self) -> str | None:
        """Return the checksum, None where there is none."""
        kind, _, value = self.checksum.partition(":")
        return value if kind == "sha256" else None

    @property
    def attribution(self) -> str:
        """Say what to name where the data are used."""
        return f"{self.citation}. {self.home}. {self.licence} ({self.licence_url})."

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A data set that is here.

    Attributes
    ----------
    path
        The file.
    sha256
        Its checksum.
    changed_from
        What it was before, where there is no checksum to hold on to and it is another one now.
    data_set
        The entry of the registry.
    """

    path: str
    sha256: str
    changed_from: str | None
    data_set: Dataset

    def sentence(self) -> str:
        """Say where it is, and what to name."""
        return f"{self.path}\n{self.data_set.attribution}"

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return it as one row."""
        import pandas as pd

        told = self.to_dict()
        return pd.DataFrame([told.pop("data_set") | told])


def list_datasets() -> dict[str, Dataset]:
    """Return what the registry knows, by name.

    Returns
    -------
    dict of str to DataSet

    Examples
    --------
    >>> data_sets()["ucdp-ged"].licence
    'CC BY 4.0'
    """
    told = tomllib.loads(_REGISTRY.read_text(encoding="utf-8"))
    return {
        name: Dataset(name=name, **each, **told["publishers"][publisher])
        for name, entry in told["sets"].items()
        for each in [dict(entry)]
        for publisher in [each.pop("publisher")]
    }


def data_folder(folder: str | Path | None = None) -> Path:
    """Return where data sets are kept.

    Parameters
    ----------
    folder
        Instead of ``FOXGRAPE_DATA``, and of the user's cache folder where that is not set.

    Returns
    -------
    Path

    Examples
    --------
    >>> data_folder("data").name
    'data'
    """
    import pooch  # type: ignore[import-untyped]

    if folder is not None:
        return Path(folder)
    return Path(pooch.utils.cache_location(pooch.os_cache("foxgrape"), env=_ENV))


def fetch(
    name: str,
    *,
    folder: str | Path | None = None,
    refresh: bool = False,
    tries: int = 6,
    timeout: float = 30,
    rng: np.random.Generator | int | None = None,
    sleep: Callable[[float], object] | None = None,
) -> DatasetFile:
    """Return a public data set's file, downloading it if it is not here.

    Parameters
    ----------
    name
        In the registry; `data_sets` lists them.
    folder
        Where to keep it; see `data_folder`.
    refresh
        Download it again where there is no checksum. A file that has one never changes.
    tries
        How often to ask before giving up.
    timeout
        Seconds without a byte after which an attempt has failed.
    rng
        Draws the jitter of the waits: a generator or a seed.
    sleep
        Instead of waiting; for tests.

    Returns
    -------
    Fetched

    Raises
    ------
    DownloadError
        If there is no such set, it cannot be fetched, or it is not the file that was meant.
        Nothing half-written is left.

    Warns
    -----
    UserWarning
        If a file without a checksum is another one than before.

    Examples
    --------
    >>> fetch("ucdp")
    Traceback (most recent call last):
    foxgrape.errors.DownloadError: unknown data set; got 'ucdp'. Hint: did you mean 'ucdp-ged'?
    """
    known = list_datasets()
    if name not in known:
        raise DownloadError.unknown_dataset(name, known)
    chosen = known[name]
    load = _loader(tries, timeout, rng, sleep)
    target = data_folder(folder) / chosen.file
    try:
        if chosen.sha256 is not None:
            _retrieve(chosen, target, load)
            return DatasetFile(str(target), chosen.sha256, None, chosen)
        return _unpinned(chosen, target, load, refresh=refresh)
    except OSError as error:
        raise DownloadError.unwritable(target, error.strerror or "no permission") from None


def _unpinned(
    chosen: Dataset, target: Path, load: Callable[..., None], *, refresh: bool
) -> DatasetFile:
    """Fetch a file that has no checksum; note the one it has, and tell where it changed."""
    import pooch

    was_here, note = target.exists(), target.with_name(f"{target.name}.sha256")
    if refresh or not was_here:
        fresh = target.with_name(f"{target.name}.new")
        fresh.unlink(missing_ok=True)
        _retrieve(chosen, fresh, load)
        fresh.replace(target)
    got = pooch.file_hash(str(target))
    before = note.read_text(encoding="utf-8").split(" ")[0] if note.exists() else None
    changed = before if before not in {None, got} else None
    if changed is not None:
        who = "the publisher changed it" if refresh or not was_here else "it was changed here"
        warnings.warn(
            f"{target}: not the file of before, {who}: SHA-256 was {changed} and is {got}",
            stacklevel=3,
        )
    if before != got:
        # As sha256sum writes it, which can check it too.
        write_atomic(note, f"{got}  {target.name}\n")
    return DatasetFile(str(target), got, changed, chosen)


def _retrieve(chosen: Dataset, target: Path, load: Callable[..., None]) -> None:
    """Have pooch fetch a file to where it shall be, unless it is there and right."""
    import pooch

    keeper = pooch.create(
        path=target.parent,
        base_url="",
        registry={target.name: chosen.sha256},
        urls={target.name: chosen.url},
    )
    seen: list[str] = []

    def load_and_look(url: str, file: str, keeper: object) -> None:
        load(url, file, keeper)
        seen.append(pooch.file_hash(file))

    try:
        with _quiet():
            keeper.fetch(target.name, downloader=load_and_look)
    except ValueError:  # how pooch says that the checksum is another one
        got = seen[-1] if seen else "nothing"
        raise DownloadError.wrong_hash(chosen.name, str(chosen.sha256), got) from None


def _loader(
    tries: int,
    timeout: float,
    rng: np.random.Generator | int | None,
    sleep: Callable[[float], object] | None,
) -> Callable[..., None]:
    """Return what pooch calls to download: HTTPS only, asked again where it fails."""
    import numpy as np

    from foxgrape.io.download.http import HttpClient, RetryPolicy

    manners = RetryPolicy(
        np.random.default_rng(rng), tries, timeout, max_body=_MAX_FILE, longest=_LONGEST
    )
    manners = replace(manners, sleep=sleep or manners.sleep)

    def load(url: str, file: str | IO[bytes], _keeper: object) -> None:
        parts = urlsplit(url)
        with (
            HttpClient(f"{parts.scheme}://{parts.netloc}", manners, follow=True) as talk,
            Path(str(file)).open("w+b") as sink,
        ):
            talk.get(parts.path, {}, sink)

    return load


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pooch from writing to stderr, where lines are errors."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        yield
    finally:
        logger.setLevel(level)
