"""A record cut down to what its pictures show: for graphs so large that a page could not hold every operation.

Kept are the nodes that stand for a box, and those at the two ends of every arrow; steps and messages between kept nodes
stay what they were, to the digit. What happens inside a box is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MOST = 12_000  # nodes of a record that a page holds whole
INSIDE = "inside the box"  # stands for an input that was left out


def condensed(
    record: Mapping[str, Any], scenes: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]:
    """The record and the scenes, numbered anew; as they are where the record is small enough."""
    if len(record["nodes"]) <= MOST:
        return record, scenes
    seen = {n for scene in scenes for node in scene["nodes"] for n in (node["n"],)}
    seen |= {n for scene in scenes for edge in scene["edges"] for n in (edge["n_from"], edge["n_to"])}
    kept = sorted(n for n in seen if n is not None)
    new = {n: i for i, n in enumerate(kept)}
    nodes = [_node(record["nodes"][n], new) for n in kept]
    steps = [_step(step, new) for step in record["steps"] if _shown(step, new)]
    return {**record, "nodes": nodes, "steps": steps}, [_scene(scene, new) for scene in scenes]


def _node(node: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    inputs = [
        given if given.get("n") is None else {**given, "n": new[given["n"]]}
        if given["n"] in new else {"slot": given["slot"], "value": INSIDE}
        for given in node["inputs"]
    ]  # fmt: skip
    return {**node, "n": new[node["n"]], "inputs": inputs}


def _shown(step: Mapping[str, Any], new: Mapping[int, int]) -> bool:
    if step["kind"] in ("module_enter", "module_exit"):
        return False
    return step.get("n") is None or step["n"] in new or step["kind"] == "error"


def _step(step: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    made = dict(step)
    for key in ("n", "root"):
        if made.get(key) is not None:
            made[key] = new.get(made[key], -1 if key == "root" else None)
    if "messages" in made:
        made["messages"] = [{**m, "to": new[m["to"]]} for m in made["messages"] if m["to"] in new]
    return made


def _scene(scene: Mapping[str, Any], new: Mapping[int, int]) -> dict[str, Any]:
    nodes = []
    for node in scene["nodes"]:
        node = {**node, "n": None if node["n"] is None else new[node["n"]]}
        if "members" in node:
            node["members"] = [new[n] for n in node["members"] if n in new]
        nodes.append(node)
    edges = [
        {**edge, **{k: None if edge[k] is None else new[edge[k]] for k in ("n_from", "n_to")}}
        for edge in scene["edges"]
    ]  # fmt: skip
    return {**scene, "nodes": nodes, "edges": edges}
