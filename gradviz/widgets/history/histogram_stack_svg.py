"""The static picture of `HistogramStack`: the distributions of one tensor over time, and one of them with its numbers.

frontend/src/views/histogram_stack.ts draws the same from the same data.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from gradviz.viz.measure import clip
from gradviz.viz.plot import SMALL, document, heat, image, label, path, short, ticks
from gradviz.viz.theme import THEMES
from gradviz.widgets.history.histogram_stack_bins import bands, bars, columns, domain, marks, outline, said

WIDE, TALL = 860, 442
RIDGE = (16.0, 64.0, 540.0, 312.0)  # x, y, width, height of the picture over time
SIDE = (600.0, 64.0, 244.0, 118.0)  # of the histogram of one iteration
PIXELS = 180  # of a row of colours
STILL = 32  # hills at most
OVERLAP = 5.0  # how many rows high the highest distribution is


def place_of(tensor: dict[str, Any], data: dict[str, Any], left: float, wide: float) -> Callable[[float], float]:
    """From a place of the axis to the picture."""
    low, high = domain(tensor, data)
    if data["scale"] == "log" and data["split"]:
        low = 2 * low - high
    return scale(low, high, left, wide)


def scale(low: float, high: float, left: float, wide: float) -> Callable[[float], float]:
    """From numbers between two ends to places."""
    return lambda x: left + (x - low) / (high - low) * wide


def axis_name(data: dict[str, Any]) -> str:
    """What the axis is of."""
    if data["scale"] == "linear":
        return "value"
    return "← negative · size of the value · positive →" if data["split"] else "size of the value"


def draw(data: dict[str, Any], theme: str = "light") -> str:
    """The whole picture as an SVG document."""
    ink = THEMES[theme]
    tensor = data["tensors"][data["tensor"]]
    now = max((k for k, step in enumerate(tensor["steps"]) if step <= data["at"]), default=0)
    name = f"{tensor['kind']}/{tensor['name']}" if tensor["kind"] else tensor["name"]
    count = len(data["tensors"])
    more = f" · 1 of {count} tensors" if count > 1 else ""
    drawn = _heat if data["mode"] == "heat" else _ridges
    picture = [drawn(tensor, data, now, theme), _frame(tensor, data, RIDGE, ink, 6)]
    out = [
        label(16, 26, clip(data["title"] + more, 540, 15), ink["ink"], 15, 'font-weight="600"'),
        label(16, 46, clip(name, 540, 13), ink["forward"], 13, 'font-weight="600"'),
        *(picture if data["mode"] == "heat" else reversed(picture)),  # colours cover what lies under them
        _shares(tensor, data, now, ink),
        label(
            RIDGE[0] + RIDGE[2] / 2,
            RIDGE[1] + RIDGE[3] + 34,
            axis_name(data),
            ink["ink"],
            SMALL,
            'text-anchor="middle"',
        ),
        label(SIDE[0], 26, f"iteration {tensor['steps'][now]}", ink["backward"], 13, 'font-weight="600"'),
        _own(tensor, data, now, ink),
        _numbers(tensor, data, now, ink),
    ]
    if data["note"]:
        out.append(label(16, TALL - 8, clip(data["note"], WIDE - 32, SMALL), ink["muted"]))
    title = f"{data['title']}: {name}, iteration {tensor['steps'][now]}"
    return document(out, WIDE, TALL, title, theme=theme)


def _frame(
    tensor: dict[str, Any],
    data: dict[str, Any],
    box: tuple[float, float, float, float],
    ink: dict[str, str],
    about: float,
) -> str:
    """The axis under a picture, and what float16 cannot hold, shaded."""
    left, top, wide, tall = box
    place, out = place_of(tensor, data, left, wide), []
    for x, y, words in bands(tensor, data):
        a, b = sorted(max(left, min(left + wide, place(v))) for v in (x, y))
        deep = ".16" if words != "subnormal" else ".07"
        out.append(
            f'<rect x="{short(a)}" y="{short(top)}" width="{short(b - a)}" height="{short(tall)}" '
            f'fill="{ink["bad"]}" fill-opacity="{deep}"/>'
        )
    out.append(f'<path d="M{short(left)} {short(top + tall)}h{short(wide)}" stroke="{ink["muted"]}"/>')
    for x, words in marks(tensor, data, about):
        at = short(place(x))
        out.append(f'<path d="M{at} {short(top + tall)}v4" stroke="{ink["muted"]}"/>')
        out.append(label(place(x), top + tall + 17, words, ink["muted"], 11, 'text-anchor="middle"'))
    return "".join(out)


def _shares(tensor: dict[str, Any], data: dict[str, Any], now: int, ink: dict[str, str]) -> str:
    """The word and the share of the marked row's values on each band of float16."""
    left, top, wide, _ = RIDGE
    place, out = place_of(tensor, data, left, wide), []
    told = dict(zip(data["facts"], tensor["facts"][now], strict=True))
    for x, y, words in bands(tensor, data)[:3]:
        middle = (place(x) + place(y)) / 2
        if data["split"] and words == "under":  # that of negative values is its neighbour
            middle = place(x)
        percent = f"{100 * told[words] / told['n']:.4g}%" if told["n"] else "–"
        anchor = "end" if words == "over" else "middle"
        at = left + wide - 2 if words == "over" else middle
        for k, text in enumerate((words, percent)):
            out.append(label(at, top + 13 + 13 * k, text, ink["bad"], 11, f'text-anchor="{anchor}"'))
    return "".join(out)


