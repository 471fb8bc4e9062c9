"""Say in words why a message was not sent, without quoting what the server answered."""

from __future__ import annotations

import smtplib
import socket
import ssl

__all__ = ["describe_smtp_failure", "is_too_large"]

#: What an answer of a mail server means, by its code; others by their first digit.
_CODES = {
    421: "it is not available",
    450: "the mailbox is busy; it may accept the message later",
    451: "it failed; it may accept the message later",
    452: "it has no space left; it may accept the message later",
    530: "it requires user name and password, or encryption",
    534: "it requires another way to log in",
    535: "user name or password is wrong",
    550: "it does not accept mail from or to this address",
    552: "the message is too large",
    553: "an address is not allowed",
    554: "it rejected the message",
}
_DIGITS = {4: "it may accept the message later", 5: "it rejected the message"}
#: Codes of a message that is too large, or for which there is no space.
_TOO_LARGE = frozenset({452, 552})
_KINDS: tuple[tuple[type[Exception], str], ...] = (
    (smtplib.SMTPServerDisconnected, "the server closed the connection"),
    (smtplib.SMTPRecipientsRefused, "the server refused all recipients"),
    (smtplib.SMTPNotSupportedError, "the server does not support this security or login"),
    (ssl.SSLCertVerificationError, "the server's certificate is not valid for its host name"),
    (ssl.SSLError, "encryption failed; check port and security"),
    (TimeoutError, "the server did not answer in time"),
    (socket.gaierror, "the server's host name is unknown"),
    (ConnectionRefusedError, "the server refused the connection; check host and port"),
    (ConnectionError, "the connection was lost"),
    (UnicodeError, "an address has characters that mail does not allow"),
    (ValueError, "an address or a header is not valid"),
)


def describe_smtp_failure(error: Exception) -> str:
    """Return why a mail was not sent.

    Examples
    --------
    >>> describe_smtp_failure(smtplib.SMTPAuthenticationError(535, b"hunter2 was expected"))
    'the server answered 535: user name or password is wrong'
    >>> describe_smtp_failure(smtplib.SMTPServerDisconnected("Connection unexpectedly closed"))
    'the server closed the connection'
    """
    if isinstance(error, smtplib.SMTPResponseException):
        code = error.smtp_code
        meaning = _CODES.get(code) or _DIGITS.get(code // 100)
        return f"the server answered {code}" + (f": {meaning}" if meaning else "")
    for kind, words in _KINDS:
        if isinstance(error, kind):
            return words
    return f"sending failed ({type(error).__name__})"


def is_too_large(error: Exception) -> bool:
    """Return whether a server refused a mail because of its size.

    Examples
    --------
    >>> is_too_large(smtplib.SMTPDataError(552, b""))
    True
    """
    return isinstance(error, smtplib.SMTPResponseException) and error.smtp_code in _TOO_LARGE
