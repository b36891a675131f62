"""What EditGraph runs: a computation that can be made again with other numbers in its leaves.

A function with leaves of its own is called again, so an `if` in it may turn out otherwise, and the graph have another
shape. Everything else (a tape, a result, parameters that a function finds outside) is the recorded operations, again.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

import gradviz as torch
from gradviz.core.events import observe
from gradviz.core.random import fork_rng
from gradviz.core.record import Recorder, Recording
from gradviz.core.tensor import Tensor
from gradviz.core.walk import with_backward
from gradviz.widgets.graph.source import recorded
from gradviz.widgets.graph.tidy import tidy
from gradviz.widgets.whatif.growing_trace import named

PATIENCE = 0.3  # seconds that looking for other branches may take
SHAPES = 6  # different graphs of one function that are kept
Values = Mapping[str, Sequence[float]]


class Source:
    """A computation and its recording, and how to get the recording for other numbers.

    Args: source, leaves: as EditGraph takes them.
    Raises TypeError for what cannot be recorded, RuntimeError for operations that cannot be made again.
    """

    def __init__(self, source: Any, leaves: Sequence[Any]) -> None:
        self.leaves = [_own(leaf) for leaf in leaves]
        self.calls: Callable[..., Any] | None = source if leaves else None
        self.parameters = _parameters(source, len(self.leaves))
        self.names: dict[str, Tensor] = {}
        self._random = torch.get_rng_state()
        with _aside():
            if self.calls is None:
                found = _recorded(source)
            else:
                found = self._called(lambda run: recorded(run, (), backward=False))
            self.base = found.replay()
        self.names = _names(found.recorder)

    # -- other numbers -------------------------------------------------------------------------------------------
    def run(self, values: Values) -> Recording:
        """The recording with these numbers in the leaves, flat lists by key (see `places`); the others stay.

        The function itself is called where its own leaves changed; other leaves are put into the recorded operations.
        """
        own = {own_key(i) for i in range(len(self.leaves))} if self.calls else set()
        arguments = {key: v for key, v in values.items() if key in own}
        with _aside():
            made = self._again(arguments) if arguments else self.base
            places = self.places(made)
            others = {places[key]: v for key, v in values.items() if key not in own and key in places}
            return made.replay({n: _shaped(made, n, v) for n, v in others.items()}) if others else made

    def places(self, recording: Recording) -> dict[str, int]:
        """The node of each leaf and constant by its key: `leaf 0` is the function's first, others go by their label."""
        own = {n: own_key(i) for i, n in enumerate(recording.meta.get("own", ()))}
        found: dict[str, int] = {}
        for node in recording.nodes:
            if node["kind"] != "op" and node["n"] in recording.recorder.arrays:
                key = own.get(node["n"]) or node["label"]
                while key in found:
                    key += "'"
                found[key] = node["n"]
        return found

    def _again(self, values: Values) -> Recording:
        """Call the function with these numbers in its leaves."""
        kept = self.leaves
        self.leaves = [
            _with(leaf, values[own_key(i)]) if own_key(i) in values else _own(leaf) for i, leaf in enumerate(kept)
        ]
        own = dict(zip(map(id, kept), self.leaves, strict=True))
        names = {name: own.get(id(t), t) for name, t in self.names.items()}

        def record(run: Callable[[], Any]) -> Recording:
            tape = Recorder(names)
            with observe(tape):
                run()
            made: Recording = tape.recording
            return made

        try:
            return self._called(record)
        finally:
            self.leaves = kept

    def _called(self, record: Callable[[Callable[[], Any]], Any]) -> Recording:
        """The recording of a call and the backward pass from its result; `own` in its meta: the nodes of its leaves."""
        results: list[Any] = []

        def run() -> Any:
            with fork_rng():
                torch.set_rng_state(self._random)
                results.append(named(lambda: self.calls(*self.leaves)))  # type: ignore[misc]
            return results[-1]

        recording: Recording = record(run)
        root = _root(results[-1])
        if root.requires_grad:
            recording = with_backward(root, recording)
        own = [recording.recorder._known(leaf) for leaf in self.leaves]
        recording.meta["own"] = [-1 if n is None else n for n in own]
        return recording

    # -- the graph's other shapes --------------------------------------------------------------------------------
    def shapes(self, ranges: Mapping[str, tuple[float, float]]) -> list[Recording]:
        """Recordings in which the function took other branches: found by calling it along the range of each number.

        At most SHAPES of them, and whatever PATIENCE allows; the recorded one first. What the function prints meanwhile
        is not shown; where it raises, that number is passed over.
        """
        found = {shape_of(self.base): self.base}
        end = time.monotonic() + PATIENCE
        for values in _along(self.leaves, ranges) if self.calls is not None else ():
            if time.monotonic() > end or len(found) == SHAPES:
                break
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                made = self.run(values)
                found.setdefault(shape_of(made), made)
        return list(found.values())

    def told_apart(self, recordings: Sequence[Recording]) -> bool:
        """Whether the graphs themselves tell which of them is right: at the numbers of one, others answer otherwise.

        They do when every branch asks a tensor (``if x > 0``), and do not when it asks ``x.item() > 0``.
        """
        for there in recordings:
            places = self.places(there)
            values = {key: there.recorder.arrays[n][0] for key, n in places.items() if key.startswith(OWN)}
            for other in recordings:
                if other is there:
                    continue
                mine = self.places(other)
                with _aside():
                    made = other.replay({mine[key]: v for key, v in values.items() if key in mine})
                if answers(made.nodes) == answers(other.nodes):
                    return False
        return True


OWN = "leaf "


def own_key(i: int) -> str:
    """What the function's i-th leaf goes by."""
    return f"{OWN}{i}"