def _ridges(tensor: dict[str, Any], data: dict[str, Any], now: int, theme: str) -> str:
    """A hill for each row, the oldest at the back; the marked one in the colour of the mark."""
    ink, (left, top, wide, tall) = THEMES[theme], RIDGE
    rows = [outline(row) for row in columns(tensor, data)]
    place = place_of(tensor, data, left, wide)
    most = max((y for row in rows for _, y in row), default=1.0) or 1.0
    apart, high = heights(len(rows), tall, data["mode"])
    out = []
    step = max(1, math.ceil(len(rows) / STILL))
    for k, row in enumerate(rows):
        if k % step and k != len(rows) - 1:
            continue
        base, colour = top + tall - (len(rows) - 1 - k) * apart, shade(k, len(rows), theme)
        d = path((place(x), base - y / most * high) for x, y in row)
        if data["mode"] == "offset" and d:  # the line is not drawn along the ground: the path is left open
            look = f'fill="{colour}" fill-opacity=".85" stroke="{ink["card"]}" stroke-width=".9"'
            out.append(f'<path d="{d}" {look}/>')
        elif d:
            out.append(f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
    base = top + tall - (len(rows) - 1 - now) * apart
    d = path((place(x), base - y / most * high) for x, y in rows[now])
    out.append(f'<path d="{d}" fill="none" stroke="{ink["backward"]}" stroke-width="2.2"/>')
    if data["mode"] == "offset":
        every = max(1, math.ceil(len(rows) / 8))
        for k in sorted({*range(0, len(rows), every), len(rows) - 1}):
            if k != len(rows) - 1 and (len(rows) - 1 - k) * apart < 13:
                continue
            base = top + tall - (len(rows) - 1 - k) * apart
            out.append(label(left + wide + 6, base + 4, str(tensor["steps"][k]), ink["muted"], 11))
    return "".join(out)


def heights(count: int, tall: float, mode: str) -> tuple[float, float]:
    """How far apart the rows are, and how high the highest hill is."""
    if mode == "overlay" or count < 2:
        return 0.0, tall * 0.92
    apart = tall / (count - 1 + max(OVERLAP, count * 0.22))
    return apart, tall - apart * (count - 1)


def shade(k: int, count: int, theme: str) -> str:
    """The colour of a row: pale for the oldest, full for the newest."""
    ink = THEMES[theme]
    part = 0.25 + 0.75 * k / (count - 1) if count > 1 else 1.0
    a, b = ([int(ink[name][i : i + 2], 16) for i in (1, 3, 5)] for name in ("card", "forward"))
    return "#" + "".join(f"{round(x + (y - x) * part):02x}" for x, y in zip(a, b, strict=True))


def _heat(tensor: dict[str, Any], data: dict[str, Any], now: int, theme: str) -> str:
    """A row of colours for each distribution, the oldest on top; the colour goes with the root of the density."""
    import numpy as np

    ink, (left, top, wide, tall) = THEMES[theme], RIDGE
    rows = columns(tensor, data)
    place = place_of(tensor, data, 0.0, 1.0)
    middles = (np.arange(PIXELS) + 0.5) / PIXELS
    cells = np.zeros((len(rows), PIXELS))
    for k, row in enumerate(rows):
        for a, b, y in row:
            cells[k, (middles >= place(a)) & (middles < place(b))] = math.sqrt(y)
    pixels = heat(cells, float(cells.max()) or 1.0, theme=theme, scale="sequential")
    each = tall / len(rows)
    out = [image(pixels, left, top, wide, tall)]
    box = f'x="{short(left)}" y="{short(top + now * each)}" width="{short(wide)}" height="{short(each)}"'
    out.append(f'<rect {box} fill="none" stroke="{ink["backward"]}" stroke-width="2"/>')
    every = max(1, math.ceil(len(rows) / 10))
    beside, steps = left + wide + 6, tensor["steps"]
    named = range(0, len(rows), every)
    out += [label(beside, top + (k + 0.5) * each + 4, str(steps[k]), ink["muted"], 11) for k in named]
    return "".join(out)


def _own(tensor: dict[str, Any], data: dict[str, Any], now: int, ink: dict[str, str]) -> str:
    """The histogram of the marked iteration: in the logarithmic scale positive values up, negative ones down."""
    left, top, wide, tall = SIDE
    found = bars(tensor, data, now)
    if not found:
        return label(left, top + 20, "no finite value", ink["muted"])
    linear = data["scale"] == "linear"
    one = {**data, "split": False}
    if linear:
        low, high = min(a for a, *_ in found), max(b for _, b, *_ in found)
        place = scale(low, high, left, wide)
    else:
        place = place_of(tensor, one, left, wide)
    below = max((h for *_, h, s in found if s < 0), default=0.0) if not linear else 0.0
    above = max((h for *_, h, s in found if s > 0 or linear), default=0.0)
    zero = top + tall * above / ((above + below) or 1)
    out = [] if linear else [_frame(tensor, one, SIDE, ink, 4)]
    for a, b, h, sign in found:
        size = h / ((above + below) or 1) * tall
        x, y = place(a), zero - size if linear or sign > 0 else zero
        colour = ink["forward"] if sign > 0 else ink["backward"]
        wide_ = max(0.6, place(b) - x - 0.4)
        out.append(f'<rect x="{short(x)}" y="{short(y)}" width="{wide_:.2f}" height="{size:.2f}" fill="{colour}"/>')
    out.append(f'<path d="M{short(left)} {short(zero)}h{short(wide)}" stroke="{ink["muted"]}"/>')
    if linear:
        middle = 'text-anchor="middle"'
        out += [label(place(v), top + tall + 17, f"{v:g}", ink["muted"], 11, middle) for v in ticks(low, high, 4)]
    out.append(label(left, top - 8, "+ positive", ink["forward"], 11))
    out.append(label(left + 72, top - 8, "− negative", ink["backward"], 11))
    return "".join(out)


def _numbers(tensor: dict[str, Any], data: dict[str, Any], now: int, ink: dict[str, str]) -> str:
    left, top, wide, tall = SIDE
    down, out = top + tall + 42, []
    for words, number in said(tensor, data, now):
        out.append(label(left, down, words, ink["bad"] if words.startswith("⚠") else ink["muted"]))
        out.append(label(left + wide, down, number, ink["ink"], SMALL, 'text-anchor="end"'))
        down += 18
    return "".join(out)
