"""Download GeoNames' files of a country, for `foxgrape gazetteer build`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from foxgrape.errors import DownloadError
from foxgrape.io.datasets import Dataset, fetch_dataset

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from foxgrape.io.download.http import RetryPolicy

__all__ = ["GeonamesFiles", "fetch_geonames"]

_SERVER = "https://download.geonames.org/export/dump"


@dataclass(frozen=True, slots=True)
class GeonamesFiles:
    """Local copies of GeoNames' files, as `foxgrape.places.build.build_gazetteer` takes them."""

    dump: tuple[str, ...]
    alternate_names: tuple[str, ...]
    admin1: str
    admin2: str


def fetch_geonames(
    countries: Iterable[str],
    *,
    folder: str | Path | None = None,
    refresh: bool = False,
    server: str | None = None,
    policy: RetryPolicy | None = None,
) -> GeonamesFiles:
    """Download the dump and the alternate names of countries, and the names of divisions.

    GeoNames updates its files every day and publishes no checksums: the checksum of a file is
    stored beside it, and a later change causes a warning.

    Parameters
    ----------
    countries
        ISO 3166-1 alpha-2 codes.
    folder, refresh, policy
        As in `foxgrape.io.datasets.fetch`.
    server
        Address of the folder that has the files; by default GeoNames' own.

    Raises
    ------
    DownloadError
        If a code is invalid or a download fails.
    """
    codes = [code.upper() for code in countries]
    for code in codes:
        if not re.fullmatch("[A-Z]{2}", code):
            raise DownloadError(
                "a country must be an ISO 3166-1 alpha-2 code, such as IL", got=code
            )

    def local_copy(path: str) -> str:
        dataset = _dataset((server or _SERVER).rstrip("/"), path)
        return fetch_dataset(dataset, folder=folder, refresh=refresh, policy=policy).path

    return GeonamesFiles(
        dump=tuple(local_copy(f"{code}.zip") for code in codes),
        alternate_names=tuple(local_copy(f"alternatenames/{code}.zip") for code in codes),
        admin1=local_copy("admin1CodesASCII.txt"),
        admin2=local_copy("admin2Codes.txt"),
    )


def _dataset(server: str, path: str) -> Dataset:
    return Dataset(
        name=f"geonames-{path}",
        description="A file of GeoNames.",
        url=f"{server}/{path}",
        filename=f"geonames-{path.replace('/', '-')}",
        format="none",
        checksum="none: GeoNames updates its files every day",
        url_checked=False,
        url_note="",
        homepage="https://www.geonames.org",
        licence="CC BY 4.0",
        licence_url="https://creativecommons.org/licenses/by/4.0/",
        citation="GeoNames",
    )
