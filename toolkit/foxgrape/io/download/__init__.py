"""Public APIs as files: what to ask is a value, and `download` does the rest.

A source is one of four values: ``Mastodon(server, account)``, ``Bluesky(actor)``,
``Acled(country, since=..., until=...)``, ``Ucdp(version, country=...)``. It knows its first
request, how to read a page, and where the next one begins. ``download(source, out)`` asks, waits
as it is told to, and writes what the server said, lossless and undecoded: a page a line, for
Mastodon a status a line. `read_posts` and `read_events` read these files.

Credentials come from the environment or the keyring, and go nowhere but to their server.
"""

from __future__ import annotations

from foxgrape.io.download.conflict_data import Acled, Ucdp
from foxgrape.io.download.download import Download, download
from foxgrape.io.download.social_media import Bluesky, Mastodon

__all__ = ["Acled", "Bluesky", "Download", "Mastodon", "Ucdp", "download"]
