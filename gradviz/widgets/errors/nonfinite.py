"""Where the first NaN or infinity arose, forward or backward, from what, and how far it has spread."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from gradviz.viz.numbers import number
from gradviz.widgets.errors.blame import Blame, Place
from gradviz.widgets.errors.evidence import Evidence
from gradviz.widgets.errors.notes import Origin, host_array, origin


def bad(value: Mapping[str, Any] | None) -> int:
    """How many numbers of a value are NaN or infinite."""
    return int((value or {}).get("nan") or 0) + int((value or {}).get("inf") or 0)


class Reason(NamedTuple):
    """Why an operation makes such a number, and what to do about it."""

    why: str
    fix: str


SOFTMAX = "Use torch.softmax, log_softmax or logsumexp: they subtract the largest number before the exponential."
EPS = "Keep it away from there: x.clamp(min=1e-8), or add a small number before."
WHERE = "Mask before the operation, not after it: op(torch.where(ok, x, safe)), for NaN × 0 is NaN."


def _divide(at: Mapping[str, float]) -> Reason:
    a, b = at.get("a", math.nan), at.get("b", math.nan)
    if b == 0:
        return Reason("0 / 0 is no number" if a == 0 else "a division by zero", f"{EPS} Or divide by (b + eps).")
    return Reason("the quotient is too large for its type", "Divide by something larger, or scale before.")


def _log(at: Mapping[str, float]) -> Reason:
    x = at.get("x", math.nan)
    what = "the logarithm of 0 is -infinity" if x == 0 else "the logarithm of a negative number is no number"
    return Reason(what, f"{EPS} For probabilities use log_softmax or a loss that takes logits.")


def _root(at: Mapping[str, float]) -> Reason:
    return Reason("the square root of a negative number is no number", EPS)


def _power(at: Mapping[str, float]) -> Reason:
    x = at.get("x", at.get("a", math.nan))
    if x == 0:
        return Reason("0 to a negative power is a division by zero", EPS)
    if x < 0:
        return Reason("a negative number to a broken power is no number", EPS)
    return Reason("the power is too large for its type", "Scale before, or work with logarithms.")


FORWARD: dict[str, Any] = {
    "div": _divide, "reciprocal": lambda at: Reason("a division by zero", EPS),
    "log": _log, "log2": _log, "log10": _log,
    "log1p": lambda at: Reason("the logarithm of 0 or less", EPS),
    "sqrt": _root, "rsqrt": lambda at: Reason("the root of 0 or less, and one over it", EPS),
    "pow": _power, "pow_tensor": _power, "rpow": _power,
    "exp": lambda at: Reason("the exponential is too large for its type (float32 ends at exp(88.7))", SOFTMAX),
    "asin": lambda at: Reason("only defined from -1 to 1", "x.clamp(-1, 1) first."),
    "acos": lambda at: Reason("only defined from -1 to 1", "x.clamp(-1, 1) first."),
    "sub": lambda at: Reason("the difference is too large for its type", "Scale before."),
    "add": lambda at: Reason("the sum is too large for its type", "Scale before."),
    "mul": lambda at: Reason("the product is too large for its type", "Scale before; look at the learning rate."),
}  # fmt: skip


def _root_back(at: Mapping[str, float]) -> Reason:
    return Reason("its slope at 0 is 1/(2·√0), a division by zero", "Take sqrt(x + eps): at 0 the root has no slope.")


BACKWARD: dict[str, Any] = {
    "sqrt": _root_back,
    "log": lambda at: Reason("its slope is 1/x, a division by zero at 0", f"{EPS} {WHERE}"),
    "div": lambda at: Reason("its slope has a division by zero", f"{EPS} {WHERE}"),
    "reciprocal": lambda at: Reason("its slope -1/x² is a division by zero", f"{EPS} {WHERE}"),
    "pow": lambda at: Reason("its slope at 0 is a division by zero", "Take (x + eps) ** p."),
    "linalg_vector_norm": lambda at: Reason("a norm has no slope at 0", "Take torch.sqrt((x * x).sum() + eps)."),
    "acos": lambda at: Reason("its slope at ±1 is a division by zero", "x.clamp(-1 + 1e-6, 1 - 1e-6) first."),
    "asin": lambda at: Reason("its slope at ±1 is a division by zero", "x.clamp(-1 + 1e-6, 1 - 1e-6) first."),
    "exp": lambda at: Reason("its slope is the exponential itself, which overflowed", SOFTMAX),
}  # fmt: skip


def forward(evidence: Evidence, root: int | None) -> Blame | None:
    """The first result that is not finite, among those the root is made of; None if the root is finite."""
    nodes = evidence.nodes
    evidence.recorder.finish()
    wrong = {node["n"] for node in nodes if bad(node["value"])}
    if root is not None:
        if root not in wrong:
            return None
        inside = {root}
        for node in reversed(nodes[: root + 1]):
            if node["n"] in inside:
                inside.update(i["n"] for i in node["inputs"] if i.get("n") in wrong)
        wrong = inside
    first = next((n for n in sorted(wrong) if not any(i.get("n") in wrong for i in nodes[n]["inputs"])), None)
    if first is None:
        return None
    node, name = nodes[first], evidence.name(first)
    what = _kind(node["value"], evidence.notes.born.get(first))
    if node["kind"] != "op":
        made = Blame(f"{name} held {what} before anything was computed: {_share(node['value'])}.")
        made.fix = "Look at the data first: torch.isfinite(x).all(); nan_to_num() replaces what is missing."
        made.marks[first] = ("bad", f"{what} was there from the start")
    else:
        made = _born(evidence, first, what)
    made.places.append(Place(f"first {what}", evidence.place(first), first))
    spread = [n for n in sorted(wrong) if n != first]
    for n in spread:
        made.marks[n] = ("changed", f"it has spread here: {_share(nodes[n]['value'])}")
    if spread:
        made.facts.append(f"It has spread to {_list([evidence.name(n) for n in spread])}.")
    return made


def _born(evidence: Evidence, n: int, what: str) -> Blame:
    node, name = evidence.nodes[n], evidence.name(n)
    found = evidence.notes.born.get(n)
    inputs = [*found.inputs] if found is not None else _single(evidence, node)
    at = {slot: float(x) for slot, x in inputs if isinstance(x, int | float)}
    reason = FORWARD.get(node["op"], lambda at: Reason("", EPS))(at)
    values = ", ".join(f"{_called(evidence, node, slot)} = {number(x)}" for slot, x in inputs)
    where = f" at {list(found.index)}" if found is not None and found.index else ""
    made = Blame(f"The first {what} comes out of {node['op']}" + (f": {reason.why}." if reason.why else "."))
    if values:
        made.facts.append(f"{name}{where} = {found.kind if found else what}, from {values}.")
    made.facts.append(f"{name}: {_share(node['value'])}.")
    made.marks[n] = ("bad", f"the first {what}{where}" + (f", from {values}" if values else ""))
    for slot, x in inputs:
        made.notes[n, slot] = number(x, 4)
    made.fix = reason.fix
    return made


def _single(evidence: Evidence, node: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Inputs that are one number, where nothing was heard of the elements."""
    found = []
    for given in node["inputs"]:
        n = given.get("n")
        data = (evidence.nodes[n]["value"] or {}).get("data") if n is not None else [given.get("value")]
        if data and len(data) == 1 and data[0] is not None:
            found.append((given["slot"], data[0]))
    return found


