"""Public data sets by name: downloaded once, verified on each use, with licence and citation.

A file that does not match the registry's checksum is not kept. Files that their publisher updates
in place have no checksum in the registry; their checksum is stored next to them after the first
download, and a change causes a warning.
"""

from __future__ import annotations

import tomllib
import warnings
from dataclasses import asdict, dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from foxgrape._util.files import file_sha256, write_atomic
from foxgrape.errors import DownloadError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from foxgrape.io.download.http import RetryPolicy

__all__ = ["Dataset", "DatasetFile", "data_folder", "fetch", "fetch_dataset", "list_datasets"]

_REGISTRY = files("foxgrape") / "resources" / "datasets.toml"
_ENV = "FOXGRAPE_DATA"
#: Limits per file in bytes and seconds; data sets are larger than API pages and take longer.
_MAX_SIZE = 2**32
_MAX_DURATION = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set in the registry.

    Attributes
    ----------
    name
        Name to pass to `fetch`.
    description
        Content and limitations.
    url, filename
        Where the file is downloaded from, and its name in the data folder.
    format
        Format to pass to `read_events`; ``"none"`` if reading the file is not supported.
    checksum
        ``"sha256:…"``, or ``"none: reason"``.
    url_checked, url_note
        Whether `url` has been tested and returned the file, and a note about `url`.
    homepage, licence, licence_url, citation
        The publisher's home page, its licence, and how to cite it.
    """

    name: str
    description: str
    url: str
    filename: str
    format: str
    checksum: str
    url_checked: bool
    url_note: str
    homepage: str
    licence: str
    licence_url: str
    citation: str

    @property
    def sha256(self) -> str | None:
        """Registered SHA-256 of the file; None if the registry has none."""
        algorithm, _, value = self.checksum.partition(":")
        return value if algorithm == "sha256" else None

    @property
    def attribution(self) -> str:
        """Text to publish with the data."""
        return f"{self.citation}. {self.homepage}. {self.licence} ({self.licence_url})."

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A local copy of a data set.

    Attributes
    ----------
    path
        Path of the file.
    sha256
        SHA-256 of the file.
    previous_sha256
        Previous SHA-256, if the file has changed and the registry has no checksum; else None.
    dataset
        The data set's entry in the registry.
    """

    path: str
    sha256: str
    previous_sha256: str | None
    dataset: Dataset

    def sentence(self) -> str:
        """Return the path and the attribution."""
        return f"{self.path}\n{self.dataset.attribution}"

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)

    def to_frame(self) -> pd.DataFrame:
        """Return the fields, and those of `dataset`, as a table with one row."""
        import pandas as pd

        row = self.to_dict()
        return pd.DataFrame([row.pop("dataset") | row])


def list_datasets() -> dict[str, Dataset]:
    """Return the registered data sets by name.

    Returns
    -------
    dict of str to Dataset

    Examples
    --------
    >>> list_datasets()["ucdp-ged"].licence
    'CC BY 4.0'
    """
    registry = tomllib.loads(_REGISTRY.read_text(encoding="utf-8"))
    datasets = {}
    for name, entry in registry["sets"].items():
        publisher = registry["publishers"][entry.pop("publisher")]
        datasets[name] = Dataset(name=name, **entry, **publisher)
    return datasets


def data_folder(folder: str | Path | None = None) -> Path:
    """Return the folder that data sets are stored in.

    Parameters
    ----------
    folder
        By default the environment variable ``FOXGRAPE_DATA``, else the user's cache folder.

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
    policy: RetryPolicy | None = None,
) -> DatasetFile:
    """Return the local file of a public data set; download it if necessary.

    Parameters
    ----------
    name
        See `list_datasets`.
    folder
        See `data_folder`.
    refresh
        Download the file again. This has no effect on files with a registered checksum, since they
        never change.
    policy
        Retries and timeout; its limits on size and duration are replaced by 4 GiB and 6 hours.

    Returns
    -------
    DatasetFile

    Raises
    ------
    DownloadError
        If the name is unknown, the download fails, or the checksum does not match. No partial
        file is left behind.

    Warns
    -----
    UserWarning
        If a file without a registered checksum has changed.

    Examples
    --------
    >>> fetch("ucdp")
    Traceback (most recent call last):
    foxgrape.errors.DownloadError: unknown data set; got 'ucdp'. Hint: did you mean 'ucdp-ged'?
    """
    known = list_datasets()
    if name not in known:
        raise DownloadError.unknown_dataset(name, known)
    return fetch_dataset(known[name], folder=folder, refresh=refresh, policy=policy)


def fetch_dataset(
    dataset: Dataset,
    *,
    folder: str | Path | None = None,
    refresh: bool = False,
    policy: RetryPolicy | None = None,
) -> DatasetFile:
    """Return the local file of a data set, which need not be registered; see `fetch`."""
    downloader = _downloader(policy)
    target = data_folder(folder) / dataset.filename
    try:
        if dataset.sha256 is not None:
            if not target.is_file() or file_sha256(target) != dataset.sha256:
                _retrieve(dataset, target, downloader)
            return DatasetFile(str(target), dataset.sha256, None, dataset)
        return _fetch_unregistered(dataset, target, downloader, refresh=refresh)
    except OSError as error:
        raise DownloadError.unwritable(target, error.strerror or "no permission") from None


def _fetch_unregistered(
    dataset: Dataset, target: Path, downloader: Callable[[str, Path], None], *, refresh: bool
) -> DatasetFile:
    """Fetch a file without a registered checksum; store its checksum and warn if it has changed."""
    download = refresh or not target.exists()
    if download:
        _retrieve(dataset, target, downloader)
    checksum_file = target.with_name(f"{target.name}.sha256")
    current = file_sha256(target)
    stored = (
        checksum_file.read_text(encoding="utf-8").split(" ")[0] if checksum_file.exists() else None
    )
    previous = stored if stored not in {None, current} else None
    if previous is not None:
        where = "by its publisher" if download else "on this computer"
        warnings.warn(
            f"{target}: the file was changed {where}; SHA-256 was {previous} and is {current}",
            stacklevel=4,
        )
    if stored != current:
        # In the output format of sha256sum, so that `sha256sum --check` can verify the file.
        write_atomic(checksum_file, f"{current}  {target.name}\n")
    return DatasetFile(str(target), current, previous, dataset)


def _retrieve(dataset: Dataset, target: Path, downloader: Callable[[str, Path], None]) -> None:
    """Download a file; raise `DownloadError` and keep the earlier file if its checksum is wrong."""
    # Not by `pooch.retrieve`: the name of its temporary file does not tell whose it is, so that
    # none could be deleted after a kill; it does not flush files to disk; and its own downloaders
    # limit neither size nor duration, which the client of `foxgrape fetch` does.

    def download_and_verify(part: Path) -> None:
        downloader(dataset.url, part)
        if dataset.sha256 is not None and (actual := file_sha256(part)) != dataset.sha256:
            raise DownloadError.wrong_hash(dataset.name, dataset.sha256, actual)

    write_atomic(target, download_and_verify)


def _downloader(policy: RetryPolicy | None) -> Callable[[str, Path], None]:
    """Return a function that downloads a URL to a file, over HTTPS only, with retries."""
    from foxgrape.io.download.http import HttpClient, RetryPolicy

    limits = replace(policy or RetryPolicy(), max_size=_MAX_SIZE, max_duration=_MAX_DURATION)

    def download(url: str, file: Path) -> None:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        with (
            HttpClient(origin, limits, follow_redirects=True) as client,
            file.open("w+b") as sink,
        ):
            client.get(parts.path, {}, sink)

    return download
