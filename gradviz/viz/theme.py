"""Colours, type and spacing of every picture, in one place: Python draws with them and the viewer's CSS repeats them.

Colour is the phase: blue carries values forward, orange carries gradients backward. Shape is the kind: a card is an
operation, a pill is a leaf, a small dashed pill repeats a leaf beside its user, a stacked card is a folded module.
Every ink on its own ground has a contrast of at least 4.5:1 (tests/viz/test_theme.py computes it).
"""

from __future__ import annotations

LIGHT: dict[str, str] = {
    "ground": "#f8fafc",
    "card": "#ffffff",
    "ink": "#172033",
    "muted": "#556074",
    "line": "#cbd3df",
    "edge": "#8592a6",
    "forward": "#1d5fc4",
    "forward-soft": "#e9f1fd",
    "backward": "#b04708",
    "backward-soft": "#fdf0e4",
    "leaf": "#0b6b60",
    "leaf-soft": "#e7f6f3",
    "group": "#5b3da8",
    "group-soft": "#f3effc",
    "bad": "#b3123e",
    "bad-soft": "#fdebf0",
    "frame": "#eef2f7",
    "shade": "#dfe5ee",
}
DARK: dict[str, str] = {
    "ground": "#12161f",
    "card": "#1c2230",
    "ink": "#e8edf6",
    "muted": "#a3aec1",
    "line": "#3a4559",
    "edge": "#77859d",
    "forward": "#7fb2ff",
    "forward-soft": "#1a2c4a",
    "backward": "#ffab6b",
    "backward-soft": "#402819",
    "leaf": "#5fd3c0",
    "leaf-soft": "#15332f",
    "group": "#bda6ff",
    "group-soft": "#2a2347",
    "bad": "#ff8fab",
    "bad-soft": "#451a27",
    "frame": "#171d29",
    "shade": "#0c0f16",
}
THEMES = {"light": LIGHT, "dark": DARK}

# Lines and bars of several things in one picture; from the seventh on they are told apart by their dashes.
SERIES = {
    "light": ("#1d5fc4", "#b04708", "#0b6b60", "#5b3da8", "#a31562", "#5c6b00"),
    "dark": ("#7fb2ff", "#ffab6b", "#5fd3c0", "#bda6ff", "#ff8ac4", "#cbd65a"),
}
DASHES = ("", "7 4", "2 3", "9 3 2 3")

# (ink, ground) pairs that carry text
TEXT_PAIRS = [
    ("ink", "card"), ("ink", "ground"), ("ink", "leaf-soft"), ("ink", "group-soft"), ("ink", "frame"),
    ("muted", "card"), ("muted", "ground"), ("muted", "leaf-soft"), ("muted", "group-soft"), ("muted", "frame"),
    ("forward", "card"), ("forward", "forward-soft"), ("forward", "ground"),
    ("backward", "card"), ("backward", "backward-soft"), ("backward", "ground"), ("backward", "frame"),
    ("leaf", "leaf-soft"), ("leaf", "ground"), ("group", "group-soft"), ("group", "ground"),
    ("bad", "bad-soft"), ("bad", "card"),
]  # fmt: skip

SANS = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"

# pixels; the viewer positions its text by the same numbers
SIZES: dict[str, float] = {
    "title": 13,  # type sizes
    "number": 11.5,
    "small": 11,
    "title_y": 18,  # baseline of the title under the top of a card
    "head": 27,  # height of the title row
    "row": 19,  # height of a value or gradient row
    "row_base": 12,  # baseline inside such a row
    "foot": 5,  # room under the last row
    "side": 11,  # room left and right of text
    "least": 92,  # widths of a card
    "most": 232,
    "several": 104,  # width of the texts in a row that counts messages: "3/8" and a number
    "portal": 24,  # height of a repeated leaf
    "round": 9,
    "pill": 14,
}


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb` in [0, 1] (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(ink: str, ground: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2)."""
    bright, dim = sorted([luminance(ink), luminance(ground)], reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def css_variables(theme: str = "light") -> str:
    """The palette as CSS custom properties: `--gv-ink:#172033;...`."""
    return "".join(f"--gv-{name}:{value};" for name, value in THEMES[theme].items())
