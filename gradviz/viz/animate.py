"""The forward wave and the backward wave as CSS: every box, number and arrow gets the moments at which it acts.

All animations share one length and loop together three times; each moment has its own key frames. Nothing is hidden
outside the animation, so a reader without motion sees the final state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

STEPS = 16  # ops up to which every step is its own moment; longer runs move several ops at a time
WAVES = 8  # moments each way in graphs of more than CROWD boxes
CROWD = 60
REST = 3.0  # seconds the final state stays before the loop starts again
LOOPS = 3


class Waves(NamedTuple):
    """When each thing acts: forward and backward moments by box id, (forward, backward) by edge index."""

    forward: dict[int, int]
    backward: dict[int, int]
    edges: dict[int, tuple[int, int]]
    forwards: int
    backwards: int

    @property
    def beat(self) -> float:
        """Seconds a moment lasts: 0.7 in a small graph, less in a long one."""
        return min(0.7, max(0.14, 11 / max(1, self.forwards + self.backwards)))

    @property
    def length(self) -> float:
        """Seconds of one loop."""
        return self.beat * (self.forwards + self.backwards + 1) + REST

    def at(self, moment: float) -> float:
        """A moment as a percentage of the loop."""
        return 100 * self.beat * moment / self.length

    def box(self, node: int) -> str:
        """The class of a box that lights up when its value, then its gradient, arrives."""
        if node not in self.forward:
            return ""
        return f" b{self.forward[node]}-{self.backward.get(node, -1) + 1}"

    def text(self, node: int, key: str) -> str:
        """The class of a number that appears at its moment."""
        if key == "value":
            return f" f{self.forward[node]}" if node in self.forward else ""
        return f" w{self.backward[node]}" if node in self.backward else ""

    def edge(self, index: int) -> str:
        """The class of an arrow that carries a value on, then a gradient back."""
        if index not in self.edges:
            return ""
        f, b = self.edges[index]
        return f" a{f}-{b + 1}"

    def message(self, index: int) -> str:
        """The class of a product that appears when its arrow carries it."""
        back = self.edges.get(index, (0, -1))[1]
        return f" w{back}" if back >= 0 else ""

    def css(self, name: str) -> str:
        """Key frames for every moment that occurs, inside a query that respects reduced motion."""
        if not self.forwards:
            return ""
        rules: dict[str, str] = {}
        f_end = self.forwards
        for node, f in self.forward.items():
            rules[f"f{f}"] = self._appear(f)
            b = self.backward.get(node, -1)
            if b >= 0:
                rules[f"w{b}"] = self._appear(f_end + b)
            rules[self.box(node)[1:]] = self._pulse(f, b)
        for index, (f, b) in self.edges.items():
            rules[self.edge(index)[1:]] = self._pulse(f, b)
            if b >= 0:
                rules[f"w{b}"] = self._appear(f_end + b)
        out = []
        for rule, frames in rules.items():
            out.append(f"@keyframes {name}{rule}{{{frames}}}#{name} .{rule}{{animation-name:{name}{rule}}}")
        f_part, b_part = self.at(f_end), self.at(f_end + self.backwards)
        out.append(f"@keyframes {name}pf{{0%{{transform:scaleX(0)}}{f_part:.1f}%,to{{transform:none}}}}")
        out.append(f"@keyframes {name}pb{{0%,{f_part:.1f}%{{transform:scaleX(0)}}{b_part:.1f}%,to{{transform:none}}}}")
        out.append(
            f"#{name} .pf{{animation-name:{name}pf}}#{name} .pb{{animation-name:{name}pb;transform-origin:right}}"
        )
        every = ",".join(f"#{name} .{rule}" for rule in [*rules, "pf", "pb"])
        timing = f"{every}{{animation-duration:{self.length:.2f}s;animation-iteration-count:{LOOPS}}}"
        timing += f"#{name} .pf,#{name} .pb{{animation-timing-function:linear}}"
        return f"@media (prefers-reduced-motion:no-preference){{{''.join(out)}{timing}}}"

    def _appear(self, moment: float) -> str:
        start, end = self.at(moment + 0.35), self.at(moment + 0.8)
        return f"0%,{start:.1f}%{{opacity:0}}{end:.1f}%,to{{opacity:1}}"

    def _pulse(self, forward: int, backward: int) -> str:
        still = "{stroke:var(--b);stroke-width:var(--t)}"
        out = "0%"
        for moment, colour in ((forward, "forward"), (self.forwards + backward if backward >= 0 else -1, "backward")):
            if moment >= 0:
                a, b, c, d = (f"{self.at(moment + t):.1f}%" for t in (0.0, 0.25, 0.8, 1.3))
                out += f",{a}{still}{b},{c}{{stroke:var(--gv-{colour});stroke-width:2.6}}{d}"
        return f"{out},to{still}"

    def progress(self, wide: float, tall: float) -> str:
        """A thin line at the foot that fills forward in one colour and backward in the other."""
        if not self.forwards:
            return ""
        y, w = f"{tall - 3:g}", f"{wide / 2:g}"
        return (
            f'<rect class="pf" y="{y}" width="{w}" height="3" style="fill:var(--gv-forward)"/>'
            f'<rect class="pb" x="{w}" y="{y}" width="{w}" height="3" style="fill:var(--gv-backward)"/>'
        )


def _moments(order: list[int], limit: int) -> dict[int, int]:
    """Give each thing in order its moment, several to a moment where there are more than `limit`."""
    count = len(order)
    share = max(1, -(-count // limit))
    return {n: i // share for i, n in enumerate(order)}


def waves(scene: Mapping[str, Any]) -> Waves:
    """The moments of a scene whose record is known: forward as ops ran, backward as they were undone."""
    record = scene.get("record")
    if not record:
        return Waves({}, {}, {}, 0, 0)
    boxes: dict[int, int] = {}
    for node in scene["nodes"]:
        for n in node.get("members") or ([] if node["n"] is None or node["kind"] == "portal" else [node["n"]]):
            boxes[n] = node["id"]
    kinds = {node["id"]: node["kind"] for node in scene["nodes"]}
    ran: list[int] = []
    undone: list[int] = []
    sent: dict[tuple[int, int], int] = {}
    for step in record["steps"]:
        box = boxes.get(step.get("n"), -1) if step["kind"] in ("forward", "backward", "accumulate") else -1
        if box < 0:
            continue
        if step["kind"] == "forward" and kinds[box] in ("op", "group") and box not in ran[-1:]:
            ran.append(box)
        elif step["kind"] == "backward" and record["nodes"][step["n"]]["kind"] == "op":
            if box not in undone[-1:]:
                undone.append(box)
            for message in step.get("messages", ()):
                sent[message["to"], step["n"]] = box
    ran = list(dict.fromkeys(ran)) or [i for i, kind in kinds.items() if kind in ("op", "group")]
    undone = list(dict.fromkeys(undone))
    most = STEPS if len(kinds) <= CROWD else WAVES
    forward = dict.fromkeys(kinds, 0) | {i: m + 1 for i, m in _moments(ran, most).items()}
    back = {i: m + 1 for i, m in _moments(undone, most).items()}
    backward = {undone[0]: 0} if undone else {}
    for (to, _), sender in sent.items():  # a gradient is complete when its last message has arrived
        box = boxes.get(to, sender)
        if box != sender:
            backward[box] = max(backward.get(box, 0), back[sender])
    edges = {}
    for k, edge in enumerate(scene["edges"]):
        sender = sent.get((edge["n_from"], edge["n_to"]), -1)
        edges[k] = (forward.get(edge["to"], 0), back[sender] if sender >= 0 else -1)
    forwards = max(forward.values(), default=0) + 1
    return Waves(forward, backward, edges, forwards, max(back.values(), default=-1) + 1)
