"""What a learner hands to a view (a result, a function, a tape) made into one recording."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from typing import Any

from gradviz.core.events import observe
from gradviz.core.record import Recorder, Recording
from gradviz.core.tensor import Tensor
from gradviz.core.walk import of, with_backward


def recorded(source: Any, inputs: tuple[Any, ...] = (), *, backward: bool = True) -> Recording:
    """The recording of `source`: a Tensor, a callable (run now, with `inputs`), a tape or a Recording.

    With `backward` the backward pass from the result is added by driving a real `Backward`, which is rewound to its
    start afterwards: `.grad` and the graph are as before. A recording that went backward already is kept as it is.
    """
    if isinstance(source, Tensor):
        if not backward:
            found = of(source)
            _name(found.recorder)
            return found
        _must_reach(source)
        found = of(source)
        _name(found.recorder)
        return with_backward(source, found)
    if isinstance(source, Recording):
        return _completed(source, backward)
    if isinstance(source, Recorder):
        return _completed(source.recording, backward)
    if hasattr(source, "named_parameters") and not inputs:
        raise TypeError(
            f"a module needs something to be called with, got {type(source).__name__} alone\n"
            "Pass its input too, GraphView(net, x), or a function: BackpropStepper(lambda: loss_fn(net(x), y))."
        )
    if callable(source):
        return _run(source, inputs, backward)
    raise TypeError(
        f"expected a tensor, a function or a tape, got {type(source).__name__}\n"
        "Pass the loss, a function that computes it (lambda: f(x)), or the tape of `with torch.record() as tape:`."
    )


def _run(function: Callable[..., Any], inputs: tuple[Any, ...], backward: bool) -> Recording:
    tape = Recorder()
    with observe(tape):
        result = function(*inputs)
    found = result if isinstance(result, Tensor) else _first(result)
    if found is None:
        raise TypeError(f"the function returned {type(result).__name__}, not a tensor\nLet it return the loss.")
    _name(tape)
    if not backward:
        return tape.recording
    _must_reach(found)
    return with_backward(found, tape.recording)


def _completed(recording: Recording, backward: bool) -> Recording:
    """With the backward pass of its last result, if it has none and that result is still there."""
    if not backward or any(step["kind"] == "backward" for step in recording.steps):
        return recording
    recorder = recording.recorder
    alive = [(n, t) for n, t in ((n, ref()) for ref, n in recorder._by_id.values()) if t is not None]
    roots = [(n, t) for n, t in alive if t.requires_grad and t._edge is not None and t._array.size == 1]
    if not roots:
        return recording
    again = copy.copy(recorder)  # the tape itself keeps what it heard, and nothing else
    again.nodes, again.steps = list(recorder.nodes), list(recorder.steps)
    again.by_seq, again._by_id = dict(recorder.by_seq), dict(recorder._by_id)
    return with_backward(max(roots, key=lambda found: found[0])[1], Recording(again))


def _must_reach(root: Tensor) -> None:
    if not root.requires_grad:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn\n"
            "Nothing led to this result that needs a gradient. Make a leaf with requires_grad=True before computing."
        )


def _name(recorder: Recorder) -> None:
    """Call results by the variables that hold them where the view is made, the outermost first."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gradviz."):
        frame = frame.f_back
    for name, value in {**frame.f_globals, **frame.f_locals}.items():
        if isinstance(value, Tensor) and not name.startswith("_") and value._edge is not None:
            n = recorder.by_seq.get((value._edge.node.seq, value._edge.nr))
            if n is not None and recorder.nodes[n]["kind"] == "op":
                recorder.nodes[n].setdefault("variable", name)


def _first(result: Any) -> Tensor | None:
    items = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else ()
    return next((item for item in items if isinstance(item, Tensor)), None)


def data_of(recording: Recording, title: str | None) -> dict[str, Any]:
    """The recording as JSON in which a result is called by the learner's own name for it, where it has one."""
    made = recording.to_json()
    nodes = [{**node, "label": node.get("variable") or node["label"]} for node in made["nodes"]]
    meta = made["meta"] if title is None else {**made["meta"], "title": title}
    return {**made, "nodes": nodes, "meta": meta}
