"""The static picture of `GradFlow`: a row for each layer, what is wrong in sentences, and the lines over time.

frontend/src/views/grad_flow.ts draws the same from the same data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from gradviz.viz.measure import clip, width
from gradviz.viz.plot import SMALL, Axis, Plot, document, label, path, short, span
from gradviz.viz.theme import THEMES
from gradviz.widgets.history.grad_flow_warnings import GLYPHS, KINDS

WIDE = 860
LEFT, RIGHT, GAP = 150, 18, 40  # the names; the margin; between two columns
ROW, LEAST, TALL = 22.0, 2.0, 560.0  # height of a row, the smallest, and of all rows
OVER_TIME = 210
SENTENCES = 5
LINES, POINTS = 60, 80  # over time: at most so many; of more layers or iterations every second, third, ...
COLUMNS = {"grad": ("gradient norm", 5), "ratio": ("update / weight", 4), "dead": ("dead units", 2)}
COLOURS = {"grad": "backward", "ratio": "group", "dead": "forward"}


def value(number: Any) -> float:
    """A number of the data: what JSON has no number for is text, and nothing is NaN."""
    return math.nan if number is None else float(number)


def rows_height(count: int) -> float:
    """How tall a row is, so that all of them fit."""
    return max(LEAST, min(ROW, TALL / count))


def axis(data: dict[str, Any], measure: str, tight: bool = False) -> Axis:
    """The axis of a measure, the same at every iteration: all that was measured and, unless `tight`, the limits."""
    if measure == "dead":
        return Axis(0, 1)
    limits = data["thresholds"]
    numbers = [value(v) for row in data["measures"].get(measure, []) for v in row]
    near = [] if tight else [limits["exploding"]] if measure == "grad" else [*data["band"]]
    low, high = span([*numbers, *near], log=True, room=0.02)
    if measure == "grad" and not tight and low < limits["vanishing"] * 1e3:
        low = min(low, limits["vanishing"] / 3)
    low, high = max(low, high * 1e-30), min(high, 1e300)
    return Axis(10.0 ** math.floor(math.log10(low)), 10.0 ** math.ceil(math.log10(high)), log=True)


def columns(data: dict[str, Any], wide: float = WIDE) -> dict[str, tuple[float, float]]:
    """Where each measured column begins and how wide it is."""
    there = [name for name in COLUMNS if name in data["measures"]]
    room = wide - LEFT - RIGHT - GAP * (len(there) - 1) - 24
    shares = sum(COLUMNS[name][1] for name in there)
    at, made = float(LEFT), {}
    for name in there:
        broad = room * COLUMNS[name][1] / shares
        made[name] = (at, broad)
        at += broad + GAP
    return made


def draw(data: dict[str, Any], warnings: Sequence[Any], theme: str = "light") -> str:
    """The whole picture as an SVG document."""
    ink = THEMES[theme]
    position = data["iterations"].index(data["at"])
    where = "" if data["single"] else f" · iteration {data['at']}"
    out = [label(16, 26, clip(data["title"] + where, WIDE - 32, 15), ink["ink"], 15, 'font-weight="600"')]
    top = 88.0
    row = rows_height(len(data["layers"]))
    floor = top + row * len(data["layers"])
    out.append(_names(data, top, row, ink))
    for name, (at, broad) in columns(data).items():
        out.append(_column(data, name, position, (at, top, broad, floor - top), row, theme))
    out.append(label(LEFT - 10, floor + 18, "↓ forward  ↑ gradient", ink["muted"], 11, 'text-anchor="end"'))
    said, down = _sentences(warnings, floor + 48, ink)
    out.append(said)
    if len(data["iterations"]) > 1:
        out.append(f'<g transform="translate(0 {short(down)})">{_over_time(data, theme)}</g>')
        down += OVER_TIME
    if data["note"]:
        out.append(label(16, down + 14, clip(data["note"], WIDE - 32, SMALL), ink["muted"]))
        down += 22
    title = f"{data['title']}{where}: {warnings[0].text if warnings else 'no warnings'}"
    return document(out, WIDE, down + 6, title, theme=theme)


def _names(data: dict[str, Any], top: float, row: float, ink: dict[str, str]) -> str:
    """The layers' names, as many as there is room for, and a stripe behind every second row."""
    every = math.ceil(13 / row)
    out = []
    for i, layer in enumerate(data["layers"]):
        y = top + row * i
        if row > 8 and i % 2:
            out.append(f'<rect x="8" y="{short(y)}" width="{WIDE - 16}" height="{short(row)}" fill="{ink["frame"]}"/>')
        if i % every == 0:
            name = clip(layer["name"], LEFT - 26, SMALL)
            more = 'text-anchor="end"'
            out.append(label(LEFT - 10, y + row / 2 + (4 if every == 1 else 8), name, ink["ink"], SMALL, more))
    return "".join(out)


