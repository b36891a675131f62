"""A record without what a learner's own `Function` does inside: as in the real graph, that is its own affair.

What runs in its `forward` comes just before it, needs no gradient and is used by nothing else; what runs in its
`backward` comes during the backward pass. Both would be drawn as loose boxes that lead nowhere.
"""

from __future__ import annotations

from typing import Any


def tidy(record: dict[str, Any]) -> dict[str, Any]:
    """The record without these operations, numbered anew; the same record where there are none."""
    nodes, steps = record["nodes"], record["steps"]
    users = _users(nodes)
    away: set[int] = set()
    for n in sorted(_inside_backward(nodes, steps), reverse=True):
        if users[n] <= away:  # and not what a gradient that is itself recorded was made of
            away.add(n)
    for node in nodes:
        if _is_custom(node):
            n = node["n"] - 1
            while n >= 0 and _inside(nodes[n]) and users[n] <= away:
                away.add(n)
                n -= 1
    away |= {n["n"] for n in nodes if n["kind"] == "const" and users[n["n"]] and users[n["n"]] <= away}
    return without(record, away) if away else record


def without_setup(record: dict[str, Any]) -> dict[str, Any]:
    """The record without how parameters came to their first numbers: writes and copies that lead nowhere."""
    nodes = record["nodes"]
    users = _users(nodes)
    away: set[int] = set()
    for node in reversed(nodes):
        setup = node["op"] == "detach" or (node["inplace"] and node["name"] is None) or node.get("drop")
        if node["kind"] == "op" and setup and users[node["n"]] <= away and not node.get("badge"):
            away.add(node["n"])
    away |= {n["n"] for n in nodes if n["kind"] == "const" and users[n["n"]] and users[n["n"]] <= away}
    return without(record, away) if away else record


def around(record: dict[str, Any], centre: list[int], most: int) -> dict[str, Any]:
    """The record with at most `most` nodes: those from which the fewest arrows lead to one of the `centre`."""
    nodes = record["nodes"]
    if len(nodes) <= most:
        return record
    near: list[set[int]] = [{i["n"] for i in node["inputs"] if i.get("n") is not None} for node in nodes]
    for node in nodes:
        for n in list(near[node["n"]]):
            near[n].add(node["n"])
    kept = dict.fromkeys(centre or [nodes[-1]["n"]])
    queue = list(kept)
    while queue and len(kept) < most:
        n = queue.pop(0)
        for m in sorted(near[n]):
            if m not in kept and len(kept) < most:
                kept[m] = None
                queue.append(m)
    kept = dict.fromkeys(list(kept)[:most])
    return without(record, {node["n"] for node in nodes if node["n"] not in kept})


def _users(nodes: list[dict[str, Any]]) -> list[set[int]]:
    """For each node the nodes that it is an input of."""
    users: list[set[int]] = [set() for _ in nodes]
    for node in nodes:
        for given in node["inputs"]:
            if given.get("n") is not None:
                users[given["n"]].add(node["n"])
    return users


def _is_custom(node: dict[str, Any]) -> bool:
    """A `Function` of the learner: PyTorch numbers the names of its own operations, and not of others'."""
    return node["kind"] == "op" and str(node.get("name") or "0")[-1:].isalpha()


def _inside(node: dict[str, Any]) -> bool:
    """Whether a node before a `Function` may be of its forward: unrecorded, or a write into an input it marks dirty."""
    return node["kind"] != "leaf" and (node["inplace"] or not node["requires_grad"])


def _inside_backward(nodes: list[dict[str, Any]], steps: list[dict[str, Any]]) -> set[int]:
    found, inside = set(), False
    for step in steps:
        if step["kind"] in ("backward_begin", "backward_end"):
            inside = step["kind"] == "backward_begin"
        elif inside and step["kind"] == "forward" and not nodes[step["n"]]["requires_grad"]:
            found.add(step["n"])
    return found


def without(record: dict[str, Any], away: set[int]) -> dict[str, Any]:
    """The record without some nodes, the others numbered anew."""
    kept = [node for node in record["nodes"] if node["n"] not in away]
    new = {node["n"]: i for i, node in enumerate(kept)}

    def moved(part: dict[str, Any], key: str) -> dict[str, Any]:
        return {**part, key: new.get(part[key], -1)} if part.get(key) is not None else part

    def given(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "n": new.get(part["n"])} if part.get("n") is not None else part

    nodes = [{**node, "n": new[node["n"]], "inputs": [given(i) for i in node["inputs"]]} for node in kept]
    steps = []
    for step in record["steps"]:
        if step.get("n") in away:
            continue
        step = moved(moved(step, "n"), "root")
        if "messages" in step:
            step = {**step, "messages": [moved(message, "to") for message in step["messages"]]}
        steps.append(step)
    return {**record, "nodes": nodes, "steps": steps}
