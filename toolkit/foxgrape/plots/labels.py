"""Text of others in plotly's labels, which obey a few HTML tags and entities."""

from __future__ import annotations

__all__ = ["escape_label"]

#: plotly.js knows only these entities by name. It would show `&quot;`, which `html.escape` writes,
#: as it is; quotes have no meaning between tags. Text between two dollars would be a formula.
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def escape_label(text: object) -> str:
    """Return text so that plotly displays it as it is in a label, title or hover.

    Examples
    --------
    >>> escape_label('the "Rex" & <b>')
    'the "Rex" &amp; &lt;b&gt;'
    """
    return str(text).translate(_ENTITIES)