def backward(evidence: Evidence) -> Blame | None:
    """The first step back that turned a finite gradient into one that is not; None if all are finite."""
    evidence.recorder.finish()
    nodes = evidence.nodes
    found = None
    reached: list[int] = []
    for step in evidence.recorder.steps:
        if step["kind"] != "backward":
            continue
        for message in step["messages"]:
            if bad(message["product"]):
                if found is None and not bad(step["grad"]):
                    found = (step, message)
                reached.append(message["to"])
    if found is None:
        return None
    step, message = found
    n, name = step["n"], evidence.name(step["n"])
    node = nodes[n]
    what = _kind(message["product"], evidence.notes.sent.get((n, message["slot"])))
    target = evidence.name(message["to"])
    heard = evidence.notes.sent.get((n, message["slot"]))
    values = _elements(evidence, node, heard)
    reason = BACKWARD.get(node["op"], lambda at: Reason("", EPS))({})
    given = dict(heard.inputs) if heard is not None else {}
    if given.get("g") == 0 and what == "NaN":
        reason = Reason(f"{reason.why}, and 0 × inf is no number" if reason.why else "0 × inf is no number", WHERE)
    made = Blame(
        f"The forward pass is finite; going back, {node['op']} sends the first {what} to {target}"
        + (f": {reason.why}." if reason.why else ".")
    )
    where = f" at {list(heard.index)}" if heard is not None and heard.index else ""
    upstream = f"{number(given['g'])} arrived at {name}{where}" if "g" in given else ""
    inputs = ", ".join(f"{_called(evidence, node, slot)} = {number(x)}" for slot, x in values)
    made.facts.append("; ".join(t for t in (upstream, inputs) if t) + ("." if upstream or inputs else ""))
    made.places.append(Place(f"sends {what}", evidence.place(n), n))
    made.marks[n] = ("bad", f"sends {what} to {target}{where}" + (f", where {inputs}" if inputs else ""))
    made.notes[n, message["slot"]] = f"{what} ←"
    for m in dict.fromkeys(reached):
        if m >= 0 and m != n:
            made.marks.setdefault(m, ("changed", f"its gradient holds {what}"))
    spread = [evidence.name(m) for m in dict.fromkeys(reached) if m >= 0]
    made.facts.append(f"The gradients of {_list(spread)} are no numbers.")
    made.facts = [fact for fact in made.facts if fact]
    made.fix = reason.fix
    return made


