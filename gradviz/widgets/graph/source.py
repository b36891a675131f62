"""What a learner hands to a view (a result, a function, a tape) made into one recording."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import Any

from gradviz.core.events import observe
from gradviz.core.record import Recorder, Recording
from gradviz.core.tensor import Tensor
from gradviz.core.walk import of, with_backward
from gradviz.core.whence import variable_name
from gradviz.gpu.drawn import CapturedGraph
from gradviz.nn import Module
from gradviz.widgets.graph.tidy import tidy
from gradviz.widgets.pytorch.torch_graph import TorchRecording, is_torch, is_torch_module
from gradviz.widgets.pytorch.torch_source import listening, recorded_tensor


def recorded(
    source: Any, inputs: tuple[Any, ...] = (), *, backward: bool | None = True, params: Mapping[str, Any] | None = None,
    gradient: Any = None,
) -> Recording | TorchRecording | CapturedGraph:  # fmt: skip
    """The recording of `source`: a Tensor, a callable (run now, with `inputs`), a tape or a Recording.

    Tensors and modules of PyTorch are taken too, where it is loaded. `params` names tensors, as in torchviz.
    With `backward` (None: where the result is one number that needs a gradient) the backward pass from the result is
    added by driving a real `Backward`, which is rewound to its start afterwards: `.grad` and the graph are as before.
    `gradient` is what it starts with, as in ``y.backward(gradient)``: needed where the result is not one number.
    A recording that went backward already is kept as it is.
    """
    if backward is None and (isinstance(source, Tensor) or is_torch(source)):
        backward = _can(source)
    if isinstance(source, Tensor):
        if backward:
            _must_reach(source)
        found = of(source, dict(params) if params else None)
        name_results(found.recorder)
        return with_backward(source, found, gradient) if backward else found
    if is_torch(source):
        return recorded_tensor(source, learner(), backward=bool(backward), params=params, gradient=gradient)
    if isinstance(source, (TorchRecording, CapturedGraph)):
        return source
    if hasattr(source, "debug_dot"):  # a CUDA graph, or a step that is one
        return CapturedGraph(source.debug_dot())
    if isinstance(source, Recording):
        return _completed(source, backward is not False, gradient)
    if isinstance(source, Recorder):
        return _completed(source.recording, backward is not False, gradient)
    if hasattr(source, "named_parameters") and not inputs:
        raise TypeError(
            f"a module needs something to be called with, got {type(source).__name__} alone\n"
            "Pass its input too, GraphView(net, x), or a function: BackpropStepper(lambda: loss_fn(net(x), y))."
        )
    if callable(source):
        return _run(source, inputs, backward, params or {}, gradient)
    raise TypeError(
        f"expected a tensor, a function or a tape, got {type(source).__name__}\n"
        "Pass the loss, a function that computes it (lambda: f(x)), or the tape of `with torch.record() as tape:`."
    )


def _run(
    function: Callable[..., Any], inputs: tuple[Any, ...], backward: bool | None, params: Mapping[str, Any],
    gradient: Any,
) -> Recording | TorchRecording:  # fmt: skip
    prefixes = modules_of(learner())
    given = [x for x in inputs if isinstance(x, Tensor) and not (x.name or variable_name(x))]
    names = {"input" if len(given) == 1 else f"input_{i + 1}": x for i, x in enumerate(given)}
    tape = Recorder({**names, **prefixes, **params})
    other = listening()  # to PyTorch, if this program has loaded it
    with observe(tape), other.listen() if other is not None else contextlib.nullcontext():
        result = function(*inputs)
    shorten(tape, prefixes)
    found = result if isinstance(result, Tensor) or is_torch(result) else first_tensor(result)
    if backward is None:
        backward = found is not None and _can(found)
    if is_torch(found):
        module = function if is_torch_module(function) else None
        return recorded_tensor(
            found, learner(), backward=backward, params=params, run=other, module=module, given=inputs,
            gradient=gradient,
        )  # fmt: skip
    if found is None:
        raise TypeError(f"the function returned {type(result).__name__}, not a tensor\nLet it return the loss.")
    name_results(tape)
    if not backward:
        return tape.recording
    _must_reach(found)
    return with_backward(found, tape.recording, gradient)


def _can(result: Any) -> bool:
    """Whether backward can begin at a result as it is."""
    return bool(result.requires_grad and result.numel() == 1)


def _completed(recording: Recording, backward: bool, gradient: Any) -> Recording:
    """With the backward pass of its last result, if it has none and that result is still there."""
    if not backward or any(step["kind"] == "backward" for step in recording.steps):
        if gradient is not None:
            raise ValueError(
                "this tape went backward already, so there is nothing that gradient= could start\n"
                "Leave it out, or record the forward pass alone."
            )
        return recording
    root = recording.recorder.last_result(None if gradient is None else tuple(gradient.shape))
    if root is None:
        if gradient is not None:
            raise ValueError(
                f"nothing on this tape needs a gradient and has the shape of the one given, {tuple(gradient.shape)}\n"
                "Give the result itself: BackpropStepper(y, gradient=...)."
            )
        return recording
    again = recording.recorder.copy()  # the tape itself keeps what it heard, and nothing else
    return with_backward(root, Recording(again), gradient)


def _must_reach(root: Tensor) -> None:
    if not root.requires_grad:
        raise RuntimeError(
            "element 0 of tensors does not require grad and does not have a grad_fn\n"
            "Nothing led to this result that needs a gradient. Make a leaf with requires_grad=True before computing."
        )


def learner() -> Any:
    """The frame in which the view is made: the innermost outside this package."""
    frame: Any = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("gradviz."):
        frame = frame.f_back
    return frame


def modules_of(frame: Any) -> dict[str, Any]:
    """Parameters by the variable that holds their module and their path in it; the largest module first."""
    held = {**frame.f_globals, **frame.f_locals}.items()
    modules = [(name, list(m.named_parameters())) for name, m in held if isinstance(m, Module) and name[:1] != "_"]
    found: dict[int, tuple[str, Any]] = {}
    for name, parameters in sorted(modules, key=lambda module: -len(module[1])):
        for path, parameter in parameters:
            found.setdefault(id(parameter), (f"{name}.{path}", parameter))
    return dict(found.values())


def shorten(recorder: Recorder, prefixes: dict[str, Any]) -> None:
    """Where a single module was used its variable says nothing: `net.fc.weight` is `fc.weight`."""
    ours = [node for node in recorder.nodes if node["label"] in prefixes]
    single = len({node["label"].partition(".")[0] for node in ours}) == 1
    for node in ours:
        within = node["label"].partition(".")[2]
        node["label"], node["path"] = (within if single else node["label"]), within.rpartition(".")[0]


def name_results(recorder: Recorder) -> None:
    """Call results by the variables that hold them where the view is made, the outermost first."""
    frame = learner()
    for name, value in {**frame.f_globals, **frame.f_locals}.items():
        if isinstance(value, Tensor) and not name.startswith("_") and value._edge is not None:
            n = recorder.by_seq.get((value._edge.node.seq, value._edge.nr))
            if n is not None and recorder.nodes[n]["kind"] == "op":
                recorder.nodes[n].setdefault("variable", name)


def first_tensor(result: Any) -> Any:
    """The first tensor of several results; None if there is none."""
    items = result.values() if isinstance(result, dict) else result if isinstance(result, (tuple, list)) else ()
    return next((item for item in items if isinstance(item, Tensor) or is_torch(item)), None)


def data_of(recording: Recording | TorchRecording | CapturedGraph, title: str | None) -> dict[str, Any]:
    """The recording as JSON in which a result is called by the learner's own name for it, where it has one."""
    made = recording.to_json()
    nodes = [{**node, "label": node.get("variable") or node["label"]} for node in made["nodes"]]
    meta = made["meta"] if title is None else {**made["meta"], "title": title}
    return tidy({**made, "nodes": nodes, "meta": meta})
