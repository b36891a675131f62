"""Where hooks changed a gradient on its way: a record shows what became of it, here it is told that a hook did it.

A gradient that goes into a node, or into `.grad`, without being what had arrived there was changed by a hook on its
tensor. What an operation passes on without being upstream times local was changed by a hook on the node.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gradviz.viz.numbers import full
from gradviz.viz.text import name_of

STATS = ("norm", "min", "max", "mean")


def hooked(record: dict[str, Any]) -> dict[str, Any]:
    """The record with `hook` on each step at which one changed something; the same record where none did."""
    if _nested(record):  # what a pass within a pass adds up is not written down
        return record
    sums: dict[int, Any] = {}
    steps = []
    for step in record["steps"]:
        made = step
        if step["kind"] == "backward" and step["n"] >= 0:
            made = _passed_on(record, step, sums.get(step["n"]))
            sums |= {m["to"]: m["sum"] for m in step["messages"]}
        elif step["kind"] == "accumulate":
            made = _stored(record, step, sums.get(step["n"]))
        elif step["kind"] == "backward_begin":
            sums = {}
        steps.append(made)
    same = all(new is old for new, old in zip(steps, record["steps"], strict=True))
    return record if same else {**record, "steps": steps}


def _nested(record: Mapping[str, Any]) -> bool:
    depth = 0
    for step in record["steps"]:
        depth += (step["kind"] == "backward_begin") - (step["kind"] == "backward_end")
        if depth > 1:
            return True
    return False


def _passed_on(record: Mapping[str, Any], step: dict[str, Any], arrived: Any) -> dict[str, Any]:
    nodes, said = record["nodes"], []
    name = name_of(nodes[step["n"]])
    if arrived is not None and _differ(arrived, step["grad"]):
        said.append(f"a hook changed the gradient of {name} from {full(arrived)} to {full(step['grad'])}")
    messages = []
    for m in step["messages"]:
        expected = _times(step["grad"], m["local"], m["product"])
        if expected is None or not _apart(expected, m["product"]["data"]):
            messages.append(m)
            continue
        was = {**m["product"], "data": expected, "norm": math.hypot(*expected)}
        said.append(f"a hook changed what {name} passes on to {name_of(nodes[m['to']])} from {full(was)}")
        messages.append({**m, "local": None})  # what is passed on is not a product any more
    return {**step, "messages": messages, "hook": "; ".join(said)} if said else step


def _stored(record: Mapping[str, Any], step: dict[str, Any], arrived: Any) -> dict[str, Any]:
    before, after = step["before"], step["after"]
    if arrived is None or after is None:
        return step
    if before is None:
        changed = _differ(arrived, after)
    else:
        data = [v.get("data") for v in (before, arrived, after)]
        if any(d is None or not all(_real(x) for x in d) for d in data):
            return step
        changed = _apart([a + b for a, b in zip(data[0], data[1], strict=True)], data[2])
    if not changed:
        return step
    name = name_of(record["nodes"][step["n"]])
    became = f"from {full(arrived)} to {full(after)}" if before is None else f"{full(arrived)} had arrived"
    return {**step, "hook": f"a hook changed the gradient of {name}{' ' if before is None else ': '}{became}"}


def _differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two summaries cannot be of the same numbers."""
    if a.get("data") is not None and b.get("data") is not None:
        return bool(a["data"] != b["data"])
    return any(a.get(key) != b.get(key) for key in STATS)


def _real(x: Any) -> bool:
    return isinstance(x, int | float) and math.isfinite(x)


def _times(grad: Any, local: Any, product: Any) -> list[float] | None:
    """Upstream times local, element by element; None where that is not what a rule does, or is not known."""
    if not (grad and local and product) or not grad["shape"] == local["shape"] == product["shape"]:
        return None
    data = [v.get("data") for v in (grad, local, product)]
    if any(d is None or not all(_real(x) for x in d) for d in data):
        return None
    return [a * b for a, b in zip(data[0], data[1], strict=True)]


def _apart(expected: list[float], found: list[float]) -> bool:
    """Whether two lists differ by more than rounding, in whatever type."""
    most = max((abs(x) for x in (*expected, *found)), default=0.0)
    return any(abs(a - b) > 0.02 * max(abs(a), abs(b)) + 1e-5 * most for a, b in zip(expected, found, strict=True))