def answers(nodes: Sequence[Mapping[str, Any]]) -> list[tuple[int, bool]]:
    """Questions that nothing computed depends on, such as ``if x > 0``, and how they were answered."""
    used = {given["n"] for node in nodes for given in node["inputs"] if given.get("n") is not None}
    return [
        (node["n"], bool(node["value"]["data"][0]))
        for node in nodes
        if node["kind"] == "op" and node["dtype"] == "bool" and node["n"] not in used and math.prod(node["shape"]) == 1
    ]


def shape_of(recording: Any) -> str:
    """What two recordings of one graph have in common: everything but the numbers."""
    record = recording if isinstance(recording, Mapping) else recording.to_json()
    nodes = [
        (
            node["kind"], node["op"], node["label"] if node["kind"] != "op" else "", node["shape"], node["dtype"],
            [(given["slot"], given.get("n"), given.get("value")) for given in node["inputs"]], node["settings"],
        )
        for node in record["nodes"]
    ]  # fmt: skip
    steps = [
        (step["kind"], step.get("n"), [(m["to"], m["slot"], m["k"]) for m in step.get("messages", ())])
        for step in record["steps"]
    ]
    return repr((nodes, steps))


def shown(recording: Any, title: str | None) -> dict[str, Any]:
    """The record that is drawn of a recording (see widgets/source.py); its nodes know their numbers there as `was`."""
    made = recording.to_json()
    nodes = [{**node, "label": node.get("variable") or node["label"], "was": node["n"]} for node in made["nodes"]]
    meta = {"title": made["meta"].get("title", "") if title is None else title}
    return tidy({**made, "nodes": nodes, "meta": meta})


def _recorded(source: Any) -> Recording:
    """The recording of what is not called again."""
    if not callable(source) or isinstance(source, (Tensor, Recorder)) or hasattr(source, "named_parameters"):
        return _ours(recorded(source, (), backward=getattr(source, "requires_grad", True) is not False))
    results: list[Any] = []

    def run() -> Any:
        results.append(named(source))
        return results[-1]

    recording = _ours(recorded(run, (), backward=False))
    root = _root(results[-1])
    return with_backward(root, recording) if root.requires_grad else recording


def _root(result: Any) -> Tensor:
    items = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else (result,)
    found: Tensor | None = next((item for item in items if isinstance(item, Tensor)), None)
    if found is None:
        raise TypeError(f"the function returned {type(result).__name__}, not a tensor\nLet it return the loss.")
    return found


def _ours(found: Any) -> Recording:
    if isinstance(found, Recording):
        return found
    raise TypeError(
        "EditGraph changes graphs of gradviz\nA graph of PyTorch can be stepped through: BackpropStepper(loss)."
    )


@contextlib.contextmanager
def _aside() -> Iterator[None]:
    """What runs inside leaves no trace: random numbers go on as if none had been drawn. Gradients are recorded."""
    with fork_rng(), torch.enable_grad():
        yield


def _own(leaf: Any) -> Tensor:
    """A copy of a leaf that nobody else has; a Python number becomes a tensor that needs a gradient."""
    if isinstance(leaf, Tensor):
        made: Tensor = leaf.detach().clone().requires_grad_(leaf.requires_grad)
        return made
    if isinstance(leaf, bool) or not isinstance(leaf, (int, float)):
        raise TypeError(
            f"a leaf is a tensor or a number, got {type(leaf).__name__}\n"
            "EditGraph(fn, x, w) calls fn(x, w): whatever else fn needs, put in with a lambda."
        )
    number: Tensor = torch.tensor(float(leaf), requires_grad=True)
    return number


def _with(leaf: Tensor, values: Sequence[float]) -> Tensor:
    """A leaf like this one with other numbers."""
    made = np.asarray(values).astype(leaf._array.dtype).reshape(leaf._array.shape)
    return Tensor._of(leaf.device.wrap(made), leaf.device, leaf.requires_grad)


def _shaped(recording: Recording, n: int, values: Sequence[float]) -> Any:
    return np.asarray(values).reshape(recording.nodes[n]["shape"])


def _parameters(function: Any, count: int) -> list[str]:
    """What a function calls its first inputs; numbers where it does not say."""
    try:
        known = [p.name for p in inspect.signature(function).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        known = []
    return [*known[:count], *(f"leaf {i + 1}" for i in range(len(known[:count]), count))]


def _names(recorder: Recorder) -> dict[str, Tensor]:
    """The leaves and constants that are still there, by their labels."""
    made = ((n, reference()) for reference, n, _ in recorder._by_id.values())
    return {
        recorder.nodes[n]["label"]: tensor
        for n, tensor in made
        if tensor is not None and recorder.nodes[n]["kind"] != "op"
    }


def _along(leaves: Sequence[Tensor], ranges: Mapping[str, tuple[float, float]]) -> Iterator[dict[str, list[float]]]:
    """Values to try: each number along its range, finer and finer; then pairs of ends."""
    mine = [own_key(i) for i, leaf in enumerate(leaves) if leaf._array.size == 1 and own_key(i) in ranges]
    for parts in (2, 4, 8, 16, 32):
        for i in mine:
            low, high = ranges[i]
            for k in range(parts + 1):
                if parts == 2 or k % 2:
                    yield {i: [low + (high - low) * k / parts]}
        if parts == 4:
            for i, j in itertools.combinations(mine, 2):
                for a, b in itertools.product(ranges[i], ranges[j]):
                    yield {i: [a], j: [b]}


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, ... that is at least `value`."""
    if not value > 0 or not math.isfinite(value):
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next((m * power for m in (1, 2, 5) if m * power >= value * (1 - 1e-9)), 10 * power)
