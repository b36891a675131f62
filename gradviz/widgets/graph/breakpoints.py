"""Stops: where stepping halts.

    BackpropStepper(loss, stop=["mul", "fc1", Stop.nonfinite(), Stop.grad_norm(10.0)])

A stop halts *at* the step it is about: the step has been taken and its numbers can be looked at; one step back is
before it. The page finds the same places by itself (frontend/src/parts/breaks.ts), so that stops can be added there;
`run_until` halts a real backward pass at them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from gradviz.viz.measure import clean
from gradviz.viz.numbers import count_of, number

NAME = 40  # characters of a name in a message
LISTED = 30  # names in an error


@dataclass(frozen=True)
class Stop:
    """One reason to halt: `Stop.op("mul")`, `.module("fc1")`, `.node("loss")`, `.nonfinite()`, `.grad_norm(10.0)`.

    A plain text is an operation, a node or a module, whichever of them has this name, looked for in this order.
    """

    kind: str
    name: str = ""
    above: float | None = None
    below: float | None = None

    @staticmethod
    def op(name: str) -> Stop:
        """At every step of an operation: `Stop.op("mul")`."""
        return Stop("op", _text(name))

    @staticmethod
    def module(path: str) -> Stop:
        """Where forward and backward enter a module, by its path: `Stop.module("encoder.fc1")`."""
        return Stop("module", _text(path))

    @staticmethod
    def node(label: str) -> Stop:
        """At every step about one value, by the name it has in the graph: `Stop.node("mul_3")`, `Stop.node("w")`."""
        return Stop("node", _text(label))

    @staticmethod
    def nonfinite() -> Stop:
        """Where a NaN or an infinity comes up that was not there before: in a value, a gradient, a sum, a `.grad`."""
        return Stop("nonfinite")

    @staticmethod
    def grad_norm(above: float | None = None, *, below: float | None = None) -> Stop:
        """Where the norm of a gradient passes a limit: the one that comes in is within it, one that goes on is not."""
        for limit in (above, below):
            if limit is not None and not (isinstance(limit, int | float) and limit >= 0):
                raise ValueError(f"the limit of a gradient norm is a number from 0 up, got {limit!r}")
        if above is None and below is None:
            raise TypeError(
                "a gradient norm needs a limit\nGive one: Stop.grad_norm(10.0), or Stop.grad_norm(below=1e-6)."
            )
        return Stop("grad_norm", "", above, below)

    def __str__(self) -> str:
        if self.kind == "nonfinite":
            return "NaN or inf"
        if self.kind == "grad_norm":
            limits = [(">", self.above), ("<", self.below)]
            return "gradient norm " + " or ".join(f"{sign} {number(v)}" for sign, v in limits if v is not None)
        return f"{_WORDS[self.kind]} {short(self.name)}"

    def to_json(self) -> dict[str, Any]:
        """What the page is given."""
        given = {"name": self.name or None, "above": self.above, "below": self.below}
        return {"kind": self.kind, **{k: v for k, v in given.items() if v is not None}}


_WORDS = {"op": "operation", "module": "module", "node": "node"}


def _text(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise TypeError(
            f"a stop is named by a text, got {type(name).__name__}" if name != "" else "a stop needs a name"
        )
    return name


def short(name: str) -> str:
    """A name as one short line."""
    text = clean(name[: NAME + 1])
    return text if len(text) <= NAME else text[: NAME - 1] + "…"


class Hit(NamedTuple):
    """A step at which stepping halts: its place in the record's steps (or the engine's plan), the stop, and why."""

    step: int
    stop: Stop
    text: str


# -- what there is to stop at -----------------------------------------------------------------------------------------
def names_in(record: Mapping[str, Any]) -> dict[str, list[str]]:
    """The names a stop may have, by its kind, in the order they appear."""
    ops: dict[str, None] = {}
    modules: dict[str, None] = {}
    for node in record["nodes"]:
        if node["kind"] == "op":
            ops.setdefault(node["op"])
            parts = (node["path"] or "").split(".")
            for i in range(len(parts)):
                modules.setdefault(".".join(parts[: i + 1]))
    modules.pop("", None)
    labels = dict.fromkeys(node["label"] for node in record["nodes"] if node["label"])
    return {"op": list(ops), "node": list(labels), "module": list(modules)}


def stops_of(given: Any, record: Mapping[str, Any]) -> list[Stop]:
    """What a learner gave as stops, each known to be in this record; ValueError lists what there is."""
    items: Iterable[Any] = [given] if isinstance(given, str | Stop) else given
    known = names_in(record)
    return list(dict.fromkeys(_resolved(item, known) for item in items))


def _resolved(item: Any, known: Mapping[str, Sequence[str]]) -> Stop:
    if isinstance(item, str):
        kind = next((kind for kind in ("op", "node", "module") if item in known[kind]), None)
        if kind is None:
            raise ValueError(_unknown(f"nothing to stop at is called {item!r}", item, known, tuple(known)))
        return Stop(kind, item)
    if not isinstance(item, Stop):
        raise TypeError(
            f"a stop is a name or a Stop, got {type(item).__name__}\n"
            'Give names, stop=["mul", "fc1"], or Stop.nonfinite(), Stop.grad_norm(10.0).'
        )
    if item.kind in known and item.name not in known[item.kind]:
        raise ValueError(_unknown(f"no {_WORDS[item.kind]} is called {item.name!r}", item.name, known, (item.kind,)))
    return item


def _unknown(what: str, name: str, known: Mapping[str, Sequence[str]], kinds: Sequence[str]) -> str:
    near = get_close_matches(name, [n for kind in kinds for n in known[kind]], 1)
    lines = [clean(what[:200]) + (f" (did you mean {short(near[0])!r}?)" if near else "")]
    for kind in kinds:
        some = ", ".join(short(n) for n in known[kind][:LISTED])
        more = f", and {len(known[kind]) - LISTED} more" if len(known[kind]) > LISTED else ""
        lines.append(f"{_WORDS[kind]}s: {some or 'none'}{more}")
    return "\n".join(lines)


# -- where a record halts ---------------------------------------------------------------------------------------------
class Watcher:
    """Looks at one step after another and says at which to halt."""

    def __init__(self, stops: Sequence[Stop]) -> None:
        self.stops = stops
        self.inside: dict[Stop, str | None] = {}  # of a module: the phase in which the last step was inside it
        self.sums: dict[int, Any] = {}  # node -> what has reached it so far
        self.fresh = False  # a backward pass has just begun

    def see(self, record: Mapping[str, Any], step: Mapping[str, Any]) -> tuple[Stop, str] | None:
        """The first of the stops that halt at this step of the record, and why they all do."""
        if "messages" in step:
            step = {**step, "messages": [m for m in step["messages"] if m["to"] >= 0]}
        known = step.get("n", -1)
        step_n = -1 if known is None else known
        found: dict[str, Stop] = {}
        for stop in self.stops:
            said = (
                _CHECKS[stop.kind](self, stop, record, step) if step_n >= 0 or step["kind"] == "module_enter" else None
            )
            if said:
                found.setdefault(said, stop)
        for message in step.get("messages", ()):
            self.sums[message["to"]] = message.get("sum")
        if step["kind"] in ("backward_begin", "backward"):
            self.fresh = step["kind"] == "backward_begin"
        return (next(iter(found.values())), "; ".join(found)) if found else None


def hits(record: Mapping[str, Any], stops: Sequence[Stop]) -> list[Hit]:
    """Every step of a record at which stops halt; the first of several is named, and all say why."""
    watcher = Watcher(stops)
    seen = [watcher.see(record, step) for step in record["steps"]] if stops else []
    return [Hit(i, *found) for i, found in enumerate(seen) if found]


def _called(record: Mapping[str, Any], n: int) -> str:
    node = record["nodes"][n]
    return short(node["label"] or node["op"] or f"#{n}")


def _at_op(_: Watcher, stop: Stop, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    if step["kind"] not in ("forward", "backward") or record["nodes"][step["n"]]["op"] != stop.name:
        return None
    label = _called(record, step["n"])
    return f"{label}{'' if label == short(stop.name) else f' ({short(stop.name)})'} {_DOES[step['kind']]}"


def _at_node(_: Watcher, stop: Stop, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    if step["kind"] not in _DOES or record["nodes"][step["n"]]["label"] != stop.name:
        return None
    return f"{short(stop.name)} {_DOES[step['kind']]}"


_DOES = {
    "forward": "is computed",
    "backward": "passes its gradient on",
    "accumulate": "gets its .grad",
    "optimizer": "is moved by the optimizer",
}


def _at_module(watcher: Watcher, stop: Stop, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    """The first step inside a module: after one outside it, or after the module was called again."""
    kind = step["kind"]
    if kind == "module_enter" and step["path"] == stop.name:
        watcher.inside[stop] = None
    if kind not in ("forward", "backward") or record["nodes"][step["n"]]["kind"] != "op":
        return None
    before = watcher.inside.get(stop)
    now = kind if within(record["nodes"][step["n"]]["path"] or "", stop.name) else None
    watcher.inside[stop] = now
    return f"{kind} enters module {short(stop.name)}" if now and now != before else None


def within(path: str, module: str) -> bool:
    """Whether a path is that of a module or of something in it."""
    return path == module or path.startswith(module + ".")


# -- NaN, infinity ----------------------------------------------------------------------------------------------------
def _odd(value: Mapping[str, Any] | None) -> tuple[int, int]:
    """How many NaNs and infinities a value holds, as far as it is known."""
    return (value.get("nan") or 0, value.get("inf") or 0) if value else (0, 0)


def _born(made: Any, *given: Any) -> str | None:
    """What is wrong with a value that was not wrong with what it was made of: `is NaN`, `holds 2 inf`.

    An infinity may be meant (a mask), a NaN that comes of one is not.
    """
    nan, inf = _odd(made)
    if nan and not any(_odd(v)[0] for v in given):
        which, count = "NaN", nan
    elif inf and not any(sum(_odd(v)) for v in given):
        which, count = "inf", inf
    else:
        return None
    return f"is {which}" if count_of(made["shape"]) == 1 else f"holds {count} {which} of {count_of(made['shape'])}"


def _constant(entry: Mapping[str, Any]) -> dict[str, int] | None:
    text = str(entry.get("value"))
    return {"nan": int("nan" in text), "inf": int("inf" in text)} if "value" in entry else None


def _at_nonfinite(watcher: Watcher, _: Stop, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    nodes, kind = record["nodes"], step["kind"]
    if kind == "forward":
        node = nodes[step["n"]]
        given = [nodes[e["n"]]["value"] if e.get("n") is not None else _constant(e) for e in node["inputs"]]
        said = _born(node["value"], *given)
        return f"{_called(record, step['n'])} {said}" if said else None
    if kind == "backward":
        return _sent_nonfinite(watcher, record, step)
    if kind in ("accumulate", "optimizer"):
        added = watcher.sums.get(step["n"]) if kind == "accumulate" else None
        said = _born(step.get("after"), step.get("before"), added)
        return f"{_called(record, step['n'])}{'.grad' if kind == 'accumulate' else ''} {said}" if said else None
    return None


def _sent_nonfinite(watcher: Watcher, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    nodes, n = record["nodes"], step["n"]
    used = [nodes[e["n"]]["value"] for e in nodes[n]["inputs"] if e.get("n") is not None]
    for message in step["messages"]:
        said = _born(message["product"], step["grad"], nodes[n]["value"], *used)
        if said:
            return f"what {_called(record, n)} passes on to {_called(record, message['to'])} {said}"
        before = watcher.sums.get(message["to"]) if message["k"] > 1 else None
        said = _born(message["sum"], message["product"], before)
        if said:
            return f"the gradient of {_called(record, message['to'])} {said}"
    return None


# -- the norm of a gradient -------------------------------------------------------------------------------------------
def norm_of(value: Mapping[str, Any] | None) -> float:
    """The norm of a value; infinite where it holds an infinity, NaN where it is not known."""
    if not value or value.get("norm") is None:
        return math.inf if value and value.get("inf") else math.nan
    return math.inf if value.get("inf") else float(value["norm"])


def _passes(stop: Stop, norm: float) -> bool:
    return (stop.above is not None and norm > stop.above) or (stop.below is not None and norm < stop.below)


def _at_norm(watcher: Watcher, stop: Stop, record: Mapping[str, Any], step: Mapping[str, Any]) -> str | None:
    if step["kind"] == "accumulate":
        pairs = [(step["after"], f"{_called(record, step['n'])}.grad")]
        outside = step["before"] is None or _passes(stop, norm_of(step["before"]))
    elif step["kind"] == "backward":
        last = [m for m in step["messages"] if m["k"] == m["of"]]
        pairs = [(m["sum"], f"the gradient of {_called(record, m['to'])}") for m in last]
        outside = _passes(stop, norm_of(step["grad"]))
        if outside and watcher.fresh:
            pairs, outside = [(step["grad"], f"the gradient of {_called(record, step['n'])}")], False
    else:
        return None
    for value, name in () if outside else pairs:
        norm = norm_of(value)
        if _passes(stop, norm):
            over = stop.above is not None and norm > stop.above
            side, limit = ("over", stop.above) if over else ("under", stop.below)
            return f"{name} has norm {number(norm)}, {side} the limit {number(limit)}"
    return None


_CHECKS: dict[str, Any] = {
    "op": _at_op,
    "node": _at_node,
    "module": _at_module,
    "nonfinite": _at_nonfinite,
    "grad_norm": _at_norm,
}
