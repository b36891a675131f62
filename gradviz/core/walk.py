"""Recordings made from a graph: of a result that was not recorded, and with a backward pass added."""

from __future__ import annotations

from typing import Any

from .backward import Backward, order
from .events import observe
from .node import AccumulateGrad, Output, Scalar, edge_of
from .record import Recorder, Recording
from .summary import plain
from .tensor import Tensor
from .whence import calling_frame


def with_backward(root: Tensor, recording: Recording | None = None, gradient: Tensor | None = None) -> Recording:
    """A recording with the backward pass from `root` added: a real Backward is run, recorded, and rewound to its start.

    Gradients, kept values and the graph are as before afterwards. Hooks run, as they would.
    """
    known = recording.recorder if recording is not None else of(root).recorder
    if known._known(root) is None and (root._edge is None or (root._edge.node.seq, root._edge.nr) not in known.by_seq):
        known = of(root).recorder
    session = Backward([root], None if gradient is None else [gradient])
    with observe(known):
        session.run()
    session.seek(0)
    return Recording(known)


def of(root: Tensor, names: dict[str, Any] | None = None) -> Recording:
    """A recording of a result that was not recorded, from its graph: values are known only where something kept them."""
    recorder = Recorder(names)
    edge = edge_of(root)
    if edge is None:
        recorder.ordinal(root)
        return recorder.recording
    values: dict[Any, Any] = {edge: root._array}
    nodes = sorted(order([edge]), key=lambda node: node.seq)
    for node in nodes:
        _kept_values(node, values)
    for node in nodes:
        if isinstance(node, AccumulateGrad):
            recorder.ordinal(node.variable)
    for node in nodes:
        if not isinstance(node, AccumulateGrad):
            _add_walked(recorder, node, values)
    recorder.name_values(calling_frame())
    return recorder.recording


def _kept_values(node: Any, values: dict[Any, Any]) -> None:
    if node.op is None or not isinstance(node.saved, tuple):
        return
    for (kind, name), value in zip(node.op.kept, node.saved, strict=True):
        if kind == "out" and value is not None and not isinstance(value, tuple):
            values[node] = value
        elif kind == "input" and isinstance(value, Tensor):
            parent = node.parents[node.op.inputs.index(name)]
            if parent is not None:
                values[parent] = value._array


def _add_walked(recorder: Recorder, node: Any, values: dict[Any, Any]) -> None:
    """One graph node as a record node; a node with several outputs becomes one per output."""
    outputs = [(node, node.shape, node.dtype)] if node.shape is not None else [
        (Output(node, i, s, d), s, d) for i, (s, d) in enumerate(node.shapes)
    ]  # fmt: skip
    op = node.op if node.op is not None else node.function
    slots = getattr(op, "inputs", ())
    kept = (
        dict(zip([name for _, name in getattr(op, "kept", ())], node.saved, strict=False))
        if node.op is not None
        else {}
    )
    inputs = []
    for i, parent in enumerate(node.parents):
        slot = slots[i] if i < len(slots) and getattr(op, "variadic", None) is None else str(i)
        value = kept.get(slot)
        if parent is not None:
            inputs.append({"slot": slot, "n": recorder._of_edge(parent)})
        elif isinstance(value, Scalar):
            inputs.append({"slot": slot, "value": plain(value._array)})
        elif isinstance(value, Tensor):
            inputs.append({"slot": slot, "n": recorder.ordinal(value)})
        else:
            inputs.append({"slot": slot, "n": None})
    for nr, (edge, shape, dtype) in enumerate(outputs):
        array = values.get(edge)
        stand_in = Tensor._made(
            array if array is not None else node.device.xp.empty(shape, dtype=dtype), node.device, edge
        )
        settings = {
            name: v for (kind, name), v in zip(getattr(op, "kept", ()), node.saved, strict=False) if kind == "setting"
        }
        recorder._add_op(op, inputs, stand_in, settings, nr, inplace=False)
        entry = recorder.nodes[-1]
        entry["line"] = None
        if array is None:
            entry["value"] = None