def _column(
    data: dict[str, Any], name: str, position: int, box: tuple[float, float, float, float], row: float, theme: str
) -> str:
    """One measure of every layer: a bar with a dot at its number, on an axis with the limits drawn in."""
    ink, (left, top, broad, tall) = THEMES[theme], box
    side = axis(data, name)

    def place(v: float) -> float:
        return left + side.share(v) * broad

    out = [label(left, top - 34, COLUMNS[name][0], ink[COLOURS[name]], 13, 'font-weight="600"')]
    if name == "ratio":
        a, b = (place(v) for v in data["band"])
        out.append(
            f'<rect x="{short(a)}" y="{short(top)}" width="{short(b - a)}" height="{short(tall)}" '
            f'fill="{ink["leaf"]}" fill-opacity=".13"/>'
        )
        out.append(label((a + b) / 2, top + tall + 18, "usual", ink["leaf"], 11, 'text-anchor="middle"'))
    ticks = [0, 0.5, 1] if name == "dead" else side.ticks(broad / 62)
    for v in ticks:
        said = f"{100 * v:g}%" if name == "dead" else power(v)
        out.append(f'<path d="M{short(place(v))} {short(top - 4)}V{short(top + tall)}" stroke="{ink["line"]}"/>')
        out.append(label(place(v), top - 9, said, ink["muted"], 11, 'text-anchor="middle"'))
    for word, limit in limits_of(data, name):
        if side.low <= limit <= side.high:
            d = f"M{short(place(limit))} {short(top - 4)}V{short(top + tall + 4)}"
            out.append(f'<path d="{d}" stroke="{ink["bad"]}" stroke-dasharray="4 3" fill="none"/>')
            out.append(label(place(limit), top + tall + 18, word, ink["bad"], 11, 'text-anchor="middle"'))
    small = row <= 8
    runs: list[tuple[str, float, list[str]]] = []  # colour, top, bars: of small rows those of one colour are one shape
    bits = kinds_of(name)
    for i, number in enumerate(data["measures"][name][position]):
        y = top + row * (i + 0.5)
        v, marked = value(number), int(data["marks"][position][i], 16) & bits
        share = 0.0 if math.isnan(v) or v <= 0 else 1.0 if math.isinf(v) else max(0.0, min(1.0, side.share(v)))
        end = left + share * broad
        colour = ink["bad"] if marked else ink[COLOURS[name]]
        if not runs or not small or runs[-1][0] != colour:
            runs.append((colour, y - (row / 2 if small else 3), []))
        runs[-1][2].append(f"H{short(left if number is None else max(left + 1, end))}v{f'{row:.2f}' if small else '6'}")
        if small:
            continue
        if not math.isnan(v):
            out.append(f'<circle cx="{short(end)}" cy="{short(y)}" r="4" fill="{colour}"/>')
        said = "–" if number is None else f"{100 * v:.4g}%" if name == "dead" else f"{v:.4g}"
        glyph = "".join(GLYPHS[kind] for k, kind in enumerate(KINDS) if marked >> k & 1)
        said = f"{glyph} {said}" if glyph else said
        beside = end + 9 + width(said, 11) < left + broad + GAP - 8
        x, anchor = (end + 9, "start") if beside else (end - 9, "end")
        halo = f'paint-order="stroke" stroke="{ink["card"]}" stroke-width="3" stroke-linejoin="round"'
        out.append(label(x, y + 4, said, ink["bad"] if marked else ink["ink"], 11, f'text-anchor="{anchor}" {halo}'))
    out[:0] = [
        f'<path d="M{short(left)} {y:.2f}{"".join(bars)}H{short(left)}z" fill="{colour}" fill-opacity=".38"/>'
        for colour, y, bars in runs
    ]
    return "".join(out)


def power(value: float) -> str:
    """A power of ten as `1e-3`."""
    mantissa, exponent = f"{value:.0e}".split("e")
    return "1" if value == 1 else f"{mantissa}e{int(exponent)}"


def limits_of(data: dict[str, Any], measure: str) -> list[tuple[str, float]]:
    """The limits that are lines in a column, and the word for each."""
    names = {"grad": ("vanishing", "exploding"), "dead": ("dead",)}.get(measure, ())
    return [(name, data["thresholds"][name]) for name in names]


