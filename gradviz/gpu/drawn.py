"""A captured CUDA graph as a record (gradviz.record/1), which GraphView draws: a box for each kernel, copy and fill.

The driver describes a graph in the DOT language (cudaGraphDebugDotPrint): nodes with labels of several lines, the first
of them a number, and arrows for what must be done before what.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

_NAME = r'("(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*)'
_NODE = re.compile(_NAME + r'\s*\[[^\]]*?\blabel\s*=\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ARROW = re.compile(_NAME + r"\s*->\s*" + _NAME)


class CapturedGraph:
    """What a CUDA graph does, as plain data: `nodes` in an order in which they can be done, `steps`, `meta`."""

    def __init__(self, dot: str) -> None:
        labels = {name.strip('"'): called(label) for name, label in _NODE.findall(dot) if name not in ("graph", "node")}
        arrows = [(a.strip('"'), b.strip('"')) for a, b in _ARROW.findall(dot)]
        before: dict[str, list[str]] = {name: [] for name in labels}
        for a, b in arrows:
            if a in before and b in before and a not in before[b]:
                before[b].append(a)
        order = _ordered(before)
        number = {name: n for n, name in enumerate(order)}
        self.nodes = [_node(n, labels[name], [number[a] for a in before[name]]) for name, n in number.items()]
        self.steps = [{"kind": "forward", "n": n} for n in range(len(order))]
        self.meta: dict[str, Any] = {"title": "", "library": "cuda"}

    def __repr__(self) -> str:
        return f"CapturedGraph({len(self.nodes)} nodes)"

    def to_json(self) -> dict[str, Any]:
        """The whole record as JSON-able data."""
        return {"format": "gradviz.record/1", "nodes": self.nodes, "steps": self.steps, "meta": self.meta}

    def replay(self, changes: Any = None) -> NoReturn:
        """A captured graph runs on the memory it was captured with."""
        raise TypeError("a captured CUDA graph cannot be run again on other values: graph.replay() runs it on its own")


def called(label: str) -> str:
    """What a node does, from the lines of its label: the first that is not its number, without launch sizes."""
    text = label.replace("\\n", "\n").replace("\\l", "\n").replace("\\", "")
    lines = [line.strip(" {}|\t") for line in text.splitlines()]
    names = [line for line in lines if line and not line.isdigit()]
    return names[0].partition("<<<")[0].strip() if names else "node"


def _ordered(before: dict[str, list[str]]) -> list[str]:
    """The names, each after those that come before it; otherwise as they are listed."""
    after: dict[str, list[str]] = {name: [] for name in before}
    left = {name: len(needs) for name, needs in before.items()}
    for name, needs in before.items():
        for need in needs:
            after[need].append(name)
    order = [name for name, count in left.items() if not count]
    for name in order:  # grows while it is gone through
        for then in after[name]:
            left[then] -= 1
            if not left[then]:
                order.append(then)
    return order


def _node(n: int, label: str, inputs: list[int]) -> dict[str, Any]:
    return {
        "n": n, "kind": "op", "op": label, "name": None, "label": label, "path": "", "module": None,
        "inputs": [{"slot": f"after {i}", "n": a} for i, a in enumerate(inputs)], "settings": {}, "shape": None,
        "dtype": None, "requires_grad": False, "view": False, "inplace": False, "value": None, "forward": "",
        "rules": {}, "latex": None, "elementwise": False, "line": None, "output": 0,
    }  # fmt: skip
