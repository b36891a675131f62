"""The parts of `TensorInspector`'s static picture: a grid of cells, its colours, glyphs and scale, and a histogram."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradviz.viz.measure import clean, escape, width
from gradviz.viz.numbers import number
from gradviz.viz.plot import heat, image, short
from gradviz.viz.theme import LIGHT, SERIES, luminance
from gradviz.widgets.tensors.tensor_text import value

FINEST = 56  # cells of an image, down and across
SQUARES = 220  # cells that are drawn one by one
NUMBERS = 120  # cells that are labelled with their numbers
CLASS_COLOURS = [*SERIES["light"], "#8fb5ee", "#f0a877", "#74c4b9", "#b6a3e8", "#e08bbb", "#b9c65a"]
MARKED = 60  # glyphs of numbers that are not finite


def write(words: str, x: float, y: float, ink: str, size: float, *, weight: int = 0, anchor: str = "") -> str:
    """A line of text; `ink` is a colour of the theme by name, or any other."""
    more = f' font-weight="{weight}"' if weight else ""
    more += f' text-anchor="{anchor}"' if anchor else ""
    colour = LIGHT.get(ink, ink)
    return (
        f'<text x="{short(x)}" y="{short(y)}" font-size="{size:g}" fill="{colour}"{more}>{escape(clean(words))}</text>'
    )


def grid(
    cells: Any, face: dict[str, Any], x: float, y: float, wide: float, tall: float, tensor: dict[str, Any]
) -> tuple[list[str], float]:
    """The cells in their colours; with their numbers where they are few. Returns the height too."""
    rows, columns = cells.shape[:2]
    if not cells.size:
        return [write("no elements", x, y + 16, "muted", 12)], 28
    if not tensor["shape"]:
        return [write(value(face["min"]) if face["min"] is not None else str(cells[0, 0]), x, y + 40, "ink", 34)], 56
    if cells.ndim == 3:  # pixels
        scale = min(wide / columns, tall / rows)
        return [image(cells, x, y, columns * scale, rows * scale)], rows * scale
    labelled = rows * columns <= NUMBERS and columns <= 8 and rows <= 15
    size = min(34.0, wide / columns, tall / rows)
    across = min(56.0, wide / columns) if labelled else size
    downward = min(24.0, tall / rows) if labelled else size
    if rows * columns <= SQUARES and size >= 7:
        out = _squares(cells, face, x, y, across, downward, labelled)
        return out + _tiles(cells, tensor, x, y, columns * across, rows * downward), rows * downward
    tall = min(tall, wide * rows / columns) if columns < 4 * rows else max(24.0, wide * rows / columns)
    wide = min(wide, tall * columns / rows) if rows > columns else wide
    coarse = coarse_of(cells)
    out = [image(colours(coarse, face), x, y, wide, tall)]
    box = f'x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="{short(tall)}"'
    out.append(f'<rect {box} fill="none" stroke="{LIGHT["line"]}"/>')
    out += _tiles(cells, tensor, x, y, wide, tall)
    step = (wide / coarse.shape[1], tall / coarse.shape[0])
    bad = np.argwhere(~np.isfinite(coarse)).tolist()
    out += [_glyph(coarse[r, c], x + (c + 0.5) * step[0], y + (r + 0.5) * step[1], 4) for r, c in bad[:MARKED]]
    return out, tall


def _squares(
    cells: Any, face: dict[str, Any], x: float, y: float, across: float, down: float, labelled: bool
) -> list[str]:
    fills = colours(cells, face)
    out, line = [], LIGHT["line"]
    last = face["data"]["shape"][0] if len(face["data"]["shape"]) == 1 else cells.size
    for r, c in np.ndindex(*cells.shape):
        if r * cells.shape[1] + c >= last:  # it only fills up a wrapped row
            break
        v = float(cells[r, c])
        left, top = x + c * across, y + r * down
        colour = "#" + "".join(f"{part:02x}" for part in fills[r, c].tolist())
        box = f'x="{short(left)}" y="{short(top)}" width="{short(across)}" height="{short(down)}"'
        out.append(f'<rect {box} fill="{colour}" stroke="{line}" stroke-width=".5"/>')
        if not math.isfinite(v):
            out.append(_glyph(v, left + across / 2, top + down / 2, min(5.0, down / 3)))
        elif labelled:
            ink = "#ffffff" if luminance(colour) < 0.3 else LIGHT["ink"]
            text = number(int(v), 4) if v == int(v) and abs(v) < 1e4 else number(v, 4 if across > 46 else 3)
            size = min(11.0, 0.92 * across / max(1.0, width(text, 1)), down * 0.6)
            out.append(
                write(text, left + across / 2, top + down / 2 + size * 0.36, ink, round(size, 1), anchor="middle")
            )
    return out


def _glyph(v: float, x: float, y: float, r: float) -> str:
    """NaN is a cross, +inf a triangle that points up, -inf one that points down; white on red."""
    if math.isnan(v):
        two = short(2 * r)
        shape = f"M{short(x - r)} {short(y - r)}l{two} {two}m0 -{two}l-{two} {two}"
    else:
        up = 1 if v > 0 else -1
        shape = f"M{short(x - r)} {short(y + r * 0.8 * up)}h{short(2 * r)}L{short(x)} {short(y - r * up)}z"
    bad, paper = LIGHT["bad"], LIGHT["card"]
    back = f'<circle cx="{short(x)}" cy="{short(y)}" r="{short(r * 1.7)}" fill="{bad}"/>'
    fill = "none" if math.isnan(v) else paper
    return f'{back}<path d="{shape}" stroke="{paper}" stroke-width="1.5" fill="{fill}"/>'


def coarse_of(cells: Any, most: int = FINEST) -> Any:
    """At most 56 a side: of neighbours the one farthest from zero, or what is not finite."""
    for axis in (0, 1):
        step = -(-cells.shape[axis] // most)
        if step > 1:
            starts = np.arange(0, cells.shape[axis], step)
            with np.errstate(invalid="ignore"):
                low, high = np.minimum.reduceat(cells, starts, axis), np.maximum.reduceat(cells, starts, axis)
            cells = np.where(np.isnan(low) | (np.abs(low) > np.abs(high)), low, high)
    return cells


def scale(face: dict[str, Any], x: float, y: float, wide: float) -> str:
    """The colours and what they stand for."""
    if face["classes"]:
        return _legend(face, x, y)
    top, cut = face["full"], face["full"] < face["top"]
    signed = face["min"] is not None and float(face["min"]) < 0
    steps = np.linspace(-top if signed else 0.0, top, 41)[None, :]
    out = image(heat(steps, top), x, y, wide, 8)
    ends = [
        (-top if signed else 0, x, "start"),
        (top, x + wide, "end"),
        *([(0, x + wide / 2, "middle")] if signed else []),
    ]
    signs = {"start": "≤ " if signed else "", "middle": "", "end": "≥ "} if cut else {}
    return out + "".join(
        write(signs.get(anchor, "") + number(float(v), 4), at, y + 20, "muted", 10, anchor=anchor)
        for v, at, anchor in ends
    )


def _legend(face: dict[str, Any], x: float, y: float) -> str:
    """The colour of each class."""
    out = []
    for at, _ in face["classes"]:
        fill = "#" + "".join(f"{part:02x}" for part in colours(np.array([[float(at)]]), face)[0, 0].tolist())
        out.append(
            f'<rect x="{short(x)}" y="{short(y)}" width="10" height="10" fill="{fill}" stroke="{LIGHT["line"]}"/>'
        )
        out.append(write(str(at), x + 13, y + 9, "muted", 10))
        x += 20 + width(str(at), 10)
    return "".join(out)


def colours(cells: Any, face: dict[str, Any]) -> Any:
    """Pixels: each class in its colour, other numbers by sign and size."""
    if not face["classes"]:
        return heat(cells, face["full"])
    palette = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in CLASS_COLOURS], dtype=np.uint8)
    known = np.array([at for at, _ in face["classes"]])
    return palette[np.clip(np.searchsorted(known, np.nan_to_num(cells)), 0, len(known) - 1)]


def _tiles(cells: Any, tensor: dict[str, Any], x: float, y: float, wide: float, tall: float) -> list[str]:
    """White lines between the tiles of a grid that shows more than two dimensions."""
    (rows, columns), shape = tensor["axes"], tensor["faces"][0]["data"]["shape"]
    if len(rows) < 2 and len(columns) < 2:
        return []
    d = ""
    if len(columns) > 1:
        step = wide / cells.shape[1] * shape[columns[-1]]
        d += "".join(f"M{short(x + i * step)} {short(y)}v{short(tall)}" for i in range(1, round(wide / step)))
    if len(rows) > 1:
        step = tall / cells.shape[0] * shape[rows[-1]]
        d += "".join(f"M{short(x)} {short(y + i * step)}h{short(wide)}" for i in range(1, round(tall / step)))
    return [f'<path d="{d}" stroke="{LIGHT["card"]}" stroke-width="3"/>'] if d else []


def histogram(face: dict[str, Any], x: float, y: float, wide: float, tall: float) -> str:
    """Bars, from the lowest to the highest number; the part below zero is orange."""
    hist = face["hist"]
    if not hist:
        return write("nothing finite", x, y + 20, "muted", 11)
    counts, low, high = hist["counts"], hist["low"], hist["high"]
    most, step = max(counts) or 1, wide / len(counts)
    bar = min(step - 0.6, 44.0)
    paths = {"forward": "", "backward": ""}
    for i, n in enumerate(counts):
        if not n:
            continue
        middle = low + (i + 0.5) * (high - low) / len(counts)
        height = max(1.0, n / most * tall)
        left = x + i * step + max(0.0, (step - bar) / 2 if step > 44 else 0)
        box = f"M{short(left)} {short(y + tall)}v{short(-height)}h{short(max(1, bar))}v{short(height)}z"
        paths["backward" if middle < 0 else "forward"] += box
    out = "".join(f'<path d="{d}" fill="{LIGHT[name]}" fill-opacity=".75"/>' for name, d in paths.items() if d)
    out += f'<path d="M{short(x)} {short(y + tall)}h{short(wide)}" stroke="{LIGHT["muted"]}"/>'
    ends = (face["min"], x, "start"), (face["max"], x + wide, "end")
    return out + "".join(write(value(v, 4), at, y + tall + 12, "muted", 10, anchor=anchor) for v, at, anchor in ends)


def thumbnail(cells: Any) -> Any:
    """At most 28 cells a side."""
    if not cells.size:
        return np.zeros((1, 1))
    if cells.ndim == 3:
        return cells[:: -(-cells.shape[0] // 28), :: -(-cells.shape[1] // 28)]
    return coarse_of(cells, 28)
