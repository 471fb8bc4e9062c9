"""Read API credentials from the environment or the keyring; never log or pickle them."""

from __future__ import annotations

import json
import os
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from foxgrape.errors import DownloadError
from foxgrape.io.download.http import Auth, describe_error

if TYPE_CHECKING:
    from foxgrape.io.download.http import HttpClient
    from foxgrape.io.download.sources import Source

__all__ = ["AcledLogin", "Secret", "UcdpToken", "auth_for", "find_secret"]

_SERVICE = "foxgrape"
_ACLED = ("FOXGRAPE_ACLED_USERNAME", "FOXGRAPE_ACLED_PASSWORD")
_UCDP = ("FOXGRAPE_UCDP_TOKEN",)
#: Seconds before its expiry at which a token is refreshed, so that it does not expire in transit.
_EARLY = 60.0
#: Assumed lifetime of a token in seconds, if the server does not state it.
_DEFAULT_LIFETIME = 86_400


class Secret:
    """A string that only `reveal` returns; its representation hides it.

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
        """Refuse to be pickled."""
        raise TypeError("a secret cannot be pickled")

    def reveal(self) -> str:
        """Return the secret string."""
        return self._value


def find_secret(name: str) -> Secret | None:
    """Return a secret from the environment, else from the keyring; None if neither has it.

    In the keyring, the service is ``foxgrape`` and the user name is derived from `name`:
    ``ucdp_token`` for ``FOXGRAPE_UCDP_TOKEN``.
    """
    value = os.environ.get(name) or _from_keyring(name.removeprefix("FOXGRAPE_").lower())
    return Secret(value.strip()) if value and value.strip() else None


def _from_keyring(key: str) -> str | None:
    import keyring
    from keyring.errors import KeyringError

    try:
        return keyring.get_password(_SERVICE, key)
    except (KeyringError, RuntimeError):
        return None  # no keyring, or a locked one


def auth_for(source: Source) -> Auth:
    """Return the credentials for a source; raise `DownloadError` if a secret is missing."""
    if source.name == "acled":
        return AcledLogin(*_require_secrets(source, _ACLED))
    if source.name == "ucdp":
        return UcdpToken(*_require_secrets(source, _UCDP))
    return Auth()


def _require_secrets(source: Source, variables: tuple[str, ...]) -> list[Secret]:
    secrets = [secret for secret in map(find_secret, variables) if secret is not None]
    if len(secrets) < len(variables):
        raise DownloadError.no_credentials(source.server.partition("://")[2], variables)
    return secrets


class UcdpToken(Auth):
    """UCDP's access token, sent in a header."""

    variables = _UCDP

    def __init__(self, token: Secret) -> None:
        _validate_header_value(token, *_UCDP)
        self._token = token

    def headers(self, client: HttpClient) -> dict[str, str]:  # noqa: ARG002
        """Return the header with the token."""
        return {"x-ucdp-access-token": self._token.reveal()}

    def secrets(self) -> list[str]:
        """Return the token."""
        return [self._token.reveal()]


class AcledLogin(Auth):
    """ACLED's OAuth login, which exchanges a password for an access and a refresh token."""

    variables = _ACLED

    def __init__(self, username: Secret, password: Secret) -> None:
        self._username, self._password = username, password
        self._access_token: Secret | None = None
        self._refresh_token: Secret | None = None
        self._expires_at = 0.0

    def headers(self, client: HttpClient) -> dict[str, str]:
        """Return the header with an access token; refresh the token if it expires soon."""
        if self._access_token is None or client.policy.now() >= self._expires_at - _EARLY:
            self.refresh(client)
        assert self._access_token is not None  # noqa: S101 - refresh raises otherwise
        return {"authorization": f"Bearer {self._access_token.reveal()}"}

    def refresh(self, client: HttpClient) -> bool:
        """Get a new access token with a valid refresh token, else with the password."""
        if self._refresh_token is not None:
            token, self._refresh_token = self._refresh_token.reveal(), None
            form = {"grant_type": "refresh_token", "refresh_token": token}
            if self._request_token(client, form) == HTTPStatus.OK:
                return True
        form = {
            "grant_type": "password",
            "scope": "authenticated",
            "username": self._username.reveal(),
            "password": self._password.reveal(),
        }
        status = self._request_token(client, form)
        if status != HTTPStatus.OK:
            raise DownloadError.refused(client.host, describe_error(status), self.variables)
        return True

    def _request_token(self, client: HttpClient, form: dict[str, str]) -> int:
        """Request tokens, store them, and return the status of the response."""
        response = client.post("/oauth/token", form | {"client_id": "acled"})
        if response.status != HTTPStatus.OK:
            return response.status
        tokens = _parse_tokens(response.body)
        if tokens is None:
            reason = "the login response has no access token"
            raise DownloadError.gave_up(client.host, reason, 1)
        self._access_token = Secret(tokens["access_token"])
        _validate_header_value(self._access_token, "the token from the login response")
        refresh = tokens.get("refresh_token")
        self._refresh_token = Secret(refresh) if isinstance(refresh, str) and refresh else None
        lifetime = tokens.get("expires_in")
        if not isinstance(lifetime, int | float):
            lifetime = _DEFAULT_LIFETIME
        self._expires_at = client.policy.now() + lifetime
        return response.status

    def secrets(self) -> list[str]:
        """Return user name, password and current tokens."""
        known = (self._username, self._password, self._access_token, self._refresh_token)
        return [secret.reveal() for secret in known if secret is not None]


def _parse_tokens(body: bytes) -> dict[str, Any] | None:
    try:
        tokens = json.loads(body)
    except (ValueError, RecursionError):
        return None
    valid = isinstance(tokens, dict) and isinstance(tokens.get("access_token"), str)
    return tokens if valid and tokens["access_token"] else None


def _validate_header_value(secret: Secret, name: str) -> None:
    """Raise an error if the secret is not a valid header value; httpx's error would quote it."""
    value = secret.reveal()
    if not value.isascii() or not value.isprintable() or " " in value:
        raise DownloadError.bad_credential(name)
