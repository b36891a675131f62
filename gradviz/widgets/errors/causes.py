"""The classic mistakes, one entry each: how it is recognised and who explains it. The first that fits is told.

A new kind of mistake is one more entry: a name, a title, a test of the evidence, and a function that lays the blame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gradviz.core.errors import NO_GRAPH
from gradviz.viz.measure import clean
from gradviz.widgets.errors import cut, graph_errors, nonfinite
from gradviz.widgets.errors.blame import Blame, Place, add_op
from gradviz.widgets.errors.calls import refused
from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.shapes import Misfit, misfit, written


class Cause(NamedTuple):
    """`explain` answers None where, on a closer look, it was something else."""

    name: str
    title: str
    recognised: Callable[[Evidence], bool]
    explain: Callable[[Evidence], Blame | None]


def find(evidence: Evidence) -> tuple[Cause, Blame]:
    """The mistake, and its blame."""
    for cause in CAUSES:
        if cause.recognised(evidence):
            blame = cause.explain(evidence)
            if blame is not None:
                return cause, blame
    raise AssertionError("the last entry recognises everything")


# -- a call that was refused -------------------------------------------------------------------------------------
def _shapes(evidence: Evidence) -> Blame | None:
    """The refused call as a box of its own, with the shapes on its arrows."""
    call = refused(evidence)
    if call is None:
        return None
    found = (
        misfit(call) if isinstance(evidence.error, RuntimeError | ValueError | AssertionError | IndexError) else None
    )
    for _, x in call.given:
        evidence.notes.own(x)
    inputs: list[dict[str, Any]] = [{"slot": name, "n": evidence.recorder.ordinal(x)} for name, x in call.given]
    evidence.shorten()
    _begun(evidence, {given["n"] for given in inputs})
    formula = f"{call.name}({', '.join(name for name, _ in call.given)})"
    shown = {"sub": "", "value": f"✗ {found.brief}" if found is not None else "✗ refused"}
    n = add_op(evidence, call.name, inputs, path=call.path, module=call.module, forward=formula, texts=shown)
    for given in inputs:
        if evidence.nodes[given["n"]]["kind"] != "op" and evidence.nodes[given["n"]]["label"].startswith("const_"):
            evidence.nodes[given["n"]]["label"] = given["slot"]
    made = Blame(_said(evidence, call.name, found))
    marked = found.marks if found is not None else ()
    for name, shape in call.shapes:
        made.notes[n, name] = written(shape, [i for which, i in marked if which == name])
    inside = f" in {call.path} ({call.module})" if call.path else f" in {call.module}" if call.module else ""
    shapes = ", ".join(f"{name} {written(shape, [i for w, i in marked if w == name])}" for name, shape in call.shapes)
    made.facts.append(f"{call.name} got {shapes}{inside}.")
    if found is not None:
        made.facts.extend(_notes(evidence))
    made.places.append(Place(f"{call.name} fails{inside}", evidence.line, n))
    for given in [i for i in inputs if i["slot"] in {name for name, _ in marked}]:
        line, made_by = evidence.place(given["n"]), evidence.nodes[given["n"]]
        if line is not None and made_by["kind"] == "op" and line != evidence.line:
            made.places.append(Place(f"{evidence.name(given['n'])} is made", line, given["n"]))
    made.marks[n] = ("bad", clean(str(evidence.error)))
    made.fix = found.fix if found is not None else _fix(evidence)
    return made


def _begun(evidence: Evidence, given: set[int]) -> None:
    """What the refused call had done of its work leads nowhere, and is not shown."""
    nodes = evidence.nodes
    used = {i.get("n") for node in nodes for i in node["inputs"]}
    for node in reversed(nodes):
        inputs = {i["n"] for i in node["inputs"] if i.get("n") is not None}
        begun = node["kind"] == "op" and node["n"] not in used | given and evidence.place(node["n"]) == evidence.line
        if begun and inputs and inputs <= given:
            node["drop"] = True


def _said(evidence: Evidence, name: str, found: Misfit | None) -> str:
    return f"{name} does not fit: {found.sentence}" if found is not None else clean(str(evidence.error))


def _notes(evidence: Evidence) -> list[str]:
    return [clean(note) for note in getattr(evidence.error, "__notes__", ())]


def _fix(evidence: Evidence) -> str:
    """The library's own advice is the last sentence of the note it left on the error."""
    return (_notes(evidence) or [""])[-1]


