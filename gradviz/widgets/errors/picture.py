"""The still picture of an error: the sentence, the graph, the lines to blame, the fix. One SVG, good on its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.svg import BADGES, short, to_svg
from gradviz.viz.theme import MONO, SANS, THEMES

LEAST = 660  # pixels
SIDE = 20
CODE = 12.0
LOOSE = 1.13  # the widest face a reader's system may pick, against the table of viz/measure.py


def wrap(text: str, room: float, size: float, most: int = 4) -> list[str]:
    """Text in lines of at most `room` pixels; the last one is cut if there are more than `most`."""
    room /= LOOSE
    lines: list[str] = []
    for word in clean(text).split(" "):
        word = clip(word, room, size)
        joined = f"{lines[-1]} {word}" if lines else word
        if lines and width(joined, size) <= room:
            lines[-1] = joined
        else:
            lines.append(word)
    if len(lines) > most:
        lines = [*lines[: most - 1], clip(" ".join(lines[most - 1 :]), room, size)]
    return lines


class Sheet:
    """Lines of text one under another; `y` is where the next one goes."""

    def __init__(self, wide: float, colours: dict[str, str]) -> None:
        self.wide, self.colours = wide, colours
        self.out: list[str] = []
        self.y = 0.0

    def text(
        self, x: float, text: str, *, size: float = 13, ink: str = "ink", bold: bool = False, mono: bool = False
    ) -> None:
        font = f' font-family="{MONO}"' if mono else ""
        weight = ' font-weight="600"' if bold else ""
        look = f'font-size="{size:g}" fill="{self.colours[ink]}"{font}{weight}'
        self.out.append(f'<text x="{short(x)}" y="{short(self.y)}" {look}>{escape(text)}</text>')

    def box(self, x: float, y: float, w: float, h: float, fill: str, *, bar: str = "", round_: float = 6) -> None:
        self.out.append(
            f'<rect x="{short(x)}" y="{short(y)}" width="{short(w)}" height="{short(h)}" rx="{round_:g}" '
            f'fill="{self.colours[fill]}"/>'
        )
        if bar:
            self.out.append(
                f'<rect x="{short(x)}" y="{short(y)}" width="4" height="{short(h)}" rx="2" fill="{self.colours[bar]}"/>'
            )

    def code(self, x: float, y: float, label: str, where: str, code: str, ink: str, room: float) -> None:
        """A labelled line of source on a ground of its own."""
        self.y = y
        self.text(x, label, size=11.5, bold=True)
        self.text(x + width(label, 11.5) * 1.2 + 12, where, size=11, ink="muted", mono=True)
        self.box(x, y + 7, room, 26, "frame", bar=ink)
        self.y = y + 24.5
        self.text(x + 14, clip(code, room - 24, CODE, mono=True), size=CODE, mono=True)


def picture(data: dict[str, Any], scene: dict[str, Any], theme: str = "light") -> str:
    """The SVG of `ErrorGraph`; `data` is its JSON, `scene` the graph."""
    colours = THEMES[theme]
    graph = to_svg({**scene, "title": ""}, theme=theme)
    graph_wide, graph_tall = max(scene["width"], 260), scene["height"] + 26 + (22 if scene["note"] else 0)
    wide = max(LEAST, graph_wide + 24)
    sheet = Sheet(wide, colours)
    _head(sheet, data)
    top = sheet.y
    shift = (wide - graph_wide) / 2
    sheet.out.append(graph.replace("<svg ", f'<svg x="{short(shift)}" y="{short(top)}" ', 1))
    _outlines(sheet, scene, shift, top + (22 if scene["note"] else 0))
    sheet.y = top + graph_tall + 6
    _legend(sheet, scene, data["means"])
    _places(sheet, data["places"])
    _fix(sheet, data)
    tall = sheet.y + 12
    label = escape(clip(f"{data['title']}. {data['headline']}", 4000, 13))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {short(wide)} {short(tall)}" width="{short(wide)}" '
        f'height="{short(tall)}" role="img" aria-label="{label}" font-family="{SANS}" font-size="13">'
        f'<rect width="100%" height="100%" rx="10" fill="{colours["ground"]}"/>{"".join(sheet.out)}</svg>'
    )


def _outlines(sheet: Sheet, scene: dict[str, Any], left: float, top: float) -> None:
    """A line around every marked box, so that the eye finds them: solid for the one to blame."""
    styles = {"bad": ("bad", ""), "stop": ("bad", "5 3"), "removed": ("bad", "2 3"), "changed": ("group", "2 3")}
    for node in scene["nodes"]:
        kind = (node.get("badge") or {}).get("kind")
        if kind in styles:
            ink, dash = styles[kind]
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            x, y, w, h = left + node["x"] - 3, top + node["y"] - 3, node["w"] + 6, node["h"] + 6
            sheet.out.append(
                f'<rect x="{short(x)}" y="{short(y)}" width="{short(w)}" height="{short(h)}" rx="12" fill="none" '
                f'stroke="{sheet.colours[ink]}" stroke-width="{2.4 if kind == "bad" else 1.4}"{dashes}/>'
            )
    for node in scene["nodes"]:  # over the lines
        if node.get("badge"):
            glyph, colour = BADGES[node["badge"]["kind"]]
            x, y = left + node["x"] + node["w"] - 2, top + node["y"] + 1
            sheet.out.append(_badge(sheet, x, y, glyph, colour))


def _badge(sheet: Sheet, x: float, y: float, glyph: str, colour: str) -> str:
    fill, ground = sheet.colours[colour], sheet.colours["ground"]
    return (
        f'<circle cx="{short(x)}" cy="{short(y)}" r="9" fill="{fill}" stroke="{ground}"/>'
        f'<text x="{short(x)}" y="{short(y + 4)}" fill="{sheet.colours["card"]}" text-anchor="middle" font-size="11" '
        f'font-weight="700">{glyph}</text>'
    )


def _head(sheet: Sheet, data: dict[str, Any]) -> None:
    """The kind of mistake and the sentence, on a band."""
    good = data["cause"] == "fine"
    ink, ground = ("leaf", "leaf-soft") if good else ("bad", "bad-soft")
    lines = wrap(data["headline"], sheet.wide - 2 * SIDE, 14)
    tall = 40 + 20 * len(lines) + 6
    sheet.box(0, 0, sheet.wide, tall, ground, round_=10)
    sheet.out.append(f'<rect y="{tall - 10:g}" width="100%" height="10" fill="{sheet.colours[ground]}"/>')
    sheet.y = 28
    words = f"{'✓' if good else '✕'} {data['title']}"
    sheet.text(SIDE, words, size=16, ink=ink, bold=True)
    if data["error"]:
        kind = data["error"].partition(":")[0]
        sheet.text(sheet.wide - SIDE - width(kind, 12, mono=True), kind, size=12, ink="muted", mono=True)
    sheet.y = 30
    for line in lines:
        sheet.y += 20
        sheet.text(SIDE, line, size=14)
    sheet.y = tall + 8


def _legend(sheet: Sheet, scene: dict[str, Any], means: dict[str, str]) -> None:
    """What the marks mean that are in the picture."""
    kinds = [k for k in means if any((n.get("badge") or {}).get("kind") == k for n in scene["nodes"])]
    x = float(SIDE)
    sheet.y += 10
    for kind in kinds:
        glyph, colour = BADGES[kind]
        wide = 26 + width(means[kind], 11.5) * 1.05 + 16
        if x + wide > sheet.wide:
            break
        sheet.out.append(_badge(sheet, x + 8, sheet.y - 4, glyph, colour))
        sheet.text(x + 21, means[kind], size=11.5, ink="muted")
        x += wide
    sheet.y += 14


def _places(sheet: Sheet, places: Sequence[dict[str, Any]]) -> None:
    """The lines to blame, each with its part."""
    inks = ("bad", "backward", "forward", "group", "muted")
    for ink, place in zip(inks, places, strict=False):
        sheet.code(SIDE, sheet.y + 12, place["role"], place["where"], place["text"], ink, sheet.wide - 2 * SIDE)
        sheet.y += 18


def _fix(sheet: Sheet, data: dict[str, Any]) -> None:
    for fact in data["facts"][:4]:
        for line in wrap(fact, sheet.wide - 2 * SIDE, 12.5, 2):
            sheet.y += 18
            sheet.text(SIDE, line, size=12.5, ink="muted")
    if not data["fix"]:
        return
    sheet.y += 12
    lines = wrap(f"Usual fix: {data['fix']}", sheet.wide - 2 * SIDE - 28, 13, 3)
    code = [f"{mark} {line}" for mark, line in (("✕", data["wrong"]), ("✓", data["right"])) if line]
    tall = 14 + 19 * len(lines) + 19 * len(code)
    sheet.box(SIDE, sheet.y, sheet.wide - 2 * SIDE, tall, "leaf-soft", bar="leaf")
    start = sheet.y
    sheet.y += 3
    for line in lines:
        sheet.y += 19
        sheet.text(SIDE + 16, line, ink="ink")
    for line in code:
        sheet.y += 19
        ink = "bad" if line[0] == "✕" else "leaf"
        sheet.text(SIDE + 16, clip(line, sheet.wide - 2 * SIDE - 30, CODE, mono=True), size=CODE, ink=ink, mono=True)
    sheet.y = start + tall + 4
