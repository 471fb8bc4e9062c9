"""Who we are: secrets from the environment or the keyring, held in memory and shown nowhere."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from foxgrape.errors import DownloadError
from foxgrape.io.download.http import NoAuth, describe_error

if TYPE_CHECKING:
    from foxgrape.io.download.http import Auth, HttpClient
    from foxgrape.io.download.source import Source

__all__ = ["AcledLogin", "Secret", "UcdpToken", "auth_for", "find_secret"]

_SERVICE = "foxgrape"
_ACLED = ("FOXGRAPE_ACLED_USERNAME", "FOXGRAPE_ACLED_PASSWORD")
_UCDP = ("FOXGRAPE_UCDP_TOKEN",)
#: A token is renewed so many seconds before it ends, so that none ends on the way.
_EARLY = 60.0


class Secret:
    """A text that shows itself only to who asks for it by name.

    Examples
    --------
    >>> Secret("correct horse")
    Secret(...)
    >>> f"{Secret('correct horse')}"
    'Secret(...)'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> Any:
        """Refuse to be written anywhere."""
        raise TypeError("a secret is not stored")

    def reveal(self) -> str:
        """Return the text itself, to be sent and to be forgotten."""
        return self._value


def find_secret(name: str) -> Secret | None:
    """Return a secret from the environment, else from the keyring; None if neither has it.

    Parameters
    ----------
    name
        Of the variable: ``FOXGRAPE_UCDP_TOKEN``. In the keyring it stands in the service
        ``foxgrape`` under ``ucdp_token``.
    """
    value = os.environ.get(name) or _from_keyring(name.removeprefix("FOXGRAPE_").lower())
    return Secret(value.strip()) if value and value.strip() else None


def _from_keyring(key: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, key)
    except (KeyringError, RuntimeError):
        return None  # a machine without a keyring, or one that is locked


def auth_for(source: Source) -> Auth:
    """Return who we are to the server of a source.

    Raises
    ------
    DownloadError
        If it asks for a secret that is nowhere to be found.
    """
    if source.name == "acled":
        return AcledLogin(*_found(source, _ACLED))
    if source.name == "ucdp":
        return UcdpToken(*_found(source, _UCDP))
    return NoAuth()


def _found(source: Source, names: tuple[str, ...]) -> list[Secret]:
    found = [find_secret(name) for name in names]
    if None in found:
        raise DownloadError.no_credentials(source.server.partition("://")[2], names)
    return [secret for secret in found if secret is not None]


class UcdpToken:
    """The token that UCDP gives on request, in a header of its own."""

    names: tuple[str, ...] = _UCDP

    def __init__(self, token: Secret) -> None:
        _check(token, *_UCDP)
        self._token = token

    def headers(self, talk: HttpClient) -> dict[str, str]:  # noqa: ARG002
        """Return the header."""
        return {"x-ucdp-access-token": self._token.reveal()}

    def renew(self, talk: HttpClient) -> bool:  # noqa: ARG002
        """Have no other one."""
        return False

    def holds(self, body: bytes) -> bool:
        """Tell whether an answer repeats the token."""
        return self._token.reveal().encode() in body


class AcledLogin:
    """ACLED's OAuth: a password buys an access token for a day, and one to renew it with."""

    names: tuple[str, ...] = _ACLED

    def __init__(self, username: Secret, password: Secret) -> None:
        self._username, self._password = username, password
        self._access: Secret | None = None
        self._refresh: Secret | None = None
        self._until = 0.0

    def headers(self, talk: HttpClient) -> dict[str, str]:
        """Return the header, with a token that lasts a while yet."""
        if self._access is None or talk.manners.now() >= self._until - _EARLY:
            self.renew(talk)
        assert self._access is not None  # noqa: S101 - renew raises otherwise
        return {"authorization": f"Bearer {self._access.reveal()}"}

    def renew(self, talk: HttpClient) -> bool:
        """Renew the token, with the password where the old one cannot be renewed."""
        if self._refresh is not None:
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh.reveal()}
            self._refresh = None
            if self._get(talk, form) == HTTPStatus.OK:
                return True
        form = {
            "grant_type": "password",
            "scope": "authenticated",
            "username": self._username.reveal(),
            "password": self._password.reveal(),
        }
        status = self._get(talk, form)
        if status != HTTPStatus.OK:
            raise DownloadError.refused(talk.host, describe_error(status), self.names)
        return True

    def _get(self, talk: HttpClient, form: dict[str, str]) -> int:
        """Ask for a token; keep what came, and return the status."""
        answer = talk.post("/oauth/token", form | {"client_id": "acled"})
        if answer.status != HTTPStatus.OK:
            return answer.status
        told = _token(answer.body)
        if told is None:
            raise DownloadError.gave_up(talk.host, "its answer to the login holds no token", 1)
        self._access = Secret(told["access_token"])
        _check(self._access, "the token of the answer")
        refresh = told.get("refresh_token")
        self._refresh = Secret(refresh) if isinstance(refresh, str) and refresh else None
        lasts = told.get("expires_in")
        # Where it is not said how long it lasts, the server tells by refusing it.
        self._until = talk.manners.now() + (lasts if isinstance(lasts, int | float) else 86_400)
        return answer.status

    def holds(self, body: bytes) -> bool:
        """Tell whether an answer repeats a token; a password could be an ordinary word."""
        kept = [each for each in (self._access, self._refresh) if each is not None]
        return any(each.reveal().encode() in body for each in kept)


def _token(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    fit = isinstance(told, dict) and isinstance(told.get("access_token"), str)
    return told if fit and told["access_token"] else None


def _check(secret: Secret, name: str) -> None:
    """Refuse what no header can carry: the library's own error would quote it."""
    value = secret.reveal()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise DownloadError.bad_credential(name)
