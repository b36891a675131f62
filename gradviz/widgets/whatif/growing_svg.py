"""The still picture of GraphGrowth: the code and the graph it makes, side by side, or one above the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.svg import to_svg
from gradviz.viz.theme import MONO, SANS, THEMES
from gradviz.widgets.whatif.growing_trace import Piece

ROW = 18.0
MOST = 44  # lines
WIDE = 420.0  # of the code
BESIDE = 1240.0  # what may stand side by side


def picture(
    scene: Mapping[str, Any],
    pieces: Sequence[Piece],
    steps: Sequence[Mapping[str, Any]],
    *,
    animated: bool = True,
    theme: str = "light",
) -> str:
    """One SVG file. A dot before a line says that it made something, a pale line was not run."""
    colours = THEMES[theme]
    made: dict[tuple[int, int], int] = {}
    for step in steps:
        key = step["piece"], step["line"]
        made[key] = made.get(key, 0) + len(step["made"])
    rows: list[tuple[str, int, str]] = []  # kind, number, text
    for i, piece in enumerate(pieces):
        rows.append(("name", 0, clean(piece.name)))
        for number, text in piece.lines():
            kind = "made" if made.get((i, number)) else "ran" if (i, number) in made else "not"
            rows.append((kind, number, clean(text)))
    if len(rows) > MOST:
        rows = [*rows[: MOST - 1], ("name", 0, f"… {len(rows) - MOST + 1} more lines")]
    code = min(WIDE, max((width(text, 12, mono=True) for _, _, text in rows), default=100.0) + 66)
    graph = to_svg({**scene, "title": ""}, animated=animated, theme=theme)
    wide, tall = (float(graph.partition(f' {name}="')[2].partition('"')[0]) for name in ("width", "height"))
    head, high = 34.0, ROW * len(rows) + 22
    beside = code + wide + 20 <= BESIDE
    x, y = (code + 12, head) if beside else (0.0, head + high)
    full_wide = x + wide + 8 if beside else max(code, wide) + 8
    full_tall = head + (max(high, tall) if beside else high + tall) + 8
    title = clip(clean(scene["title"] or "The graph grows"), full_wide - 32, 13)
    size = f'width="{full_wide:g}" height="{full_tall:g}"'
    what = f"Code and the graph it makes, {len(scene['nodes'])} boxes"
    sheet = f'x="8" y="{head:g}" width="{code - 4:g}" height="{high - 8:g}" rx="8"'
    bold = f'font-family="{SANS}" font-weight="600"'
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full_wide:g} {full_tall:g}" {size} role="img" ',
        f'aria-label="{what}"><rect width="100%" height="100%" rx="10" fill="{colours["ground"]}"/>',
        f'<text x="16" y="23" {bold} font-size="13" fill="{colours["ink"]}">{escape(title)}</text>',
        f'<rect {sheet} fill="{colours["card"]}" stroke="{colours["line"]}"/><g font-family="{MONO}" font-size="12">',
    ]
    for k, (kind, number, text) in enumerate(rows):
        base = head + 18 + ROW * k
        if kind == "name":
            name = escape(clip(text, code - 24, 12))
            out.append(f'<text x="16" y="{base:g}" {bold} fill="{colours["muted"]}">{name}</text>')
            continue
        if kind == "made":
            out.append(f'<circle cx="17" cy="{base - 4:g}" r="3" fill="{colours["forward"]}"/>')
        if number > 0:
            out.append(f'<text x="44" y="{base:g}" text-anchor="end" fill="{colours["muted"]}">{number}</text>')
        ink = colours["ink"] if kind != "not" else colours["muted"]
        shown = clip(text, code - 66, 12, mono=True)
        out.append(f'<text x="54" y="{base:g}" xml:space="preserve" fill="{ink}">{escape(shown)}</text>')
    out.append("</g>")
    out.append(graph.replace("<svg ", f'<svg x="{x:g}" y="{y:g}" ', 1))
    out.append("</svg>")
    return "".join(out)
