"""A scene as one SVG file: opaque ground, own styles, no script, no font, no address; still or animated."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.viz.animate import Waves, waves
from gradviz.viz.dtypes import LOOKS, types_of
from gradviz.viz.measure import clip, escape, width
from gradviz.viz.theme import MONO, SANS, SERIES, THEMES
from gradviz.viz.theme import SIZES as S

Scene = Mapping[str, Any]
NUMBERS = 100  # above this many boxes a picture shows names only, above the next only shapes: bytes are budgeted
TEXTLESS = 800

_STYLE = """\
@{font-family:%(sans)s;fill:var(--gv-ink);font-size:%(title)spx}
@ .e{fill:none;marker-end:url(#%(id)s-a);--b:var(--gv-edge);--t:1.4}
@ .x{marker-end:none;stroke-dasharray:2 3}
@ .e,@ .c,@ .l,@ .k,@ .g,@ .u,@ .o{stroke:var(--b);stroke-width:var(--t)}
@ .c{fill:var(--gv-card);--b:var(--gv-line);--t:1.2}
@ .l{fill:var(--gv-leaf-soft);--b:var(--gv-leaf);--t:1.2}
@ .p{stroke-dasharray:3 3}
@ .k{fill:var(--gv-card);--b:var(--gv-edge);--t:1.2;stroke-dasharray:4 3}
@ .u{fill:var(--gv-backward-soft);--b:var(--gv-backward);--t:1.2}
@ .o{fill:var(--gv-forward-soft);--b:var(--gv-forward);--t:1.6}
@ .g{fill:var(--gv-group-soft);--b:var(--gv-group);--t:1.2}
@ .r{fill:var(--gv-frame);stroke:var(--gv-line);stroke-dasharray:2 4}
@ .t{font-weight:600}
@ .lt,@ .pt{fill:var(--gv-leaf)}@ .gt{fill:var(--gv-group)}
@ .pt{font-size:%(small)spx;font-weight:600;text-anchor:middle}
@ .s,@ .m,@ .v,@ .d,@ .y,@ .z{font-family:%(mono)s;font-size:%(number)spx}
@ .s{fill:var(--gv-muted);font-size:%(small)spx;text-anchor:end}
@ .v,@ .y{fill:var(--gv-forward)}@ .d,@ .z,@ .m{fill:var(--gv-backward)}
@ .y,@ .z{font-family:%(sans)s;font-weight:700;font-size:12px}
@ .v,@ .d{text-anchor:end;font-weight:500}
@ .vb{fill:var(--gv-forward-soft);stroke:var(--gv-forward-soft)}
@ .db{fill:var(--gv-backward-soft);stroke:var(--gv-backward-soft)}
@ .vb,@ .db{stroke-width:7;stroke-linejoin:round}
@ .m{font-size:%(small)spx;text-anchor:middle}
@ .m path{stroke:var(--gv-ground);stroke-width:15;stroke-linecap:round}
@ .q{font-size:%(small)spx;fill:var(--gv-muted)}@ .rt{font-weight:600}
@ .n{fill:var(--gv-bad);font-size:12px}
"""
BADGES = {  # marks on boxes: glyph and colour
    "ok": ("✓", "leaf"), "bad": ("!", "bad"), "unsure": ("?", "muted"), "stop": ("■", "bad"),
    "added": ("+", "leaf"), "removed": ("−", "bad"), "changed": ("≠", "group"),
}  # fmt: skip
GLYPHS = {"lr": "→←", "tb": "↓↑"}
_CLASS = {"op": "c", "saved": "u", "output": "o", "leaf": "l", "const": "k", "portal": "l p", "group": "g"}


def short(value: float) -> str:
    """A coordinate in as few characters as it takes."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def curve(points: Sequence[Sequence[float]], direction: str) -> str:
    """Path data through corner points: level stretches are lines, turns leave and arrive along the direction."""
    if not points:
        return ""
    out = [f"M{short(points[0][0])} {short(points[0][1])}"]
    for (a, b), (c, d) in itertools.pairwise(points):
        if direction == "lr":
            middle = (a + c) / 2
            turn = f"C{short(middle)} {short(b)} {short(middle)} {short(d)} {short(c)} {short(d)}"
            out.append(f"H{short(c)}" if b == d else turn)
        else:
            middle = (b + d) / 2
            turn = f"C{short(a)} {short(middle)} {short(c)} {short(middle)} {short(c)} {short(d)}"
            out.append(f"V{short(d)}" if a == c else turn)
    return "".join(out)


def label_spots(scene: Scene) -> list[tuple[float, float, str, int]]:
    """Where products fit on their arrows: (x, y, text, edge), none over a box or over another product.

    The whole product is tried along the arrow's last turn, then only its result.
    """
    taken = [(n["x"] - 2, n["y"] - 2, n["x"] + n["w"] + 2, n["y"] + n["h"] + 2) for n in scene["nodes"]]
    level = scene["direction"] == "lr"
    lines = [
        (min(a, c) - 1, min(b, d) - 1, max(a, c) + 1, max(b, d) + 1, k)
        for k, edge in enumerate(scene["edges"])
        for (a, b), (c, d) in zip(edge["points"], edge["points"][1:], strict=False) if a == c or b == d
    ]  # fmt: skip
    found = []
    for k, edge in enumerate(scene["edges"]):
        said = edge.get("message")
        if not said:
            continue
        points = edge["points"]
        flat = 1 if level else 0
        last = len(points) - 1
        while last > 1 and points[last][flat] == points[last - 1][flat]:
            last -= 1
        (a, b), (c, d) = points[last - 1], points[last]
        tries = [
            (text, t, shift) for text in dict.fromkeys([said, said.rpartition("= ")[2]])
            for shift in ((0.0,) if level else (0.0, -0.7, 0.7)) for t in (0.5, 0.36, 0.64, 0.25, 0.75)
        ]  # fmt: skip
        for text, t, shift in tries:
            half = width(text, S["small"], mono=True) / 2 + 3
            bend = t * t * (3 - 2 * t)
            x = a + (c - a) * (t if level else bend) + shift * half
            y = b + (d - b) * (bend if level else t)
            area = (x - half, y - 8, x + half, y + 8)
            near = [*taken, *(o[:4] for o in lines if o[4] != k)]
            if not any(o[0] < area[2] and o[2] > area[0] and o[1] < area[3] and o[3] > area[1] for o in near):
                taken.append(area)
                found.append((x, y, text, k))
                break
    return found


def _bars(nodes: Sequence[Mapping[str, Any]], key: str, row: int) -> str:
    """One path for the tinted bars behind all values, or all gradients: its thick round outline rounds the corners."""
    out = []
    for n in nodes:
        if n.get(key):
            top = n["y"] + S["head"] + S["row"] * row + 3.5
            out.append(f"M{short(n['x'] + 9)} {short(top)}h{short(n['w'] - 18)}v9h-{short(n['w'] - 18)}z")
    return "".join(out)


def _glyphs(nodes: Sequence[Mapping[str, Any]], key: str, row: int, glyph: str, name: str) -> str:
    """One text element for the phase glyphs of all boxes."""
    held = [n for n in nodes if n.get(key)]
    if not held:
        return ""
    xs = " ".join(short(n["x"] + 8) for n in held)
    ys = " ".join(short(n["y"] + S["head"] + S["row"] * row + S["row_base"] - 1) for n in held)
    return f'<text class="{name}" x="{xs}" y="{ys}" aria-hidden="true">{glyph * len(held)}</text>'


def _grouped(found: Sequence[tuple[str, str]]) -> str:
    """Elements gathered by class: one `<g class>` for each, in order of first use, so that classes are written once."""
    held: dict[str, list[str]] = {}
    for name, element in found:
        held.setdefault(name, []).append(element)
    return "".join(f'<g class="{name}">{"".join(elements)}</g>' for name, elements in held.items())


def _boxes(nodes: Sequence[Mapping[str, Any]], wave: Waves) -> list[tuple[str, str]]:
    """(class, element) of every box; a folded module gets a second card behind its own."""
    out = []
    for n in nodes:
        rounding = S["round"] if n["kind"] in ("op", "group") else min(S["pill"], n["h"] / 2)
        size = f'width="{short(n["w"])}" height="{short(n["h"])}" rx="{short(rounding)}"'
        name = _CLASS[n["kind"]]
        if n["kind"] == "group":
            out.append((f"{name} ", f'<rect x="{short(n["x"] + 4)}" y="{short(n["y"] + 4)}" {size}/>'))
        out.append((name + wave.box(n["id"]), f'<rect x="{short(n["x"])}" y="{short(n["y"])}" {size}/>'))
    return out


def _shapes(nodes: Sequence[Mapping[str, Any]]) -> str:
    """All boxes of a kind as one path: for graphs too large to read anyway."""
    held: dict[str, list[str]] = {}
    for n in nodes:
        box = f"M{n['x']:.0f} {n['y']:.0f}h{n['w']:.0f}v{n['h']:.0f}h-{n['w']:.0f}z"
        held.setdefault(_CLASS[n["kind"]], []).append(box)
    return "".join(f'<path class="{name}" d="{"".join(boxes)}"/>' for name, boxes in held.items())


def _words(nodes: Sequence[Mapping[str, Any]], rows: Sequence[str], wave: Waves) -> list[tuple[str, str]]:
    """(class, element) of every title, formula and number; `rows` are the numbers to write."""
    out = []
    kinds = {"leaf": "t lt", "group": "t gt"}
    for n in nodes:
        tip = f"<title>{escape(n['tip'])}</title>" if n.get("tip") else ""
        title = f"{tip}{escape(n['title'])}</text>"
        if n["kind"] == "portal":
            x, y = short(n["x"] + n["w"] / 2), short(n["y"] + n["h"] / 2 + 4)
            out.append(("pt", f'<text x="{x}" y="{y}">{title}'))
            continue
        y = short(n["y"] + (S["title_y"] if rows or n["h"] <= S["head"] + 6 else n["h"] / 2 + 5))
        right = n["x"] + n["w"]
        out.append((kinds.get(n["kind"], "t"), f'<text x="{short(n["x"] + S["side"])}" y="{y}">{title}'))
        if n.get("sub") and (rows or n["h"] <= S["head"] + 6):
            out.append(("s", f'<text x="{short(right - S["side"])}" y="{y}">{escape(n["sub"])}</text>'))
        for row, key in enumerate(rows):
            if n.get(key):
                base = short(n["y"] + S["head"] + S["row"] * row + S["row_base"])
                name = ("v" if key == "value" else "d") + wave.text(n["id"], key)
                text = escape(clip(n[key], n["w"] - 32, S["number"], mono=True))
                out.append((name, f'<text x="{short(right - 9)}" y="{base}">{text}</text>'))
    return out


def _messages(scene: Scene, wave: Waves) -> list[tuple[str, str]]:
    """(class, element) of the products on arrows, each on a ground of its own."""
    out = []
    for x, y, text, k in label_spots(scene):
        half = width(text, S["small"], mono=True) / 2
        bar = f'<path d="M{short(x - half)} {short(y)}h{short(2 * half)}"/>'
        out.append(("m" + wave.message(k), f'{bar}<text x="{short(x)}" y="{short(y + 4)}">{escape(text)}</text>'))
    return out


def _badges(nodes: Sequence[Mapping[str, Any]], colours: Mapping[str, str]) -> str:
    """The marks on boxes, each with its reason."""
    out = []
    for n in nodes:
        if n.get("badge"):
            glyph, colour = BADGES[n["badge"]["kind"]]
            x, y = short(n["x"] + n["w"] - 2), n["y"] + 1
            out.append(
                f"<g><title>{escape(clip(n['badge']['text'], 900, S['small']))}</title>"
                f'<circle cx="{x}" cy="{short(y)}" r="9" fill="{colours[colour]}" stroke="{colours["ground"]}"/>'
                f'<text x="{x}" y="{short(y + 4)}" fill="{colours["card"]}" text-anchor="middle" font-size="11" '
                f'font-weight="700">{glyph}</text></g>'
            )
    return "".join(out)


def _legend(scene: Scene, rows: Sequence[str], y: float) -> list[str]:
    """What the colours and shapes mean, only for those in the picture."""
    kinds = {n["kind"] for n in scene["nodes"]}
    entries = [
        ("value" in rows, "y", GLYPHS[scene["direction"]][0], "value, carried forward"),
        ("grad" in rows, "z", GLYPHS[scene["direction"]][1], "gradient, carried back"),
        ("leaf" in kinds, "lt", "●", "leaf"),
        ("portal" in kinds, "lt", "◌", "the same leaf again"),
        ("output" in kinds, "y", "●", "result"),
        ("saved" in kinds, "z", "●", "saved for backward"),
        ("group" in kinds, "gt", "❐", "folded module"),
    ]
    out, x = [], 16.0
    for shown, name, glyph, text in entries:
        wide = 18 + width(text, S["small"]) * 1.06 + 18
        if shown and x + wide < scene["width"] + 18:
            out.append(
                f'<text class="q" x="{short(x)}" y="{short(y)}"><tspan class="{name}">{glyph}</tspan> {text}</text>'
            )
            x += wide
    return out


def _typed(edge: Mapping[str, Any]) -> str:
    """The class of an arrow by the type it carries; none for float32."""
    dtype = edge.get("dtype", "float32")
    return "" if dtype == "float32" else f" t{list(LOOKS).index(dtype)}"


def _stroke(dtype: str, theme: str) -> str:
    """Colour and dashes of the arrows of a type."""
    look = LOOKS[dtype]
    colour = THEMES[theme]["edge"] if look.series is None else SERIES[theme][look.series]
    return f"stroke:{colour};stroke-dasharray:{look.dashes or 'none'}"


def _types(types: Sequence[str], theme: str, x: float, y: float) -> str:
    """The key of the arrows: a piece of each, and the name of its type."""
    out = []
    for dtype in types:
        out.append(
            f'<path d="M{short(x)} {short(y - 4)}h26" fill="none" stroke-width="2" style="{_stroke(dtype, theme)}"/>'
        )
        out.append(f'<text class="q" x="{short(x + 32)}" y="{short(y)}">{dtype}</text>')
        x += 32 + width(dtype, S["small"]) * 1.06 + 18
    return "".join(out)


def to_svg(scene: Scene, *, animated: bool = False, theme: str = "light") -> str:
    """Draw a scene.

    `animated` plays the forward wave, then the backward wave, by CSS alone and not where the reader asked for reduced
    motion; whatever is not playing shows the final state. `theme` is "light" or "dark".
    """
    nodes = scene["nodes"]
    texts = len(nodes) <= TEXTLESS
    rows = scene["rows"] if len(nodes) <= NUMBERS else []
    seed = json.dumps([scene["nodes"], scene["edges"], scene["note"], scene["title"], animated, theme], sort_keys=True)
    name = "g" + hashlib.sha256(seed.encode()).hexdigest()[:8]
    wave = waves(scene) if animated and texts else Waves({}, {}, {}, 0, 0)
    head = 26.0 if scene["title"] else 0.0
    head += 22.0 if scene["note"] else 0.0
    types = types_of(scene) if texts else []
    head += 22.0 if types else 0.0
    tall = scene["height"] + head + 26
    wide = max(scene["width"], 260)
    colours = THEMES[theme]
    paint = "".join(f"@ .t{i}{{{_stroke(name, theme)}}}" for i, name in enumerate(LOOKS) if name in types)
    style = (
        ((_STYLE + paint) % {**S, "sans": SANS, "mono": MONO, "id": name}).replace("\n", "").replace("@", f"#{name}")
    )
    variables = "".join(f"--gv-{k}:{v};" for k, v in colours.items() if f"--gv-{k})" in style or k == "ground")
    what = f"Computation graph, {len(nodes)} boxes, {len(scene['edges'])} arrows"
    out = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{name}" viewBox="0 0 {short(wide)} {short(tall)}" '
            f'width="{short(wide)}" height="{short(tall)}" role="img" aria-label="{what}">'
        ),
        f"<style>#{name}{{{variables}}}{style}{wave.css(name)}</style>",
        (
            f'<defs><marker id="{name}-a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
            ' orient="auto">'
            f'<path d="M0 .8 7.6 4 0 7.2 1.6 4z" fill="{colours["edge"]}"/></marker></defs>'
        ),
        f'<rect width="100%" height="100%" rx="10" fill="{colours["ground"]}"/>',
    ]
    line = 0.0
    if scene["title"]:
        line += 26
        out.append(
            f'<text class="t" x="16" y="{short(line)}">{escape(clip(scene["title"], wide - 32, S["title"]))}</text>'
        )
    if scene["note"]:
        line += 22
        out.append(f'<text class="n" x="16" y="{short(line)}">{escape(scene["note"])}</text>')
    out.append(f'<g transform="translate(0 {short(head)})">' if head else "<g>")
    for f in scene["groups"]:
        x, y, w, h = (short(f[k]) for k in "xywh")
        out.append(f'<rect class="r" x="{x}" y="{y}" width="{w}" height="{h}" rx="12"/>')
        out.append(f'<text class="q rt" x="{short(f["x"] + 10)}" y="{short(f["y"] + 14)}">{escape(f["label"])}</text>')
    arrows = [
        (("e x" if edge.get("plain") else "e") + _typed(edge) + wave.edge(k), curve(edge["points"], scene["direction"]))
        for k, edge in enumerate(scene["edges"])
    ]
    out.append(_grouped([(kind, f'<path d="{path}"/>') for kind, path in arrows]))
    out.append(_grouped(_boxes(nodes, wave)) if texts else _shapes(nodes))
    for row, key in enumerate(rows):
        first = key == "value"
        glyph = GLYPHS[scene["direction"]][0 if first else 1]
        out.append(f'<path class="{"vb" if first else "db"}" d="{_bars(nodes, key, row)}"/>')
        out.append(_glyphs(nodes, key, row, glyph, "y" if first else "z"))
    if texts:
        out.append(_grouped(_words(nodes, rows, wave)))
        out.append(_grouped(_messages(scene, wave)))
        out.append(_badges(nodes, colours))
    out.append("</g>")
    out.extend(_legend(scene, rows, tall - 12))
    if types:
        out.append(_types(types, theme, 16.0, head - 8))
    out.append(wave.progress(wide, tall))
    out.append("</svg>")
    return "".join(out)


def data_uri(svg: str) -> str:
    """An SVG as the address of an image: the form that shows in untrusted notebooks too."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode("ascii")
