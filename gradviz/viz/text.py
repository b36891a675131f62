"""The text twin: the same run as plain lines, for text/plain, the step table and screen readers."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gradviz.viz.measure import clean
from gradviz.viz.numbers import full, is_scalar, number, shape_text
from gradviz.viz.scene import formula, gradients, record_of

NAME = 60  # characters of a name in a line


def name_of(node: Mapping[str, Any]) -> str:
    """A node's label as one short line."""
    text = clean(node.get("label") or node.get("op") or node["kind"])
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


def sums_before(record: Mapping[str, Any]) -> dict[int, Any]:
    """What had arrived at a node before a message came, by the message's id(); nothing for the first message."""
    so_far: dict[int, Any] = {}
    found: dict[int, Any] = {}
    for step in record["steps"]:
        for message in step.get("messages", ()):
            if message.get("k", 1) > 1:
                found[id(message)] = so_far.get(message["to"])
            so_far[message["to"]] = message.get("sum")
    return found


def message_text(
    record: Mapping[str, Any], step: Mapping[str, Any], message: Mapping[str, Any], before: Mapping[str, Any] | None
) -> str:
    """One message of a backward step: `a: 6 × 2 = 12`, and where several arrive `3 += 12 -> 15 (2 of 2)`."""
    target = name_of(record["nodes"][message["to"]])
    grad, local, product = step.get("grad"), message.get("local"), message.get("product")
    text = full(product)
    if is_scalar(local) and is_scalar(grad) and local and grad:
        text = f"{number(grad['data'][0])} × {number(local['data'][0])} = {text}"
    several = message.get("of") or 1
    if several > 1:
        added = f", {full(before)} += {full(product)} -> {full(message.get('sum'))}" if before else ""
        text += f"{added} ({message.get('k')} of {several})"
    return f"{target}: {text}"


def _forward(record: Mapping[str, Any], step: Mapping[str, Any], n: int, count: int) -> str:
    node = record["nodes"][step["n"]]
    names = {e["n"]: name_of(record["nodes"][e["n"]]) for e in node["inputs"] if e.get("n") is not None}
    made = formula(node, names)
    head = f"forward {n}/{count}  {name_of(node)}" + (f" = {made}" if made else "")
    if node.get("shape", ()) is None:  # what is no tensor: a node of a CUDA graph
        return head
    return f"{head} = {full(node['value']) if node.get('value') else shape_text(node.get('shape') or ()) or 'scalar'}"


def _backward(before: Mapping[int, Any], record: Mapping[str, Any], step: Mapping[str, Any], n: int, count: int) -> str:
    sent = "; ".join(message_text(record, step, m, before.get(id(m))) for m in step.get("messages", ()))
    head = f"backward {n}/{count}  {name_of(record['nodes'][step['n']])}  grad {full(step.get('grad'))}"
    return f"{head}  -> {sent}" if sent else head


def _change(word: str) -> Any:
    def line(record: Mapping[str, Any], step: Mapping[str, Any], n: int, count: int) -> str:
        before = f"{full(step['before'])} -> " if step.get("before") else ""
        return f"{word} {n}/{count}  {name_of(record['nodes'][step['n']])}  {before}{full(step.get('after'))}"

    return line


def _error(record: Mapping[str, Any], step: Mapping[str, Any], n: int, count: int) -> str:
    where = f" at {name_of(record['nodes'][step['n']])}" if step.get("n") is not None else ""
    return f"error{where}: {clean(step.get('text') or '')}"


_LINES: dict[str, Any] = {
    "forward": _forward,
    "backward": functools.partial(_backward, {}),
    "accumulate": _change(".grad"),
    "optimizer": _change("update"),
    "zero_grad": lambda record, step, n, count: f"zero_grad {n}/{count}  {name_of(record['nodes'][step['n']])}",
    "error": _error,
}


class Told(NamedTuple):
    """A step that has a line: where it is in the record, and that it is the `n`-th of `of` of its kind."""

    at: int
    step: Mapping[str, Any]
    n: int
    of: int


def told(record: Mapping[str, Any]) -> list[Told]:
    """The steps that have a line in the text twin."""
    found = [
        (i, step) for i, step in enumerate(record["steps"])
        if step["kind"] in _LINES and not (step["kind"] == "forward" and record["nodes"][step["n"]]["kind"] != "op")
        and not (step["kind"] == "zero_grad" and step.get("n") is None)
    ]  # fmt: skip
    counts: dict[str, int] = {}
    for _, step in found:
        counts[step["kind"]] = counts.get(step["kind"], 0) + 1
    seen: dict[str, int] = {}
    out = []
    for i, step in found:
        kind = step["kind"]
        seen[kind] = seen.get(kind, 0) + 1
        out.append(Told(i, step, seen[kind], counts[kind]))
    return out


def written(record: Mapping[str, Any], steps: Iterable[Told]) -> list[str]:
    """The lines of some steps."""
    write = _LINES | {"backward": functools.partial(_backward, sums_before(record))}
    return [write[step["kind"]](record, step, n, count) + _hook(step) for _, step, n, count in steps]


def _hook(step: Mapping[str, Any]) -> str:
    """What a hook did at a step (gradviz/widgets/graph/hooked.py)."""
    return f"  [{clean(step['hook'])}]" if step.get("hook") else ""


def lines(recording: Any) -> list[tuple[int, str]]:
    """(index into the record's steps, text) for each step that does something to a number."""
    record = record_of(recording)
    steps = told(record)
    return [(step.at, text) for step, text in zip(steps, written(record, steps), strict=True)]


def summary_line(recording: Any) -> str:
    """What the graph holds, in one line."""
    record = record_of(recording)
    count = {kind: sum(node["kind"] == kind for node in record["nodes"]) for kind in ("op", "leaf", "const")}
    words = [("op", "operations"), ("leaf", "leaves"), ("const", "constants")]
    title = clean((record.get("meta") or {}).get("title") or "")
    text = ", ".join(f"{count[k]} {word if count[k] != 1 else _ONE[word]}" for k, word in words if count[k])
    return f"{title + ': ' if title else ''}graph of {text or 'nothing'}"


_ONE = {"operations": "operation", "leaves": "leaf", "constants": "constant"}


def to_text(recording: Any, *, most: int = 40) -> str:
    """The whole twin: one line about the graph, the leaves with their values, the steps (at most `most` of each), and
    the leaves' gradients."""
    record = record_of(recording)
    grads = gradients(record)
    leaves = [n for n in record["nodes"] if n["kind"] in ("leaf", "const")]
    steps = [step for step in told(record) if step.step["kind"] != "accumulate"]
    reached = [n for n in leaves if n["n"] in grads]
    sections = [
        (len(leaves), [f"{name_of(n)} = {full(n.get('value'))}" for n in leaves[:most]]),
        (len(steps), written(record, steps[:most])),
        (len(reached), [f"{name_of(n)}.grad = {full(grads[n['n']])}" for n in reached[:most]]),
    ]
    out = [summary_line(record)]
    for count, section in sections:
        out.extend("  " + text for text in section)
        if count > most:
            out.append(f"  ... {count - most} more")
    return "\n".join(out)
