"""Errors of backward passes: a value that was written over, and a graph that was freed."""

from __future__ import annotations

import re
from typing import Any

from gradviz.core.backward import order
from gradviz.core.clock import shown_line
from gradviz.core.fold import open_all
from gradviz.core.node import Freed, edge_of
from gradviz.core.op import signature
from gradviz.viz.measure import clean
from gradviz.widgets.errors.blame import Blame, Place
from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.notes import Line

# The in-place write as one types it, by the operation.
OPERATORS = {"add": "+=", "sub": "-=", "mul": "*=", "div": "/="}


def written_over(evidence: Evidence) -> Blame:
    """The node that kept a value, the write that changed it, both lines, the versions."""
    frame = evidence.innermost("check_stale")
    assert frame is not None
    node, kind, slot, value = (frame.values[k] for k in ("self", "kind", "name", "value"))
    if kind == "out":
        cell = node.extra.cell
    else:
        cell = (value._base if value._base is not None else value)._cell
    n = evidence.recorder.by_seq.get((node.seq, 0))
    kept, now = cell.version_at(node.seq), cell.version
    first = next(((stamp, where) for stamp, where in cell.recent if stamp > node.seq), None)
    write, at = evidence.notes.writes.get(first[0], (None, None)) if first is not None else (None, None)
    if at is None and first is not None and first[1]:
        at = evidence.find(first[1])
    held = _held(evidence, n, kind, slot)
    user = evidence.name(n) if n is not None else node.name()
    what = "its own result" if kind == "out" else evidence.name(held) if held is not None else slot
    by = at.text if at is not None and at.text else "an in-place operation"
    made = Blame(f"{user} keeps {what} for its gradient, but it was overwritten before backward came, by: {clean(by)}")
    made.places.append(Place(f"{user} needs it", evidence.place(n), n, node.name()))
    made.places.append(Place("overwritten here", at, write, first[1] if first is not None else ""))
    line = evidence.line
    if line is not None:
        made.places.append(Place("backward fails", line))
    if n is not None:
        made.marks[n] = ("stop", f"{node.name()} needs {what} as it was: version {kept}")
    if write is not None:
        made.marks[write] = ("bad", f"wrote over it: version {kept} became {kept + 1}")
        for given in evidence.nodes[write]["inputs"][:1]:
            made.notes[write, given["slot"]] = f"v{kept} → v{kept + 1}"
    if n is not None and kind == "input":
        made.notes[n, slot] = f"keeps v{kept}"
    made.facts.append(f"Version {kept} of it was kept; in memory is version {now}.")
    made.fix = "Write out of place, so that the old value stays; or .clone() before the in-place operation."
    module = evidence.nodes[write] if write is not None and evidence.nodes[write]["module"] else None
    if module is not None and at is not None and f"{module['op']}_" not in at.text and not _target(at):
        inside = module["path"] or module["module"]
        made.fix = f"The write is done by {inside} ({module['module']}): make it with inplace=False."
    if held is not None and evidence.nodes[held]["kind"] == "leaf":
        made.fix = (
            f"{what} was changed between forward and backward: step after every backward, or run the forward again."
        )
    if write is None and held is not None:
        made.marks.setdefault(held, ("bad", f"changed by: {clean(by)}"))
    operation = evidence.nodes[write]["op"] if write is not None else ""
    name = _target(at) or (evidence.name(held) if held is not None else "y")
    if operation in OPERATORS:
        sign = OPERATORS[operation]
        made.wrong, made.right = f"{name} {sign} …", f"{name} = {name} {sign[0]} …"
    indexed = re.match(r"(\w+)\[", at.text) if at is not None else None
    if indexed is not None and at is not None:
        made.wrong, made.right = at.text, f"{indexed[1]} = {indexed[1]}.clone(); {at.text}"
    return made


def _held(evidence: Evidence, n: int | None, kind: str, slot: str) -> int | None:
    """The node whose value was kept."""
    if n is None or kind == "out":
        return n
    return next((i.get("n") for i in evidence.nodes[n]["inputs"] if i["slot"] == slot), None)


