"""A landscape seen from the side: the grid as a net of small faces, drawn from the far ones to the near ones (painter's
order), with the floor and its numbers, and walks that lie on it. frontend/src/surface.ts turns it by the same formulas.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from gradviz.viz.measure import clean, clip, escape
from gradviz.viz.plot import short, ticks
from gradviz.viz.theme import THEMES
from gradviz.widgets.optim.surface import Grid, ramp

RISE, DISTANCE = 0.95, 6.0  # height of the box (its floor is 2 by 2), and how far the eye is from its middle
TOP = 65535  # heights go to the browser as two bytes each; this one means: not a finite number


class Camera(NamedTuple):
    """Where the landscape is seen from; angles in degrees."""

    turn: float = -34.0
    tilt: float = 30.0
    wide: float = 689.0
    tall: float = 423.0

    def see(self, u: float, v: float, z: float) -> tuple[float, float, float]:
        """Place in the picture, and distance, of a point of the box: u and v from -1 to 1, z from 0 to 1."""
        a, e = math.radians(self.turn), math.radians(self.tilt)
        across = u * math.cos(a) - v * math.sin(a)
        away = u * math.sin(a) + v * math.cos(a)
        rise = z * RISE - RISE / 2
        up = rise * math.cos(e) + away * math.sin(e)
        far = away * math.cos(e) - rise * math.sin(e)
        near = DISTANCE / (DISTANCE + far)
        extent = math.sqrt(2) * math.sin(e) + RISE / 2 * math.cos(e)  # half the height of the box, seen so
        size = min(self.wide * 0.27, self.tall * 0.42 / extent)
        return self.wide / 2 + size * near * across, self.tall * 0.465 - size * near * up, far


class Mesh(NamedTuple):
    """The grid as the side view needs it: heights 0 to 1 (NaN where there is none) at evenly spaced places."""

    z: Any
    bounds: list[tuple[float, float]]

    def at(self, x: float, y: float) -> float:
        """The height of the net at a place, between its knots as a plane would have it; NaN outside."""
        rows, columns = self.z.shape
        (x0, x1), (y0, y1) = self.bounds
        c, r = (x - x0) / (x1 - x0) * (columns - 1), (y - y0) / (y1 - y0) * (rows - 1)
        if not (0 <= c <= columns - 1 and 0 <= r <= rows - 1):
            return math.nan
        i, j = min(int(r), rows - 2), min(int(c), columns - 2)
        s, t = r - i, c - j
        near = (1 - t) * self.z[i, j] + t * self.z[i, j + 1]
        far = (1 - t) * self.z[i + 1, j] + t * self.z[i + 1, j + 1]
        return float((1 - s) * near + s * far)

    def uv(self, x: float, y: float) -> tuple[float, float]:
        """A place in the box, -1 to 1."""
        (x0, x1), (y0, y1) = self.bounds
        return (x - x0) / (x1 - x0) * 2 - 1, (y - y0) / (y1 - y0) * 2 - 1


def mesh(grid: Grid, every: int = 2) -> Mesh:
    """The net over the grid, through every second of its points."""
    high = grid.high - grid.low or 1.0
    values = grid.values[::every, ::every]
    with np.errstate(all="ignore"):
        z = np.clip((values - grid.low) / high, 0, 1) ** (1 / grid.squeeze)
    bounds = [(float(side[0]), float(side[::every][-1])) for side in (grid.xs, grid.ys)]
    return Mesh(np.where(np.isfinite(values), z, np.nan), bounds)


def packed(net: Mesh) -> dict[str, Any]:
    """The net for the browser: two bytes for each height."""
    whole = np.where(np.isfinite(net.z), np.rint(np.nan_to_num(net.z) * (TOP - 1)), TOP).astype("<u2")
    rows, columns = whole.shape
    return {"rows": rows, "columns": columns, "heights": base64.b64encode(whole.tobytes()).decode("ascii")}


Drawn = tuple[float, str]  # how far away it is, and the SVG


def faces(net: Mesh, camera: Camera, theme: str = "light") -> list[Drawn]:
    """Every face of the net, coloured by its height and lit from the upper left."""
    rows, columns = net.z.shape
    knots = [
        [camera.see(2 * c / (columns - 1) - 1, 2 * r / (rows - 1) - 1, float(net.z[r, c])) for c in range(columns)]
        for r in range(rows)
    ]
    out = []
    for r in range(rows - 1):
        for c in range(columns - 1):
            corners = [knots[r][c], knots[r][c + 1], knots[r + 1][c + 1], knots[r + 1][c]]
            z = [float(net.z[r, c]), float(net.z[r, c + 1]), float(net.z[r + 1, c + 1]), float(net.z[r + 1, c])]
            if any(math.isnan(one) for one in z):
                continue
            bright = light(z, columns, rows)
            height = sum(z) / 4
            fill = lit(ramp(height, theme), bright)
            far = sum(corner[2] for corner in corners) / 4
            (x0, y0), *rest = [(round(x), round(y)) for x, y, _ in corners]
            d, last = f"M{x0} {y0}l", (x0, y0)
            for x, y in rest:
                down = str(y - last[1])
                d += f"{x - last[0]}{'' if down[0] == '-' else ' '}{down} "
                last = (x, y)
            out.append((far, f'<path d="{d.strip()}z" fill="{fill}"/>'))
    return out


def light(z: Sequence[float], columns: int, rows: int) -> float:
    """How bright a face is, 1 where it looks up (Lambert's law, with some light from everywhere)."""
    right = (z[1] - z[0] + z[2] - z[3]) / 2 * RISE * (columns - 1) / 2
    back = (z[3] - z[0] + z[2] - z[1]) / 2 * RISE * (rows - 1) / 2
    dot = (0.45 * right - 0.35 * back + 0.82) / math.sqrt(right * right + back * back + 1)
    return 0.76 + 0.3 * max(0.0, dot)


def lit(colour: str, bright: float) -> str:
    """A colour in more or less light."""
    return "#" + "".join(f"{max(0, min(255, round(c * bright))):02x}" for c in bytes.fromhex(colour[1:]))


def box_svg(grid: Grid, net: Mesh, names: Sequence[str], camera: Camera, theme: str = "light") -> str:
    """The floor with its numbers along the two near edges, and heights at a far corner: drawn before the faces."""
    colours = THEMES[theme]
    out = [f'<g fill="none" stroke="{colours["line"]}">']
    corner: list[tuple[float, float]] = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
    floor = [camera.see(u, v, 0) for u, v in corner]
    out.append(f'<path d="M{"L".join(f"{short(x)} {short(y)}" for x, y, _ in floor)}z"/>')
    posts = sorted(corner, key=lambda uv: camera.see(uv[0], uv[1], 0)[2])[1:]  # all but the nearest
    for u, v in posts:
        a, b = camera.see(u, v, 0), camera.see(u, v, 1)
        out.append(f'<path d="M{short(a[0])} {short(a[1])}L{short(b[0])} {short(b[1])}"/>')
    out.append(f'</g><g fill="{colours["muted"]}" font-size="11">')
    near_v = min((-1, 1), key=lambda v: camera.see(0, v, 0)[2])
    near_u = min((-1, 1), key=lambda u: camera.see(u, 0, 0)[2])
    for axis, name in enumerate(names[:2]):
        low, high = net.bounds[axis]
        inside = camera.see(0, 0, 0)
        for value in ticks(low, high, 4):
            t = (value - low) / (high - low) * 2 - 1
            if abs(t) > 0.96:  # at a corner it would lie on the numbers of another edge
                continue
            out.append(label(camera.see(t, near_v, 0) if axis == 0 else camera.see(near_u, t, 0), inside, f"{value:g}"))
        end = camera.see(0, near_v, 0) if axis == 0 else camera.see(near_u, 0, 0)
        out.append(label(end, inside, name, 34, f' fill="{colours["ink"]}" font-size="12"'))
    u, v = min(corner, key=lambda uv: camera.see(uv[0], uv[1], 0)[0])
    for value, z in marks(grid):
        x, y, _ = camera.see(u, v, z)
        text = f'<text x="{short(x - 8)}" y="{short(y + 4)}" text-anchor="end">{value:g}</text>'
        out.append(f'<path d="M{short(x)} {short(y)}h-4" stroke="{colours["muted"]}"/>{text}')
    x, y, _ = camera.see(u, v, 1)
    out.append(f'<text x="{short(x)}" y="{short(y - 16)}" text-anchor="middle" fill="{colours["ink"]}">loss</text>')
    return "".join([*out, "</g>"])


def marks(grid: Grid) -> list[tuple[float, float]]:
    """Heights that are written beside the upright edge, with their place on it."""
    if grid.flat:
        return []
    if grid.squeeze == 1:
        return [(value, grid.share(value)) for value in ticks(grid.low, grid.high, 4)]
    wide = grid.high - grid.low
    values = [
        grid.low,
        *(float(f"{grid.low + wide * part**grid.squeeze:.1g}") for part in (0.25, 0.5, 0.75)),
        grid.high,
    ]
    shares = [(float(f"{value:.2g}"), max(0.0, grid.share(value)) ** (1 / grid.squeeze)) for value in values]
    return [mark for i, mark in enumerate(shares) if i == 0 or mark[1] - shares[i - 1][1] > 0.1]


def label(
    at: tuple[float, float, float], middle: tuple[float, float, float], text: str, out: float = 15, more: str = ""
) -> str:
    """A text beside an edge, on the side away from the middle."""
    x, y = at[0] - middle[0], at[1] - middle[1]
    far = math.hypot(x, y) or 1.0
    anchor = "middle" if abs(x) < far * 0.35 else "start" if x > 0 else "end"
    place = f'x="{short(at[0] + x / far * out)}" y="{short(at[1] + y / far * out + 4)}"'
    return f'<text {place} text-anchor="{anchor}"{more}>{escape(clip(clean(text), 120, 12))}</text>'


def draped(net: Mesh, camera: Camera, points: Sequence[Sequence[float]]) -> list[tuple[float, float, float]]:
    """The line through places as it lies on the net, seen by the camera; NaN parts it where it leaves the net."""
    gap = (math.nan, math.nan, math.nan)
    out: list[tuple[float, float, float]] = []

    def add(x: float, y: float) -> None:
        z = net.at(x, y)
        seen = gap if math.isnan(z) else camera.see(*net.uv(x, y), z)
        if not out or not math.dist(seen[:2], out[-1][:2]) < 1.5:  # (NaN is never below) closer points are one
            out.append(seen)

    for p in points[:1]:
        add(*p[:2])
    for a, b in itertools.pairwise(points):
        (u0, v0), (u1, v1) = net.uv(*a), net.uv(*b)
        bits = max(1, min(24, math.ceil(math.dist((u0, v0), (u1, v1)) * 12)))
        for i in range(1, bits + 1):
            add(*(p + (q - p) * i / bits for p, q in zip(a, b, strict=True)))
    return out