def kinds_of(measure: str) -> int:
    """Which bits of a mark are about a measure."""
    return {"grad": 0b0111, "dead": 0b1000}.get(measure, 0)


def _sentences(warnings: Sequence[Any], down: float, ink: dict[str, str]) -> tuple[str, float]:
    """What is wrong; the place under it."""
    if not warnings:
        return label(16, down, "✓ no warnings at this iteration", ink["leaf"], 13), down + 16
    out = []
    shown = warnings[:SENTENCES]
    for one in shown:
        text = clip(f"{GLYPHS[one.kind]} {one.text}", WIDE - 32, 13)
        out.append(label(16, down, text, ink["bad"], 13))
        down += 20
    if len(warnings) > len(shown):
        out.append(label(16, down, f"and {len(warnings) - len(shown)} more", ink["muted"], 13))
        down += 20
    return "".join(out), down - 4


def blend(part: float, theme: str) -> str:
    """The colour of a layer's line: from blue for the first layer to orange for the last."""
    ink = THEMES[theme]
    a, b = ([int(ink[name][i : i + 2], 16) for i in (1, 3, 5)] for name in ("forward", "backward"))
    return "#" + "".join(f"{round(x + (y - x) * part):02x}" for x, y in zip(a, b, strict=True))


def _over_time(data: dict[str, Any], theme: str) -> str:
    """The gradient norm of each layer over the iterations."""
    ink = THEMES[theme]
    steps = data["iterations"]
    rows = [[value(v) for v in row] for row in data["measures"].get("grad", [])]
    if not rows:
        return ""
    across, up = Axis(steps[0], steps[-1], name="iteration"), axis(data, "grad", tight=True)
    up = up._replace(name="gradient norm")
    plot = Plot(across, up, WIDE, OVER_TIME, left=66, right=110, top=16, bottom=40, theme=theme)
    lines = []
    broken = [k for k, marks in enumerate(data["marks"]) if any(int(mark, 16) & 1 for mark in marks)]
    for k in broken:
        if k < len(steps) - 1 or k == broken[0]:
            a, b = (plot.at(step, plot.y.high)[0] for step in (steps[k], steps[min(k + 1, len(steps) - 1)]))
            _, y, _, tall = plot.inner
            place = f'x="{short(a)}" y="{short(y)}" width="{short(max(1.0, b - a))}" height="{short(tall)}"'
            lines.append(f'<rect {place} fill="{ink["bad-soft"]}"/>')
    if broken:
        at = min(plot.at(steps[broken[0]], plot.y.high)[0] + 6, WIDE - 110 - 62)
        lines.append(label(at, 32, "not finite", ink["bad"]))
    for word, limit in limits_of(data, "grad"):
        if not up.low < limit < up.high:
            continue
        lines.append(plot.rule(y=limit, colour="bad"))
        lines.append(label(70, plot.at(steps[0], limit)[1] - 4, word, ink["bad"], 11))
    count = len(data["layers"])
    ends: list[tuple[float, str, str]] = []
    step = max(1, math.ceil(count / LINES))
    some = sorted({*range(0, len(steps), math.ceil(len(steps) / POINTS)), len(steps) - 1, steps.index(data["at"])})
    for i in sorted({*range(0, count, step), count - 1}):
        ys = [rows[k][i] for k in some]
        colour = blend(i / max(1, count - 1), theme)
        lines.append(_line(plot, [steps[k] for k in some], ys, colour))
        last = next((y for y in reversed(ys) if math.isfinite(y) and y > 0), None)
        if i in (0, count - 1) and last is not None:
            ends.append((plot.at(steps[-1], last)[1], data["layers"][i]["name"], colour))
    lines.append(plot.rule(x=data["at"], colour="ink"))
    names = []
    for k, (y, name, colour) in enumerate(ends):
        y = max(24.0, min(OVER_TIME - 46.0, y + 4))
        if k and abs(y - ends[0][0] - 4) < 14:
            y = ends[0][0] + (18 if y >= ends[0][0] + 4 else -10)
        names.append(label(WIDE - 104, y, clip(name, 98, SMALL), colour))
    return plot.axes() + plot.inside("".join(lines)) + "".join(names)


def _line(plot: Plot, xs: Iterable[float], ys: Iterable[float], colour: str) -> str:
    d = path(plot.at(x, y) for x, y in zip(xs, ys, strict=True))
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="1.6" stroke-opacity=".85"/>' if d else ""
