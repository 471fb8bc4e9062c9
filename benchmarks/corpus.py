"""Generated posts for benchmarks and tests: Ukrainian, Russian and English, a quarter with emoji.

Posts have about 120 characters. Those with emoji have one to five of all kinds: single code points,
skin tones, joined sequences, flags, keycaps and text style.
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
_MEAN_LENGTH, _STD_LENGTH, _EMOJI_SHARE, _MAX_EMOJI = 120, 35, 0.25, 5
#: Half of the emoji are drawn from these, the others from all emoji.
_COMMON = [*"🔥🙏❤💪😢🚀🍇🦊", "🇺🇦", "❤️", "👍🏻", "✅"]
_ACCOUNTS = 200
_START, _YEAR = np.datetime64("2022-01-01T00:00:00", "us"), 365 * 86_400_000_000


def texts(n: int, seed: int = 0) -> list[str]:
    """Return `n` texts, which depend only on the seed."""
    rng = np.random.default_rng(seed)
    words = [speech.split() for speech in _SPEECH]
    all_emoji = list(emoji.EMOJI_DATA)
    languages = rng.integers(len(words), size=n).tolist()
    lengths = np.clip(rng.normal(_MEAN_LENGTH, _STD_LENGTH, n), 8, None).tolist()
    counts = np.where(rng.random(n) < _EMOJI_SHARE, rng.integers(1, _MAX_EMOJI + 1, n), 0).tolist()
    draws = rng.integers(2**32, size=(n, 2 + _MAX_EMOJI)).tolist()
    result = []
    for language, length, count, draw in zip(languages, lengths, counts, draws, strict=True):
        source = words[language]
        text = ""
        at = draw[0]
        while len(text) < length - 4:
            at = (at + 7) % len(source)
            text += f"{source[at]} "
        text = text[:-1]
        for number in draw[2 : 2 + count]:
            choices = _COMMON if number & 64 else all_emoji
            character = choices[number % len(choices)]
            # Half of them at the end, the others anywhere.
            position = draw[1] % (len(text) + 1) if number & 128 else len(text)
            text = f"{text[:position]}{character}{text[position:]}"
        result.append(text)
    return result


def posts(n: int, seed: int = 0, *, first: int = 0) -> pd.DataFrame:
    """Return `n` posts of 200 accounts in one year, in order of time, with ids from `first`."""
    rng = np.random.default_rng([seed, first])
    times = _START + np.sort(rng.integers(_YEAR, size=n)).astype("timedelta64[us]")
    numbers = np.arange(first, first + n)
    return pd.DataFrame(
        {
            "post_id": pd.Series(numbers.astype(str), dtype="str").str.zfill(10),
            "account": pd.Series(rng.integers(_ACCOUNTS, size=n).astype(str), dtype="str"),
            "posted_at": pd.Series(times).dt.tz_localize("UTC"),
            "text": pd.Series(texts(n, seed + first), dtype="str"),
        }
    )