def _target(line: Line | None) -> str:
    """`y` of the line `y += 1`."""
    words = line.text.split() if line is not None else []
    return (
        words[0]
        if len(words) > 1 and words[1] in (*OPERATORS.values(), "**=", "@=") and words[0].isidentifier()
        else ""
    )


def freed(evidence: Evidence) -> Blame:
    """Which call freed the graph, and what each node has lost."""
    gone = _freed_nodes(evidence)
    evidence_nodes = evidence.recorder.by_seq
    place = next((node.saved.place for node in gone if node.saved.place), None)
    by = Line(*place) if place is not None else None
    names = [evidence.name(evidence_nodes.get((node.seq, 0))) for node in gone]
    count = f"{len(gone)} nodes" if len(gone) != 1 else "1 node"
    call = f"the call at {by.where}" if by is not None else "an earlier backward call"
    made = Blame(f"This backward pass needs values that {call} has freed: {count} lost what they had kept.")
    if by is not None:
        made.places.append(Place("freed here", by, None, shown_line(place)))
    if evidence.line is not None:
        made.places.append(Place("needed again", evidence.line))
    for i, node in enumerate(gone):
        n = evidence_nodes.get((node.seq, 0))
        if n is None:
            continue
        lost = [_lost(evidence, n, kind, name) for kind, name in _needed(evidence, n, node.op)]
        made.marks[n] = ("bad" if i == 0 else "removed", f"{node.name()} has lost {', '.join(lost) or 'what it kept'}")
    shown = [name for name in names if name != "?"]
    if shown:
        made.facts.append(
            f"Without their values: {', '.join(shown[:8])}"
            + (f" and {len(shown) - 8} more." if len(shown) > 8 else ".")
        )
    made.fix = (
        "Run the forward again before the second backward; or keep the graph with retain_graph=True in the first."
    )
    root = evidence.recorder._known(evidence.root) if evidence.root is not None else None
    again = by is not None and by == evidence.line and root is not None and root not in evidence.notes.roots
    if again and evidence.notes.roots:
        carried = next((name for name in names if name.isidentifier()), "state")
        made.facts.append(
            "The loss is a new one, and what it was computed from still leads into the graph of the last."
        )
        made.fix = f"Cut off what is carried from one step to the next: {carried} = {carried}.detach()."
        made.right = f"{carried} = {carried}.detach()"
    elif by is not None and ".backward()" in by.text:
        made.wrong, made.right = by.text, by.text.replace(".backward()", ".backward(retain_graph=True)")
    return made


def _needed(evidence: Evidence, n: int, op: Any) -> list[tuple[str, str]]:
    """What the rules mention of those inputs that want a gradient."""
    nodes = evidence.nodes
    wanted = {i["slot"] for i in nodes[n]["inputs"] if i.get("n") is not None and nodes[i["n"]]["requires_grad"]}
    rules = [rule for slot, rule in op.rules.items() if slot in wanted or op.variadic is not None]
    names = {name for rule in rules for part in signature(rule)[:2] for name in part}
    return [(kind, name) for kind, name in op.kept if kind in ("input", "out", "aux") and name in names]


def _lost(evidence: Evidence, n: int, kind: str, name: str) -> str:
    if kind == "out":
        return "its result"
    held = _held(evidence, n, kind, name)
    if held is not None and kind == "input":
        return evidence.name(held)
    value = next((i.get("value") for i in evidence.nodes[n]["inputs"] if i["slot"] == name), None)
    return f"the number {value}" if value is not None else name


def _freed_nodes(evidence: Evidence) -> list[Any]:
    """The nodes that led to the root and are freed, in the order in which backward would meet them."""
    edges: list[Any] = []
    open_all([] if evidence.root is None else [evidence.root])
    if evidence.root is not None and edge_of(evidence.root) is not None:
        edges = [edge_of(evidence.root)]
    if not edges:
        for name in ("order", "_propagate", "saved_value"):
            frame = evidence.innermost(name)
            if frame is not None:
                edges = list(frame.values.get("edges") or [frame.values.get("node") or frame.values.get("self")])
                break
    return [node for node in order(edges, to_run=False) if node.saved.__class__ is Freed and node.op is not None]
