"""Download posts and events from public APIs into files for `read_posts` and `read_events`.

Describe the query with `Mastodon`, `Bluesky`, `Acled` or `Ucdp`, and pass it to `download`, which
handles paging, retries and rate limits. Responses are written unchanged: one page per line, or one
status per line for Mastodon. Credentials are read from the environment or the keyring, and sent
only to the server for which they are valid.
"""

from __future__ import annotations

from foxgrape.io.download.download import Download, download
from foxgrape.io.download.http import RetryPolicy
from foxgrape.io.download.sources import Acled, Bluesky, Mastodon, Ucdp

__all__ = ["Acled", "Bluesky", "Download", "Mastodon", "RetryPolicy", "Ucdp", "download"]
