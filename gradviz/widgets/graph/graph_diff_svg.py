"""The still picture of `GraphDiff`: the two graphs on one layout, and the first differences in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.measure import clip, escape, width
from gradviz.viz.svg import BADGES, short, to_svg
from gradviz.viz.theme import MONO, SANS, THEMES

BESIDE = 1500  # pixels up to which the graphs stand side by side
LINES = 8
SIDE = 20


def picture(
    heading: str,
    summary: str,
    labels: Sequence[str],
    scenes: Sequence[Mapping[str, Any]],
    lines: Sequence[tuple[str, str]],
    theme: str = "light",
) -> str:
    """The SVG. `lines` are (kind, text) of the differences; the first few are written."""
    colours = THEMES[theme]
    wide, tall = max(scenes[0]["width"], 260), scenes[0]["height"]
    beside = 2 * wide + 3 * SIDE <= BESIDE
    whole = max(2 * wide + 3 * SIDE if beside else wide + 2 * SIDE, 640)
    out = [f'<text x="{SIDE}" y="30" font-size="16" font-weight="600" fill="{colours["ink"]}">']
    out.append(f"{escape(clip(heading, whole - 2 * SIDE, 16))}</text>")
    out.append(
        f'<text x="{SIDE}" y="50" fill="{colours["muted"]}">{escape(clip(summary, whole - 2 * SIDE, 13))}</text>'
    )
    y = 64.0
    note = 22 if scenes[0]["note"] else 0
    room = (whole - 3 * SIDE) / 2 if beside else whole - 2 * SIDE
    for k, (label, scene) in enumerate(zip(labels, scenes, strict=True)):
        x = SIDE + (room + SIDE) * k if beside else float(SIDE)
        top = y if beside else y + k * (tall + 60 + note)
        out.append(_panel(label, scene, x, top, room, tall + 52 + note, colours, theme))
    y += (tall + 60 + note) * (1 if beside else 2)
    for kind, text in lines[:LINES]:
        glyph, colour = BADGES[kind]
        y += 22
        out.append(
            f'<circle cx="{SIDE + 9}" cy="{short(y - 4)}" r="8" fill="{colours[colour]}"/>'
            f'<text x="{SIDE + 9}" y="{short(y)}" text-anchor="middle" font-size="11" font-weight="700" '
            f'fill="{colours["card"]}">{glyph}</text>'
            f'<text x="{SIDE + 24}" y="{short(y)}" font-size="12" font-family="{MONO}" fill="{colours["ink"]}">'
            f"{escape(clip(text, whole - 2 * SIDE - 26, 12, mono=True))}</text>"
        )
    if len(lines) > LINES:
        y += 22
        more = f"and {len(lines) - LINES} more: they are listed under the picture"
        out.append(f'<text x="{SIDE + 24}" y="{short(y)}" font-size="12" fill="{colours["muted"]}">{more}</text>')
    y += 18
    words = escape(f"Two graphs: {heading}. {summary}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {short(whole)} {short(y)}" width="{short(whole)}" '
        f'height="{short(y)}" role="img" aria-label="{words}" font-family="{SANS}" font-size="13">'
        f'<rect width="100%" height="100%" rx="10" fill="{colours["ground"]}"/>{"".join(out)}</svg>'
    )


def _panel(
    label: str, scene: Mapping[str, Any], x: float, y: float, w: float, h: float, colours: Mapping[str, str], theme: str
) -> str:
    """One graph under its name, with the empty places of boxes that only the other has."""
    graph = to_svg({**scene, "title": ""}, theme=theme)
    frame = colours["frame"]
    left = x + (w - max(scene["width"], 260)) / 2
    note = 22 if scene["note"] else 0
    gaps = "".join(
        f'<rect x="{short(left + hole["x"])}" y="{short(y + 26 + note + hole["y"])}" width="{short(hole["w"])}" '
        f'height="{short(hole["h"])}" rx="9" fill="none" stroke="{colours["line"]}" stroke-dasharray="3 4"/>'
        for hole in scene["holes"]
    )
    graph = graph.replace("<svg ", f'<svg x="{short(left)}" y="{short(y + 26)}" ', 1)
    name = clip(label, w - 30, 13)
    chip = width(name, 13) * 1.15 + 20
    return (
        f'<rect x="{short(x)}" y="{short(y)}" width="{short(w)}" height="{short(h)}" rx="10" fill="none" '
        f'stroke="{colours["line"]}"/>'
        f"{graph}{gaps}"
        f'<rect x="{short(x + 10)}" y="{short(y + 6)}" width="{short(chip)}" height="22" rx="11" fill="{frame}"/>'
        f'<text x="{short(x + 20)}" y="{short(y + 21)}" font-weight="600" fill="{colours["ink"]}">{escape(name)}</text>'
    )
