"""A frame with axes for pictures of numbers, as SVG text: frontend/src/plot.ts draws the same one in the browser.

    plot = Plot(x=Axis(0, 100, name="step"), y=Axis(0.01, 3, log=True, name="loss"))
    svg = document([plot.axes(), plot.line(steps, losses, 0), legend(["loss"], plot)], plot.width, plot.height, "Loss")

Lengths are in the picture's own units. Nothing moves, nothing is fetched, and the bytes depend on the numbers alone.
"""

from __future__ import annotations

import base64
import math
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.theme import DASHES, SANS, SERIES, THEMES

SMALL = 12  # the type size


class Axis(NamedTuple):
    """What one side of the frame covers; of a logarithmic axis both ends are positive."""

    low: float
    high: float
    log: bool = False
    name: str = ""

    def share(self, value: float) -> float:
        """Where a value lies between the two ends, from 0 to 1; NaN where it has no place."""
        try:
            if self.log:
                return math.log(value / self.low) / math.log(self.high / self.low)
            return (value - self.low) / (self.high - self.low)
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan

    def ticks(self, about: float = 5) -> list[float]:
        """Some round numbers between the ends."""
        return log_ticks(self.low, self.high, about) if self.log else ticks(self.low, self.high, about)


@dataclass
class Plot:
    """A frame: from numbers to places, and the marks in it."""

    x: Axis
    y: Axis
    width: float = 689
    height: float = 360
    left: float = 60
    right: float = 14
    top: float = 14
    bottom: float = 40
    theme: str = "light"

    @property
    def inner(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the frame."""
        return self.left, self.top, self.width - self.left - self.right, self.height - self.top - self.bottom

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a pair of numbers."""
        left, top, wide, tall = self.inner
        return left + self.x.share(x) * wide, top + (1 - self.y.share(y)) * tall

    def colour(self, name: str | int) -> str:
        """A colour of the theme by its name, or that of the i-th series."""
        return SERIES[self.theme][name % len(SERIES[self.theme])] if isinstance(name, int) else THEMES[self.theme][name]

    def axes(self) -> str:
        """Frame, ticks with numbers, and the names of the axes."""
        left, top, wide, tall = self.inner
        ink, faint, floor = self.colour("ink"), self.colour("muted"), top + tall
        frame = f'x="{short(left)}" y="{short(top)}" width="{short(wide)}" height="{short(tall)}"'
        out = [f'<rect {frame} fill="none" stroke="{faint}"/><g fill="{faint}" font-size="{SMALL}">']
        for value in self.x.ticks(wide / 110):
            at = short(self.at(value, self.y.low)[0])
            out.append(f'<path d="M{at} {short(floor)}v4" stroke="{faint}"/>')
            out.append(f'<text x="{at}" y="{short(floor + 17)}" text-anchor="middle">{value:g}</text>')
        for value in self.y.ticks(tall / 60):
            down = self.at(self.x.low, value)[1]
            out.append(f'<path d="M{short(left)} {short(down)}h-4" stroke="{faint}"/>')
            out.append(f'<text x="{short(left - 7)}" y="{short(down + 4)}" text-anchor="end">{value:g}</text>')
        out.append("</g>")
        name = f'text-anchor="middle" fill="{ink}" font-size="{SMALL}"'
        if self.x.name:
            text = escape(clip(clean(self.x.name), wide, SMALL))
            out.append(f'<text x="{short(left + wide / 2)}" y="{short(self.height - 6)}" {name}>{text}</text>')
        if self.y.name:
            middle, text = short(top + tall / 2), escape(clip(clean(self.y.name), tall, SMALL))
            out.append(f'<text x="13" y="{middle}" transform="rotate(-90 13 {middle})" {name}>{text}</text>')
        return "".join(out)

    def line(self, xs: Iterable[float], ys: Iterable[float], colour: str | int = 0, width: float = 1.8) -> str:
        """A line through points; one that is not finite breaks it. A series number also picks the dashes."""
        return _stroke(path(self.at(x, y) for x, y in zip(xs, ys, strict=True)), self.colour(colour), colour, width)

    def dots(self, xs: Iterable[float], ys: Iterable[float], colour: str | int = 0, radius: float = 3) -> str:
        """A dot for each finite point."""
        places = [self.at(x, y) for x, y in zip(xs, ys, strict=True)]
        fill = self.colour(colour)
        return "".join(
            f'<circle cx="{short(x)}" cy="{short(y)}" r="{short(radius)}" fill="{fill}"/>'
            for x, y in places
            if math.isfinite(x + y)
        )

    def bars(self, edges: Sequence[float], heights: Sequence[float], colour: str | int = 0) -> str:
        """Bars between neighbouring edges, from the low end of the y axis up."""
        out = []
        for a, b, tall in zip(edges[:-1], edges[1:], heights, strict=True):
            (x0, y0), (x1, y1) = self.at(a, self.y.low), self.at(b, tall)
            out.append(f"M{short(x0)} {short(y0)}V{short(y1)}H{short(x1)}V{short(y0)}z")
        return f'<path d="{"".join(out)}" fill="{self.colour(colour)}" fill-opacity=".75"/>'

    def rule(self, *, x: float | None = None, y: float | None = None, colour: str | int = "muted") -> str:
        """A dashed line across the frame at one number."""
        left, top, wide, tall = self.inner
        if x is not None:
            d = f"M{short(self.at(x, self.y.low)[0])} {short(top)}v{short(tall)}"
        else:
            d = f"M{short(left)} {short(self.at(self.x.low, self.y.low if y is None else y)[1])}h{short(wide)}"
        return f'<path d="{d}" fill="none" stroke="{self.colour(colour)}" stroke-dasharray="4 3"/>'

    def inside(self, marks: str, name: str = "c") -> str:
        """Marks cut off at the frame; `name` must differ between the plots of one document."""
        left, top, wide, tall = self.inner
        frame = f'x="{short(left)}" y="{short(top)}" width="{short(wide)}" height="{short(tall)}"'
        return f'<clipPath id="{name}"><rect {frame}/></clipPath><g clip-path="url(#{name})">{marks}</g>'


def short(value: float) -> str:
    """A coordinate in as few characters as it takes."""
    return f"{value:.1f}".removesuffix(".0")


def path(points: Iterable[tuple[float, float]]) -> str:
    """Path data through points; one that is not finite breaks the line."""
    out, down = [], False
    for x, y in points:
        fine = math.isfinite(x + y)
        if fine:
            out.append(f"{'L' if down else 'M'}{short(max(-9999, min(9999, x)))} {short(max(-9999, min(9999, y)))}")
        down = fine
    return "".join(out)


def _stroke(d: str, ink: str, colour: str | int, thick: float) -> str:
    dash = DASHES[colour // len(SERIES["light"]) % len(DASHES)] if isinstance(colour, int) else ""
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{d}" fill="none" stroke="{ink}" stroke-width="{short(thick)}"{dashes}/>' if d else ""


def ticks(low: float, high: float, about: float = 5) -> list[float]:
    """Some round numbers between two ends."""
    raw = (high - low) / about
    if not (raw > 0 and math.isfinite(raw)):
        return []
    size = 10.0 ** math.floor(math.log10(raw))
    step = size * next((factor for factor in (1, 2, 5, 10) if factor * size >= raw * 0.999), 10)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{k * step:.6g}") for k in range(first, last + 1)]


def log_ticks(low: float, high: float, about: float = 5) -> list[float]:
    """Powers of ten between two ends, thinned out to about as many; ordinary ticks where there are too few."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first < 1:
        return [value for value in ticks(low, high, about) if value > 0]
    return [10.0**k for k in range(first, last + 1, max(1, math.ceil((last - first) / about)))]


def span(values: Iterable[float], *, log: bool = False, room: float = 0.05) -> tuple[float, float]:
    """The lowest and highest finite value with a little room; of a logarithmic axis only positive ones count."""
    fine = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
    if not fine:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(fine), max(fine)
    if log:
        grow = max((high / low) ** room, 1.1)
        return low / grow, high * grow
    more = (high - low or abs(high) or 1.0) * room
    return low - more, high + more


def legend(names: Sequence[str], plot: Plot, y: float | None = None, colours: Sequence[str | int] | None = None) -> str:
    """A row of names, each beside a stroke of its line, under the top of the frame; cut where the row is full."""
    x, row = plot.left + 10, plot.top + 16 if y is None else y
    out = []
    for i, name in enumerate(names):
        colour = i if colours is None else colours[i]
        text = clip(clean(name), 160, SMALL)
        wide = 30 + width(text, SMALL) + 14
        if x + wide > plot.width - plot.right:
            x, row = plot.left + 10, row + 16
        out.append(_stroke(f"M{short(x)} {short(row - 4)}h22", plot.colour(colour), colour, 2.4))
        out.append(
            f'<text x="{short(x + 28)}" y="{short(row)}" font-size="{SMALL}" fill="{plot.colour("ink")}">'
            f"{escape(text)}</text>"
        )
        x += wide
    return "".join(out)


def label(x: float, y: float, words: str, ink: str, size: float = SMALL, more: str = "") -> str:
    """Words at a place, escaped; `more` are further attributes, as they stand in the file."""
    return f'<text x="{short(x)}" y="{short(y)}" font-size="{short(size)}" fill="{ink}" {more}>{escape(words)}</text>'


def document(parts: Iterable[str], wide: float, tall: float, title: str, *, theme: str = "light") -> str:
    """A whole SVG file: opaque ground, its title for screen readers, the parts in order."""
    ground = THEMES[theme]["card"]
    size = f'viewBox="0 0 {short(wide)} {short(tall)}" width="{short(wide)}" height="{short(tall)}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{escape(SANS)}">'
        f"<title>{escape(clean(title)[:300])}</title>"
        f'<rect width="100%" height="100%" fill="{ground}"/>{"".join(parts)}</svg>'
    )


def png(pixels: Any) -> bytes:
    """A grey (rows, columns) or coloured (rows, columns, 3) array of uint8 as a PNG file.

    Source: W3C PNG (third edition); no filter, one block of deflated rows.
    """
    rows, columns = pixels.shape[:2]
    lines = b"".join(b"\0" + pixels[i].tobytes() for i in range(rows))
    head = struct.pack(">IIBBBBB", columns, rows, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def image(pixels: Any, x: float, y: float, wide: float, tall: float) -> str:
    """An array of pixels as an image in the picture, its pixels sharp."""
    data = base64.b64encode(png(pixels)).decode("ascii")
    place = f'x="{short(x)}" y="{short(y)}" width="{short(wide)}" height="{short(tall)}"'
    return (
        f'<image {place} preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{data}"/>'
    )


def heat(values: Any, top: float, *, theme: str = "light", scale: str = "signed") -> Any:
    """Numbers (rows, columns) as pixels: blue is positive, orange negative, red not finite; `top` has the full colour.

    `scale`: "signed", "sequential" (sizes, pale to blue) or "grey" (0 is black, `top` white).
    """
    import numpy as np

    colours = THEMES[theme]
    paper, plus, minus, bad = (_rgb(colours[name]) for name in ("card", "forward", "backward", "bad"))
    numbers = np.asarray(values, dtype=np.float64)
    size = np.clip(np.abs(np.nan_to_num(numbers, nan=0, posinf=0, neginf=0)) / (top or 1.0), 0, 1)[..., None]
    if scale == "grey":
        paper, plus = np.zeros(3), np.full(3, 255.0)
    full = np.where((numbers < 0)[..., None], minus, plus) if scale == "signed" else plus
    mixed = paper + (full - paper) * size
    return np.rint(np.where(np.isfinite(numbers)[..., None], mixed, bad)).astype(np.uint8)


def _rgb(colour: str) -> Any:
    import numpy as np

    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)], dtype=np.float64)