# -- a result that leads nowhere ----------------------------------------------------------------------------------
def _no_graph(evidence: Evidence) -> Blame | None:
    """backward() of something that does not require grad: the leaf it should have led to, and the cut."""
    root = evidence.root
    n = evidence.recorder.ordinal(root) if root is not None else None
    if n is None:
        return None
    leaves = [cut.ordinal(evidence, x, name) for name, x in evidence.leaves.items()]
    leaves = leaves or [node["n"] for node in evidence.nodes if node["kind"] == "leaf"]
    end = evidence.name(n)
    for leaf in leaves:
        found = cut.blame(evidence, leaf, n)
        if found is not None and (len(found.marks) > 1 or evidence.leaves):
            found.headline = f"{end} does not require grad. {found.headline}"
            return _failing(evidence, found)
    made = Blame(f"{end} does not require grad: nothing it was computed from asks for a gradient.")
    made.marks[n] = ("bad", "no graph leads from here")
    made.fix = "Make the parameters with requires_grad=True (nn.Parameter does) before computing from them."
    return _failing(evidence, made)


def _failing(evidence: Evidence, made: Blame) -> Blame:
    if evidence.line is not None:
        made.places.append(Place("backward fails", evidence.line))
    return made


def _detached(evidence: Evidence) -> Blame | None:
    """The leaves the learner asks about, else those that the result was computed from and no gradient reaches."""
    if evidence.root is None:
        return None
    n = evidence.recorder.ordinal(evidence.root)
    for name, tensor in evidence.leaves.items():
        found = cut.blame(evidence, cut.ordinal(evidence, tensor, name), n, tensor)
        if found is not None:
            return found
    if evidence.leaves or any(n in cut.ways(evidence, x["n"]) for x in evidence.nodes if x["kind"] == "leaf"):
        return None
    for node in [x for x in evidence.nodes if x["kind"] == "leaf"]:
        found = cut.blame(evidence, node["n"], n)
        if found is not None and len(found.marks) > 1:
            return found
    return None


def _many(evidence: Evidence) -> Blame | None:
    """backward() of something that is more than one number."""
    if evidence.root is None:
        return None
    n = evidence.recorder.ordinal(evidence.root)
    name, shape = evidence.name(n), tuple(evidence.root.shape)
    made = Blame(f"backward() starts at one number, and {name} has shape {shape}: which of them should go down?")
    made.marks[n] = ("bad", f"{evidence.root._array.size} numbers")
    made.places.append(Place(f"{name} is made", evidence.place(n), n))
    made.fix = f"Reduce it first: {name}.sum() or {name}.mean(). Or weigh its elements: {name}.backward(gradient=...)."
    made.wrong, made.right = f"{name}.backward()", f"{name}.sum().backward()"
    return _failing(evidence, made)


# -- numbers that are none ----------------------------------------------------------------------------------------
def _nonfinite(evidence: Evidence) -> Blame | None:
    """Forward first, for what is wrong there comes back; of what did not reach the result only if nothing else is."""
    root = evidence.recorder.ordinal(evidence.root) if evidence.root is not None else None
    roots = [root] if root is not None else list(dict.fromkeys(evidence.notes.roots))
    for n in roots:
        found = nonfinite.forward(evidence, n)
        if found is not None:
            return found
    found = nonfinite.backward(evidence)
    if found is None and not roots:
        found = nonfinite.forward(evidence, None)
    if found is not None and evidence.error is not None:
        _failing(evidence, found)
    return found