def by_anomaly(evidence: Evidence, node: Any, i: int, n: int | None, arrived: Any, array: Any) -> Blame:
    """What anomaly mode found: this node's gradient of its input number `i` holds NaN."""
    evidence.recorder.finish()
    slot = node.input_name(i)
    heard = origin(host_array(array), [("g", host_array(g)) for g in arrived or () if g is not None])
    name = evidence.name(n) if n is not None else node.name()
    op = node.op.name if node.op is not None else node.name()
    reason = BACKWARD.get(op, lambda at: Reason("", EPS))({})
    if dict(heard.inputs).get("g") == 0:
        reason = Reason(f"{reason.why}, and 0 × inf is no number" if reason.why else "0 × inf is no number", WHERE)
    where = f" at {list(heard.index)}" if heard.index else ""
    made = Blame(f"Going back, {op} makes the first NaN" + (f": {reason.why}." if reason.why else "."))
    made.places.append(Place("makes NaN", evidence.place(n), n, node.name()))
    values = _elements(evidence, evidence.nodes[n], heard) if n is not None else []
    inputs = ", ".join(f"{_called(evidence, evidence.nodes[n], s)} = {number(x)}" for s, x in values if n is not None)
    given = dict(heard.inputs)
    upstream = f"{number(given['g'])} arrived at {name}{where}" if "g" in given else ""
    made.facts = [f"{t}." for t in ["; ".join(t for t in (upstream, inputs) if t)] if t]
    if n is not None:
        made.marks[n] = ("bad", f"its gradient for {slot} is NaN{where}" + (f", where {inputs}" if inputs else ""))
        made.notes[n, slot] = "NaN ←"
    made.fix = reason.fix
    return made


def _elements(evidence: Evidence, node: Mapping[str, Any], heard: Origin | None) -> list[tuple[str, Any]]:
    """The forward's inputs at the element that went wrong, where they are known."""
    found = []
    for given in node["inputs"]:
        n = given.get("n")
        value = evidence.nodes[n]["value"] if n is not None else None
        data = value.get("data") if value else [given.get("value")]
        if not data or data[0] is None:
            continue
        shape = value["shape"] if value else []
        place = 0
        if len(data) > 1:
            if heard is None or len(heard.index) != len(shape):
                continue
            for i, size in zip(heard.index, shape, strict=True):
                place = place * size + min(i, size - 1)
        found.append((given["slot"], data[place]))
    return found


def _called(evidence: Evidence, node: Mapping[str, Any], slot: str) -> str:
    n = next((i.get("n") for i in node["inputs"] if i["slot"] == slot), None)
    return evidence.name(n) if n is not None else slot


def _kind(value: Mapping[str, Any] | None, heard: Origin | None) -> str:
    if heard is not None:
        return {"nan": "NaN", "inf": "inf", "-inf": "-inf"}.get(heard.kind, "NaN")
    return "NaN" if (value or {}).get("nan") else "inf"


def _share(value: Mapping[str, Any] | None) -> str:
    """`2 of 6 numbers are NaN`."""
    if not value:
        return "unknown"
    size = math.prod(value["shape"])
    parts = [f"{value[k]} {word}" for k, word in (("nan", "NaN"), ("inf", "infinite")) if value.get(k)]
    return f"{' and '.join(parts)} of {size} number{'s' if size != 1 else ''}"


def _list(names: list[str], most: int = 6) -> str:
    shown = [str(n) for n in names[:most]]
    left = len(names) - len(shown)
    return ", ".join(shown) + (f" and {left} more" if left else "")
