"""Where the way from a result to a leaf is cut: no error, only a `.grad` that stays None.

Data flows from the leaf to the result, and gradients come back only where every step was recorded. The first step that
was not is the cut: `.detach()`, `.data`, `no_grad`, an operation on whole numbers, or Python (`.item()`, `.numpy()`).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from gradviz.core.op import OPS
from gradviz.core.tensor import Tensor
from gradviz.widgets.errors.blame import Blame, Place
from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.notes import Line

TRIVIAL = (0.0, 1.0, -1.0, 2.0, 0.5)
LEAVES = re.compile(r"\.(item|tolist|numpy|data|detach_?)\b|\bfloat\(|\bint\(|no_grad|from_numpy|np\.")


class Cut(NamedTuple):
    """Between node `before`, which leads to the leaf, and `after`, which leads to the result."""

    before: int
    after: int
    slot: str
    how: str
    why: str
    fix: str


def ways(evidence: Evidence, leaf: int) -> set[int]:
    """Every node that a gradient could come back from to the leaf."""
    nodes = evidence.nodes
    found = {leaf} if nodes[leaf]["requires_grad"] else set()
    for node in nodes:
        if node["requires_grad"] and any(i.get("n") in found and carries(node, i["slot"]) for i in node["inputs"]):
            found.add(node["n"])
    return found


def carries(node: dict[str, Any], slot: str) -> bool:
    """Whether an operation has a gradient rule for this input."""
    op = OPS.get(node["op"] or "")
    return op is None or op.variadic is not None or slot not in op.inputs or slot in op.rules


def flows(evidence: Evidence, leaf: int) -> set[int]:
    """Every node that was computed from the leaf, recorded or not."""
    found = {leaf}
    for node in evidence.nodes:
        if any(i.get("n") in found for i in node["inputs"]) or evidence.notes.shared.get(node["n"]) in found:
            found.add(node["n"])
    return found


def leads(evidence: Evidence, root: int) -> set[int]:
    """Every node that the result was computed from."""
    found = {root}
    stack = [root]
    while stack:
        n = stack.pop()
        before = [i["n"] for i in evidence.nodes[n]["inputs"] if i.get("n") is not None]
        if n in evidence.notes.shared:
            before.append(evidence.notes.shared[n])
        stack.extend(m for m in before if m not in found)
        found.update(before)
    return found


def find(evidence: Evidence, leaf: int, root: int) -> Cut | None:
    """The first step on the way from the leaf to the result that no gradient comes back through."""
    reach, inside = ways(evidence, leaf), leads(evidence, root)
    if root in reach:
        return None
    nodes, shared = evidence.nodes, evidence.notes.shared
    for node in nodes:
        n = node["n"]
        if n not in inside or n in reach:
            continue
        for given in node["inputs"]:
            if given.get("n") in reach:
                return Cut(given["n"], n, given["slot"], *_reason(evidence, node, given["slot"]))
        if shared.get(n) in reach:
            how = _written(evidence, shared[n], n, (".data", ".numpy()"))
            why = "is the same memory, taken out of the graph"
            return Cut(shared[n], n, "", how or ".data or .numpy()", why, KEEP)
    return _through_python(evidence, reach, inside)


KEEP = "Compute with the tensor itself; .detach(), .data and .numpy() are for looking, not for computing on."


def _reason(evidence: Evidence, node: dict[str, Any], slot: str) -> tuple[str, str, str]:
    """How an operation cut the way, why, and the fix."""
    n, name = node["n"], node["op"]
    quiet = evidence.notes.quiet.get(n)
    op = OPS.get(name)
    if name == "detach":
        return ".detach()", "gives the same numbers without their history", KEEP
    if quiet:
        fix = f"Compute it outside the `with torch.{quiet}():` block; inside, nothing is recorded."
        return quiet, f"was computed inside torch.{quiet}(), where nothing is recorded", fix
    if str(node["dtype"]).startswith(("int", "uint", "bool")):
        fix = "Whole numbers and true/false have no derivative: use a smooth one (softmax for argmax, sigmoid for >)."
        return name, f"gives {node['dtype']}, which has no derivative", fix
    if op is not None and slot in op.inputs and slot not in op.rules:
        return name, f"has no gradient for its input {slot}", "Use an operation that has one."
    fix = "Take the tensor as it was before .detach_() or .requires_grad_(False)."
    return "detach_()", "was given a tensor that had been taken out of the graph", fix


def _through_python(evidence: Evidence, reach: set[int], inside: set[int]) -> Cut | None:
    """A constant, or a number, that has exactly a value the leaf led to: it went through Python and back."""
    nodes = evidence.nodes
    evidence.recorder.finish()
    values: dict[Any, int] = {}
    for n in sorted(reach):
        data = (nodes[n]["value"] or {}).get("data")
        if data:
            values[tuple(data)] = n
    for node in nodes:
        n = node["n"]
        if n not in inside:
            continue
        if node["kind"] == "const":
            data = (node["value"] or {}).get("data")
            before = values.get(tuple(data)) if data and any(v not in (0.0, 1.0) for v in data) else None
            if before is not None and before < n:
                return _python_cut(evidence, before, n, "")
        for given in node["inputs"]:
            number = given.get("value")
            if isinstance(number, float) and number not in TRIVIAL:
                before = values.get((number,))
                if before is not None and before < n:
                    return _python_cut(evidence, before, n, given["slot"])
    return None


def _python_cut(evidence: Evidence, before: int, after: int, slot: str) -> Cut:
    how = _written(evidence, before, after, (".item()", ".tolist()", ".numpy()", "float(...)"))
    why = f"has exactly the numbers of {evidence.name(before)}: they came back from Python or NumPy as a constant"
    if slot:
        why = f"uses exactly the number that {evidence.name(before)} is: it came through Python, as a constant"
    fix = "Keep the tensor: gradviz follows tensors, not the Python numbers or NumPy arrays made of them."
    return Cut(before, after, slot, how or ".item() or .numpy()", why, fix)


def _written(evidence: Evidence, before: int, after: int, spellings: tuple[str, ...]) -> str:
    """Which of these is written between the two lines, if their source can be read."""
    line = search(evidence, before, after)
    words = line.text if line is not None else ""
    return next((s for s in spellings if s.partition("(")[0] in words), "")


def search(evidence: Evidence, before: int, after: int) -> Line | None:
    """The line between the making of two nodes on which the tensor left the graph."""
    start = evidence.place(before)
    users = [node["n"] for node in evidence.nodes if any(i.get("n") == after for i in node["inputs"])]
    end = evidence.place(after) or next((p for p in map(evidence.place, users) if p is not None), None)
    if end is None:
        return None
    first = start.lineno if start is not None and start.file == end.file and start.lineno <= end.lineno else end.lineno
    for lineno in range(first, end.lineno + 1):
        if LEAVES.search(Line(end.file, lineno).text):
            return Line(end.file, lineno)
    return None


# -- the blame ----------------------------------------------------------------------------------------------------
def ordinal(evidence: Evidence, tensor: Tensor, name: str) -> int:
    """The node of a leaf the learner asks about, called by their name for it."""
    known = evidence.recorder._known(tensor)
    n = evidence.recorder.ordinal(tensor) if known is None else known
    if name and evidence.nodes[n]["kind"] != "op":
        evidence.nodes[n]["label"] = name
    return n


def blame(evidence: Evidence, leaf: int, root: int, tensor: Tensor | None = None) -> Blame | None:
    """Why no gradient comes from `root` to `leaf`; None if one does."""
    name, end = evidence.name(leaf), evidence.name(root)
    node = evidence.nodes[leaf]
    if node["kind"] == "op":
        made = Blame(f"{name} is not a leaf: it is the result of {node['op']}, so its .grad stays None.")
        made.places.append(Place(f"{name} is computed", evidence.place(leaf), leaf))
        made.marks[leaf] = ("bad", f"{name} is a result of {node['op']}: gradients pass through it on to the leaves")
        made.fix = (
            f"Gradients are kept in leaves: make {name} last with .requires_grad_(), or call {name}.retain_grad()."
        )
        return made
    if not node["requires_grad"]:
        made = Blame(f"{name} does not ask for a gradient, so none comes to it.")
        made.marks[leaf] = ("bad", f"{name}.requires_grad is False")
        made.fix = f"Make it with requires_grad=True, or call {name}.requires_grad_() before computing."
        return made
    cut = find(evidence, leaf, root)
    if cut is not None:
        return _cut_blame(evidence, leaf, root, cut)
    if root in ways(evidence, leaf):
        return None
    made = Blame(f"{end} was computed without {name}: nothing that {name} led to is among what it is made of.")
    made.marks[leaf] = ("bad", f"nothing leads from {name} to {end}")
    made.fix = f"Use {name} in what {end} is computed from, or look for a second tensor of the same name."
    if tensor is None or not evidence.notes.places:
        made.facts.append(
            "Only the graph is known: run it inside `with ErrorGraph(leaves=[...]):` to see where it is cut."
        )
    return made


def _cut_blame(evidence: Evidence, leaf: int, root: int, cut: Cut) -> Blame:
    name, end = evidence.name(leaf), evidence.name(root)
    before, after = evidence.name(cut.before), evidence.name(cut.after)
    made = Blame(f"No gradient gets from {end} back to {name}: {cut.how} cuts the way at {before}.")
    at = search(evidence, cut.before, cut.after) or evidence.place(cut.after)
    made.places.append(Place("cut here", at, cut.after, cut.how))
    made.places.append(Place(f"{before} is made", evidence.place(cut.before), cut.before))
    made.marks[cut.after] = ("bad", f"{after} {cut.why}")
    made.marks.setdefault(cut.before, ("stop", f"the last place that leads to {name}"))
    if leaf != cut.before:
        made.marks[leaf] = ("stop", f"{name}.grad stays None")
    join(evidence, cut)
    made.notes[cut.after, cut.slot] = f"✕ {cut.how}"
    made.facts.append(f"{after} {cut.why}.")
    made.fix = cut.fix
    return made


def join(evidence: Evidence, cut: Cut) -> None:
    """An arrow for the way that data took past the graph."""
    node = evidence.nodes[cut.after]
    inputs = node["inputs"]
    node["rules"] = {slot: rule for slot, rule in node["rules"].items() if slot != cut.slot}
    for given in inputs:
        if given["slot"] == cut.slot and given.get("n") == cut.before:
            return
        if given["slot"] == cut.slot and "value" in given:
            given["n"] = cut.before
            return
    inputs.append({"slot": cut.slot, "n": cut.before})
