"""`ChainRuleCard`: the chain rule at one node of a real backward pass, with every number in it."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from gradviz.core.tensor import Tensor
from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.plot import document
from gradviz.viz.theme import MONO, THEMES
from gradviz.widgets.base import View
from gradviz.widgets.graph.breakpoints import short
from gradviz.widgets.graph.chain_rule_text import ChainRule, Part, chain_rule, written
from gradviz.widgets.graph.embed import embed
from gradviz.widgets.graph.hooked import hooked
from gradviz.widgets.graph.source import data_of, recorded
from gradviz.widgets.graph.tidy import without
from gradviz.widgets.replay import replay_html

WHOLE = 160  # nodes up to which the whole record goes into the page, so that every link leads somewhere
WIDE, SIDE = 689, 22
CARD = {"nodes": [], "edges": [], "groups": [], "width": 1, "height": 1, "rows": ["value", "grad"], "direction": "lr"}


class ChainRuleCard(View):
    """One node of a backward pass: its formula with numbers put in, every contribution to its gradient with upstream
    times local, the running sum, what becomes of it, and what it passes on.

    Args:
        source: the loss, a function that computes it, or a tape: as for `BackpropStepper`.
        node: the node's name in the graph, its number there, or the tensor itself; the loss if left out.
            ValueError lists the names there are.
        title: shown above the card.
    """

    def __init__(self, source: Any, node: str | int | Tensor | None = None, *, title: str | None = None) -> None:
        recording = recorded(source)
        self.record: Mapping[str, Any] = hooked(data_of(recording, title))
        self.title = title or ""
        self.n = _find(self.record, recording, node)
        self.rule: ChainRule = chain_rule(self.record, self.n)

    def to_text(self) -> str:
        lines = written(self.rule)
        return "\n".join([f"{clean(self.title)}: {lines[0]}" if self.title else lines[0], *lines[1:]])

    def to_json(self) -> dict[str, Any]:
        parts = {key: [part._asdict() for part in getattr(self.rule, key)] for key in ("arrived", "sent")}
        return {"n": self.n, **self.rule._asdict(), **parts}

    def to_svg(self, *, theme: str = "light") -> str:
        return _Drawn(self.rule, self.title, theme).svg()

    def table(self) -> list[list[str]]:
        """The contributions as rows of text, under a head."""
        return [["from", "upstream × local = product", "sum"], *([p.who, p.maths, p.more] for p in self.rule.arrived)]

    def data(self) -> dict[str, Any]:
        """What the script is given: the record, or of a large one what lies around the node."""
        record, n, whole = self.record, self.n, sorted(range(len(self.record["nodes"])))
        if len(record["nodes"]) > WHOLE:
            near = _around(record, {n})
            kept = sorted(_around(record, near))
            record = without(dict(record), set(range(len(record["nodes"]))) - set(kept))
            n, whole = kept.index(n), sorted(kept.index(m) for m in near)
        made = embed(record, [CARD], title=self.title, backward=True)
        return {**made, "n": n, "whole": whole}

    def to_html(self) -> str:
        caption = "Contributions as a table"
        return replay_html("chain_rule_card", self.data(), self.to_svg(), self.to_text(), self.table(), caption=caption)


def _find(record: Mapping[str, Any], recording: Any, node: Any) -> int:
    """The number of the node that is meant."""
    nodes = record["nodes"]
    if node is None:
        begun = [step["root"] for step in record["steps"] if step["kind"] == "backward_begin"]
        return int(begun[-1]) if begun else len(nodes) - 1
    if isinstance(node, int) and not isinstance(node, bool):
        if not 0 <= node < len(nodes):
            raise IndexError(f"node {node} is outside the graph of {len(nodes)} nodes")
        return node
    if isinstance(node, Tensor):
        was = recording.recorder._known(node) if recording.recorder is not None else None
        if was is None and node._edge is not None:
            was = recording.recorder.by_seq.get((node._edge.node.seq, node._edge.nr))
        label = None if was is None else recording.nodes[was].get("variable") or recording.nodes[was]["label"]
        node = label if label is not None else ""
        if not node:
            raise ValueError("this tensor is not a node of the graph\nGive one that the loss was computed from.")
    if not isinstance(node, str):
        raise TypeError(f"a node is given by its name, its number or its tensor, got {type(node).__name__}")
    found = next((x["n"] for x in nodes if x["label"] == node), None)
    if found is None:
        labels = list(dict.fromkeys(x["label"] for x in nodes if x["label"]))
        near = get_close_matches(node, labels, 1)
        hint = f" (did you mean {short(near[0])!r}?)" if near else ""
        some = ", ".join(short(label) for label in labels[:40]) + (" ..." if len(labels) > 40 else "")
        raise ValueError(f"no node is called {short(node)!r}{hint}\nnodes: {some}")
    return int(found)


def _around(record: Mapping[str, Any], centre: set[int]) -> set[int]:
    """Nodes, and those one arrow or one message away."""
    found = set(centre)
    for node in record["nodes"]:
        given = {e["n"] for e in node["inputs"] if e.get("n") is not None}
        if node["n"] in centre:
            found |= given
        elif given & centre:
            found.add(node["n"])
    for step in record["steps"]:
        to = {m["to"] for m in step.get("messages", ()) if m["to"] >= 0}
        if step.get("n") in centre:
            found |= to
        elif to & centre and step["n"] >= 0:
            found.add(step["n"])
    return found


class _Drawn:
    """The card as a picture, from top to bottom."""

    def __init__(self, rule: ChainRule, title: str, theme: str) -> None:
        self.rule, self.title, self.colours = rule, title, THEMES[theme]
        self.theme = theme
        self.y = 14.0
        self.out: list[str] = []

    def svg(self) -> str:
        rule = self.rule
        self._head()
        self._section("Forward")
        for i, line in enumerate(rule.forward):
            self._maths(line if i == 0 else f"{' ' * min(len(rule.name), 24)} {line}", bold=i > 0)
        self._section(f"Gradient of {rule.name}", chip=rule.state)
        for part in rule.arrived:
            self._part("from", part, "muted")
        if rule.gradient and rule.arrived and rule.kind != "leaf":
            self._maths(f"total {rule.gradient}", bold=True, colour="backward")
        if rule.hook:
            self._maths(rule.hook, colour="group")
        if rule.grad:
            self._box(rule.grad)
        if rule.sent:
            self._section("Passed on")
            for part in rule.sent:
                self._part("to", part, "backward")
        if rule.source:
            self._section("Where it comes from")
            self._maths(rule.source, colour="muted")
        tall = self.y + 16
        frame = f'<rect x=".5" y=".5" width="{WIDE - 1}" height="{tall - 1:.0f}" rx="10" fill="none" '
        return document(
            [f'{frame}stroke="{self.colours["line"]}"/>', *self.out],
            WIDE,
            tall,
            self.title or rule.name,
            theme=self.theme,
        )

    def _text(self, x: float, text: str, size: float, colour: str, *, mono: bool = False, bold: bool = False) -> None:
        room = WIDE - SIDE - x
        face = f' font-family="{escape(MONO)}" xml:space="preserve"' if mono else ""
        weight = ' font-weight="600"' if bold else ""
        shown, ink = escape(clip(clean(text), room, size, mono=mono)), self.colours[colour]
        place = f'x="{x:.0f}" y="{self.y:.0f}" font-size="{size}"'
        self.out.append(f'<text {place} fill="{ink}"{face}{weight}>{shown}</text>')

    def _pill(self, x: float, text: str, ink: str, ground: str) -> float:
        wide = width(text, 11) * 1.15 + 18
        place = f'x="{x:.0f}" y="{self.y - 14:.0f}" width="{wide:.0f}" height="20"'
        self.out.append(
            f'<rect {place} rx="6" fill="{self.colours[ground]}"/>'
            f'<text x="{x + wide / 2:.0f}" y="{self.y:.0f}" font-size="11" font-weight="600" text-anchor="middle" '
            f'fill="{self.colours[ink]}">{escape(text)}</text>'
        )
        return wide

    def _head(self) -> None:
        if self.title:
            self.y += 16
            self._text(SIDE, self.title, 13, "muted", bold=True)
        self.y += 24
        leaf = self.rule.kind == "leaf"
        kind = clip(self.rule.kind, 160, 11)
        wide = self._pill(SIDE, kind, "leaf" if leaf else "muted", "leaf-soft" if leaf else "frame")
        name = clip(self.rule.name, 380, 17)
        self._text(SIDE + wide + 10, name, 17, "ink", bold=True)
        self._text(SIDE + wide + 24 + width(name, 17) * 1.12, self.rule.shape, 12, "muted", mono=True)

    def _section(self, title: str, chip: str = "") -> None:
        self.y += 32
        shown = clip(title, 420, 12)
        self._text(SIDE, shown, 12, "muted", bold=True)
        if chip:
            colours = ("leaf", "leaf-soft") if "stored" in chip else ("backward", "backward-soft")
            if chip.startswith(("not", "needs")):
                colours = ("muted", "frame")
            self._pill(SIDE + width(shown, 12) * 1.2 + 14, chip, *colours)
        self.y += 2

    def _maths(self, text: str, *, bold: bool = False, colour: str = "ink") -> None:
        self.y += 20
        self._text(SIDE, text, 13, colour, mono=True, bold=bold)

    def _part(self, word: str, part: Part, colour: str) -> None:
        self.y += 21
        who = clip(part.who, 110, 12)
        self._text(SIDE, word, 12, "muted")
        self._text(SIDE + 34, who, 12, "forward", bold=True)
        self._text(SIDE + 160, part.maths, 13, "ink", mono=True)
        if part.more:
            self.y += 18
            self._text(SIDE + 160, part.more, 12, colour, mono=True)

    def _box(self, text: str) -> None:
        self.y += 12
        self.out.append(
            f'<rect x="{SIDE}" y="{self.y:.0f}" width="{WIDE - 2 * SIDE}" height="30" rx="6" '
            f'fill="{self.colours["leaf-soft"]}"/>'
        )
        self.y += 20
        self._text(SIDE + 12, text, 13, "leaf", mono=True, bold=True)
        self.y += 10
