"""Made posts for benchmarks and tests: mixed Cyrillic and Latin, a quarter of them with emoji.

About 120 characters a post, in Ukrainian, Russian and English; of the posts with emoji, each has
one to five, of all kinds: single ones, with skin tones, joined, flags, keycaps, text-style.
"""

from __future__ import annotations

import emoji
import numpy as np
import pandas as pd

__all__ = ["posts", "texts"]

_UKRAINIAN = (
    "Ворог обстріляв місто, пошкоджено будинки; рятувальники працюють на місці. Слава Україні! "
    "Дякую нашим воїнам за стійкість — тримаємо стрій, кожен день наближає перемогу. У п’ятницю "
    "провели нараду щодо відновлення, обговорили енергетику і безпеку області, об’єкти "
    "інфраструктури «під захистом»"
)
_RUSSIAN = (
    "Сегодня ночью продолжались обстрелы, разрушены дома и школа; пострадавших нет. Работают все "
    "службы, свет и вода будут к вечеру. Спасибо врачам, спасателям, энергетикам — всем, кто на "
    "своих местах. Новости скоро, следите за официальными каналами"
)
_ENGLISH = (
    "Last night our defenders held the line; emergency crews are working, 24/7. Thank you to "
    "everyone who helps. More details at https://example.org/news in the evening, don't believe "
    "rumours. Power will be restored by 18:00, schools stay closed on Monday"
)
_SPEECH = [_UKRAINIAN, _RUSSIAN, _ENGLISH]
_LENGTH, _SPREAD, _SHARE, _MOST = 120, 35, 0.25, 5
#: A few emoji make most of what is posted; the rest are all there are.
_COMMON = [*"🔥🙏❤💪😢🚀🍇🦊", "🇺🇦", "❤️", "👍🏻", "✅"]
_ACCOUNTS = 200
_START, _YEAR = np.datetime64("2022-01-01T00:00:00", "us"), 365 * 86_400_000_000


def texts(n: int, seed: int = 0) -> list[str]:
    """Return `n` texts, the same for the same seed."""
    rng = np.random.default_rng(seed)
    words = [speech.split() for speech in _SPEECH]
    signs = list(emoji.EMOJI_DATA)
    languages = rng.integers(len(words), size=n).tolist()
    lengths = np.clip(rng.normal(_LENGTH, _SPREAD, n), 8, None).tolist()
    counts = np.where(rng.random(n) < _SHARE, rng.integers(1, _MOST + 1, n), 0).tolist()
    draws = rng.integers(2**32, size=(n, 2 + _MOST)).tolist()
    made = []
    for language, length, count, draw in zip(languages, lengths, counts, draws, strict=True):
        source = words[language]
        text = ""
        at = draw[0]
        while len(text) < length - 4:
            at = (at + 7) % len(source)
            text += f"{source[at]} "
        text = text[:-1]
        for number in draw[2 : 2 + count]:
            kinds = _COMMON if number & 64 else signs
            sign = kinds[number % len(kinds)]
            # Half of them at the end, the others anywhere.
            where = draw[1] % (len(text) + 1) if number & 128 else len(text)
            text = f"{text[:where]}{sign}{text[where:]}"
        made.append(text)
    return made


def posts(n: int, seed: int = 0, *, first: int = 0) -> pd.DataFrame:
    """Return `n` posts of 200 accounts in a year, numbered from `first`, in the order of time."""
    rng = np.random.default_rng([seed, first])
    when = _START + np.sort(rng.integers(_YEAR, size=n)).astype("timedelta64[us]")
    numbers = np.arange(first, first + n)
    return pd.DataFrame(
        {
            "post_id": pd.Series(numbers.astype(str), dtype="str").str.zfill(10),
            "account": pd.Series(rng.integers(_ACCOUNTS, size=n).astype(str), dtype="str"),
            "posted_at": pd.Series(when).dt.tz_localize("UTC"),
            "text": pd.Series(texts(n, seed + first), dtype="str"),
        }
    )
