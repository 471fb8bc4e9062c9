"""Times as people and programs write them, converted to ISO 8601.

Only unambiguous notations are read. For ``10/09/2022``, the caller says whether the day or the
month comes first.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Literal

__all__ = ["MONTHS", "DateOrder", "day_and_month", "decide_order", "parse_unix", "to_iso"]

#: ``dmy`` for day, month, year; ``mdy`` for month, day, year.
DateOrder = Literal["dmy", "mdy"]

#: English month names; strptime would expect those of the machine's locale.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LONG_MONTHS = (
    "january february march april may june july august september october november december",
    "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня",
    "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
)
_MONTH_NUMBERS = {"sept": 9} | {
    name: number
    for names in (map(str.lower, MONTHS), *map(str.split, _LONG_MONTHS))
    for number, name in enumerate(names, start=1)
}
_WEEKDAYS = re.compile(
    r"(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur|sun)(?:day)?\.?,?\s+", re.IGNORECASE
)
#: Hours from UTC. Abbreviations that stand for several offsets, such as CST and IST, are left out.
_ZONES = {
    "Z": 0,
    "UTC": 0,
    "GMT": 0,
    "UT": 0,
    "EET": 2,
    "EEST": 3,
    "CET": 1,
    "CEST": 2,
    "MSK": 3,
    # As in RFC 2822, section 4.3.
    "EST": -5,
    "EDT": -4,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}

_CLOCK = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:\s*(?P<half>[AaPp])\.?[Mm]\.?)?"
    r"(?:\s*(?:UTC|GMT)?\s*(?P<offset>[+-]\d{1,2}(?::?\d\d)?)|\s*(?P<zone>[A-Za-z]{1,5}))?(?![\w:])"
)
_END_OF_DAY = re.compile(r"24:00(:00(\.0+)?)?")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)T?(\d\d)(\d\d)(\d\d)?(?P<rest>(?:\.\d+)?(?:Z|[+-].*)?)")
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})(?P<sign>[-/.])(?P<m>\d{1,2})(?P=sign)(?P<d>\d{1,2})")
_YEAR_LAST = re.compile(
    r"(?<!\d)(?P<a>\d{1,2})(?P<sign>[-/.])(?P<b>\d{1,2})(?P=sign)(?P<y>\d{4}|\d\d)(?!\d)"
)
_EIGHT_DIGITS = re.compile(r"(?P<y>\d{4})(?P<m>\d\d)(?P<d>\d\d)")
_DAY_NAMED = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th)?[\s-]+(?P<m>[^\W\d_]+)\.?,?[\s-]+(?P<y>\d{4}|\d\d)"
)
_NAMED_DAY = re.compile(r"(?P<m>[^\W\d_]+)\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})")
_WEEK = re.compile(r"(?P<y>\d{4})-?W(?P<w>\d\d)-?(?P<d>[1-7])")
_ORDINAL = re.compile(r"(?P<y>\d{4})-(?P<d>\d{3})")
_YEAR_WORD = re.compile(r"\s*(?:року|р|года|г)\.?$")
#: Two-digit years from this on belong to the 20th century, as in spreadsheets.
_FIRST_OF_CENTURY = 30
#: Numbers of days with which spreadsheets store dates from 1954 to 2064.
_SERIAL = re.compile(r"[2-5]\d{4}(?:[.,]\d+)?")
_NOON = 12
_MAX_MONTH = 12
_MAX_OFFSET = 14

#: Unix times are accepted from 2000 to 2100 only, so that their unit (s, ms or µs) is unambiguous.
_MIN_UNIX, _MAX_UNIX = 946_684_800, 4_102_444_800
_UNITS = {"seconds": 1, "milliseconds": 1_000, "microseconds": 1_000_000}
_UNIX = re.compile(r"(?P<number>[0-9]{9,17})(?:\.(?P<fraction>[0-9]*))?")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_unix(text: str) -> tuple[datetime, str] | None:
    """Return the instant of a Unix time, and its unit; None for other texts.

    The size of the number tells seconds, milliseconds and microseconds apart.

    Raises
    ------
    ValueError
        If the number is out of range, or may also be a date and an hour, such as 2022091012.

    Examples
    --------
    >>> parse_unix("1662812160.0")
    (datetime.datetime(2022, 9, 10, 12, 16, tzinfo=datetime.timezone.utc), 'seconds')
    """
    match = _UNIX.fullmatch(text)
    if match is None or (match["fraction"] is None and _is_compact(text)):
        return None
    number = int(match["number"])
    for unit, ticks in _UNITS.items():
        if _MIN_UNIX <= number / ticks < _MAX_UNIX:
            microseconds = number * (1_000_000 // ticks)
            if unit == "seconds":
                microseconds += int((match["fraction"] or "")[:6].ljust(6, "0"))
            return _EPOCH + timedelta(microseconds=microseconds), unit
    raise ValueError(
        "expected a Unix time between 2000 and 2100, in seconds, milliseconds or microseconds; "
        f"got {text}"
    )


def _is_compact(text: str) -> bool:
    """Return whether digits are a date and a time of day; raise ValueError if that is ambiguous."""
    stamp = len("2022091012")
    if len(text) not in {stamp, stamp + 2, stamp + 4} or not text.startswith(("19", "20")):
        return False
    try:
        datetime.strptime(text[:stamp], "%Y%m%d%H")  # noqa: DTZ007 - only checked
    except ValueError:
        return False
    if len(text) == stamp:
        raise ValueError(f"{text} may be a Unix time or a date and an hour; write it as ISO 8601")
    return True


def day_and_month(text: str) -> tuple[int, int] | None:
    """Return the first two numbers of a date such as ``10/09/2022``; None for other notations.

    Examples
    --------
    >>> day_and_month("13.09.2022 15:16"), day_and_month("2022-09-13")
    ((13, 9), None)
    """
    match = _YEAR_LAST.search(text)
    return (int(match["a"]), int(match["b"])) if match else None


def decide_order(first: int, second: int) -> DateOrder | None:
    """Return the order of dates by their largest first and second number.

    It is None if neither number, or each of them, can only be a day.

    Examples
    --------
    >>> decide_order(13, 9), decide_order(10, 9)
    ('dmy', None)
    """
    if (first > _MAX_MONTH) == (second > _MAX_MONTH):
        return None
    return "dmy" if first > _MAX_MONTH else "mdy"


def to_iso(text: str, order: DateOrder | None = None) -> str:
    """Return a written time in ISO 8601, as precise as it was.

    Parameters
    ----------
    text
        ISO 8601 in any form, RFC 2822, X's own ``Sat Sep 10 12:16:00 +0000 2022``, dates with named
        months in English, Ukrainian or Russian, or numeric dates; with a time of day or without, an
        offset or an unambiguous abbreviation such as UTC or EEST.
    order
        Order of numeric dates that end with the year.

    Raises
    ------
    ValueError
        If the text has another form, or is such a numeric date and `order` is None.

    Examples
    --------
    >>> to_iso("10.09.2022 15:16", "dmy")
    '2022-09-10T15:16'
    >>> to_iso("Sat, 10 Sep 2022 12:16:00 GMT")
    '2022-09-10T12:16:00+00:00'
    >>> to_iso("10 вересня 2022 р.")
    '2022-09-10'
    """
    text = " ".join(text.split())
    if _SERIAL.fullmatch(text):
        raise ValueError(
            f"{text} may be a spreadsheet's number for a day; format the column as a date there, "
            "and save the table again"
        )
    if compact := _COMPACT.fullmatch(text):
        year, month, day, hour, minute, second = compact.groups("00")[:6]
        text = f"{year}-{month}-{day} {hour}:{minute}:{second}{compact['rest']}"
    clock = _CLOCK.search(text)
    if clock is None:
        return _iso_day(text, order)
    day = f"{text[: clock.start()].removesuffix('T')} {text[clock.end() :]}"
    if not day.strip():
        raise ValueError(f"{text!r} has no day")
    iso_day, iso_clock = _iso_day(day, order), _iso_clock(clock)
    if _END_OF_DAY.fullmatch(iso_clock):
        # ISO 8601 lets a day end at 24:00, which Python reads only as 00:00 of the next day.
        iso_day = _add_days(date.fromisoformat(iso_day), 1).isoformat()
        iso_clock = iso_clock.replace("24", "00", 1)
    return f"{iso_day}T{iso_clock}{_iso_offset(clock)}"


def _iso_clock(clock: re.Match[str]) -> str:
    hour = int(clock["hour"])
    if clock["half"]:
        if not 1 <= hour <= _NOON:
            raise ValueError(f"not a time of a 12-hour clock: {clock[0]!r}")
        hour = hour % _NOON + (_NOON if clock["half"] in "Pp" else 0)
    text = f"{hour:02}:{clock['minute']}"
    if clock["second"]:
        text += f":{clock['second']}"
    # Instants are microseconds: further digits are cut off.
    return f"{text}.{clock['fraction'][:6]}" if clock["fraction"] else text


def _iso_offset(clock: re.Match[str]) -> str:
    if clock["zone"]:
        if clock["zone"].upper() not in _ZONES:
            raise ValueError(f"{clock['zone']!r} names no single offset; write it such as +03:00")
        return f"{_ZONES[clock['zone'].upper()]:+03}:00"
    if not clock["offset"]:
        return ""
    sign, digits = clock["offset"][0], clock["offset"][1:].replace(":", "")
    hours, minutes = (digits[:-2], digits[-2:]) if len(digits) > 2 else (digits, "00")  # noqa: PLR2004
    if int(hours) > _MAX_OFFSET:
        raise ValueError(f"an offset must be at most {_MAX_OFFSET} hours; got {clock['offset']}")
    return f"{sign}{hours:0>2}:{minutes}"


def _iso_day(text: str, order: DateOrder | None) -> str:
    text = _YEAR_WORD.sub("", _WEEKDAYS.sub("", text.strip(" ,"))).strip(" ,")
    if match := _YEAR_LAST.fullmatch(text):
        if order is None:
            raise ValueError(f"{text!r} does not say which number is the month")
        day, month = (match["a"], match["b"]) if order == "dmy" else (match["b"], match["a"])
        return _join(_century(match["y"]), int(month), int(day))
    if match := _YEAR_FIRST.fullmatch(text) or _EIGHT_DIGITS.fullmatch(text):
        return _join(match["y"], int(match["m"]), int(match["d"]))
    if match := _DAY_NAMED.fullmatch(text) or _NAMED_DAY.fullmatch(text):
        name = match["m"].lower()
        if name in _MONTH_NUMBERS:
            return _join(_century(match["y"]), _MONTH_NUMBERS[name], int(match["d"]))
    if match := _WEEK.fullmatch(text):
        return date.fromisocalendar(int(match["y"]), int(match["w"]), int(match["d"])).isoformat()
    if match := _ORDINAL.fullmatch(text):
        day = _add_days(date(int(match["y"]), 1, 1), int(match["d"]) - 1)
        if day.year != int(match["y"]):
            raise ValueError(f"{text!r} is no day of its year")
        return day.isoformat()
    return text  # perhaps a year or a month; the parser of ISO 8601 decides


def _add_days(day: date, number: int) -> date:
    try:
        return day + timedelta(days=number)
    except OverflowError as error:
        raise ValueError(f"the time is out of range: {number} day(s) after {day}") from error


def _century(year: str) -> str:
    if len(year) > 2:  # noqa: PLR2004
        return year
    return f"19{year}" if int(year) >= _FIRST_OF_CENTURY else f"20{year}"


def _join(year: str, month: int, day: int) -> str:
    return f"{year}-{month:02}-{day:02}"