def _anomaly(evidence: Evidence) -> Blame | None:
    """Anomaly mode raised at the node that made NaN: no step was written down for it."""
    frame, step = evidence.innermost("look_for_nan"), evidence.innermost("_propagate")
    if frame is None:
        return None
    node, i = frame.values["node"], frame.values.get("i", 0)
    n = evidence.recorder.by_seq.get((node.seq, 0))
    arrived = step.values.get("arrived") if step is not None else None
    return _failing(evidence, nonfinite.by_anomaly(evidence, node, i, n, arrived, frame.values["array"]))


# -- the rest -----------------------------------------------------------------------------------------------------
def _unknown(evidence: Evidence) -> Blame:
    """What ran before an error that is not known, and the line that raised it."""
    made = Blame(f"{type(evidence.error).__name__}: {clean(str(evidence.error))}")
    ops = [node["n"] for node in evidence.nodes if node["kind"] == "op"]
    made.places.append(Place("raised here", evidence.line))
    step = evidence.innermost("_propagate", "_take")
    node = step.values["node"] if step is not None else None
    going = evidence.recorder.by_seq.get((node.seq, 0)) if node is not None else None
    if node is not None and going is not None:
        made.places.append(Place(f"the step back of {evidence.name(going)}", evidence.place(going), going))
        made.marks[going] = ("bad", f"{node.name()} failed on the way back")
    elif ops:
        made.places.append(Place("the last operation", evidence.place(ops[-1]), ops[-1]))
        made.marks[ops[-1]] = ("stop", "the last operation before the error")
    made.fix = _fix(evidence)
    return made


def _fine(evidence: Evidence) -> Blame:
    back = evidence.root is not None and evidence.root.requires_grad
    arrives = "every gradient arrives, " if back else ""
    made = Blame(f"Nothing went wrong here: no error, {arrives}and every number is finite.")
    if evidence.root is not None:
        words = "finite, and every leaf is reached" if back else "finite; no gradient was asked for"
        made.marks[evidence.recorder.ordinal(evidence.root)] = ("ok", words)
    return made


def _raised(*names: str) -> Callable[[Evidence], bool]:
    return lambda evidence: evidence.innermost(*names) is not None


def _says(text: str) -> Callable[[Evidence], bool]:
    return lambda evidence: text in evidence.text


def _quiet(evidence: Evidence) -> bool:
    return evidence.error is None


CAUSES: tuple[Cause, ...] = (
    Cause("inplace", "Written over before backward", _raised("check_stale"), graph_errors.written_over),
    Cause(
        "freed", "The graph was freed", _says("Trying to backward through the graph a second time"), graph_errors.freed
    ),
    Cause("anomaly", "The first NaN in backward", _raised("look_for_nan"), _anomaly),
    Cause("no_graph", "No way back to the leaves", _says(NO_GRAPH), _no_graph),
    Cause("scalar", "Backward starts at one number", _says("grad can be implicitly created only for scalar"), _many),
    Cause(
        "leaf",
        "A leaf written in place",
        _says("leaf Variable that requires grad is being used in an in-place"),
        _shapes,
    ),
    Cause("shape", "Shapes do not fit", lambda e: e.error is not None, lambda e: _shapes(e) if _is_misfit(e) else None),
    Cause("refused", "A call was refused", lambda e: e.error is not None, _shapes),
    Cause("detached", "A leaf is cut off", _quiet, _detached),
    Cause("nonfinite", "The first NaN or infinity", _quiet, _nonfinite),
    Cause("unknown", "It failed here", lambda e: e.error is not None, _unknown),
    Cause("fine", "Nothing went wrong", lambda e: True, _fine),
)


def _is_misfit(evidence: Evidence) -> bool:
    call = refused(evidence)
    kinds = RuntimeError | ValueError | AssertionError | IndexError
    return call is not None and isinstance(evidence.error, kinds) and misfit(call) is not None
