"""Text without fonts: how wide it is by a fixed table, how it is clipped, and how hostile names become plain text.

Fonts differ between machines, and a picture must not. The table holds the widths of a common sans serif in 1/1000 em,
rounded up a little, so that text fits whichever face the reader's system picks.
"""

from __future__ import annotations

import unicodedata

_SANS_GROUPS = {
    230: "ijl'|",
    300: "!,.:;I`ft[]()/\\ r",
    360: '-"*{}°·',
    420: "^",
    540: "Jcksvxyz",
    590: "0123456789abdeghnopqu?_$#L",
    620: "+<=>~FT",
    680: "AEKPSVXYZBRCDHNU&",
    760: "GOQw",
    880: "mMW%@",
}
SANS = {char: width for width, chars in _SANS_GROUPS.items() for char in chars}
MONO = 615
OTHER = 640
WIDE = 1050

_BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_SPACES = {0x09: " ", 0x0A: " ", 0x0D: " ", 0x85: " ", 0x2028: " ", 0x2029: " "}


def clean(text: object) -> str:
    """One visible line of text: no control characters, no direction marks, no half characters."""
    raw = str(text)
    if raw.isascii() and raw.isprintable():
        return raw
    out = []
    for char in raw:
        code = ord(char)
        if code in _SPACES:
            out.append(_SPACES[code])
        elif code in _BIDI or code < 32 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 or code & 0xFFFE == 0xFFFE:
            out.append("\ufffd")
        else:
            out.append(char)
    return "".join(out)


def _char(char: str) -> int:
    known = SANS.get(char)
    if known is not None:
        return known
    if unicodedata.combining(char):
        return 0
    return WIDE if unicodedata.east_asian_width(char) in "WF" else OTHER


def width(text: str, size: float, mono: bool = False) -> float:
    """Pixels that `text` takes at a type size."""
    if mono:
        wide = 0 if text.isascii() else sum(unicodedata.east_asian_width(c) in "WF" for c in text)
        return (len(text) + wide) * MONO * size / 1000
    return sum([_char(c) for c in text]) * size / 1000


def clip(text: str, room: float, size: float, mono: bool = False) -> str:
    """`text`, or as much of it as fits in `room` pixels with an ellipsis."""
    if len(text) < 400 and width(text, size, mono) <= room:
        return text
    left = room - width("…", size, mono)
    kept = []
    for char in text:
        left -= width(char, size, mono)
        if left < 0:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def escape(text: str) -> str:
    """Text for XML and HTML, inside an element or a quoted attribute."""
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )
