"""What a learner hands to a view, where it is real PyTorch: a loss, or a function or module that is run now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradviz.widgets.pytorch.torch_graph import TorchRecording, TorchWalk, is_torch, is_torch_module, library
from gradviz.widgets.pytorch.torch_run import TorchBackward, TorchRun

NO_GRAPH = (
    "element 0 of tensors does not require grad and does not have a grad_fn\n"
    "Nothing led to this result that needs a gradient. Make a leaf with requires_grad=True before computing."
)


def recorded_tensor(
    root: Any, frame: Any, *, backward: bool, params: Mapping[str, Any] | None = None, run: TorchRun | None = None,
    module: Any = None, given: tuple[Any, ...] = (), gradient: Any = None,
) -> TorchRecording:  # fmt: skip
    """The recording of a PyTorch result; `frame` is where the view is made, `run` what was heard on the way."""
    if backward and not root.requires_grad:
        raise RuntimeError(NO_GRAPH)
    if backward and root.numel() != 1 and gradient is None:
        raise RuntimeError(
            "grad can be implicitly created only for scalar outputs\n"
            f"This output has shape {tuple(root.shape)}. Reduce it to one number first (y.sum() or y.mean()), or give "
            "the gradient it starts with: gradient=torch.ones_like(y)."
        )
    if run is not None:
        run.settle(_reachable(root))
    names = {**_names(frame, given), **_parameters(frame, module, root), **dict(params or {})}
    walk = TorchWalk(root, names, run)
    _call(walk, frame)
    if backward:
        TorchBackward(walk).run(gradient)
    return TorchRecording(walk)


def _reachable(root: Any) -> list[Any]:
    seen: dict[Any, None] = {}
    stack = [root.grad_fn] if root.grad_fn is not None else []
    while stack:
        fn = stack.pop()
        if fn not in seen:
            seen[fn] = None
            stack.extend(u for u, _ in fn.next_functions if u is not None)
    return [fn for fn in seen if getattr(fn, "variable", None) is None]


def _held(frame: Any) -> dict[str, Any]:
    """The learner's variables: of the frame where the view is made, and of the program around it."""
    return {**frame.f_globals, **frame.f_locals}


def _names(frame: Any, given: tuple[Any, ...]) -> dict[str, Any]:
    """Leaves and constants by the variables that hold them; what a module was called with is its input."""
    tensors = [x for x in given if is_torch(x)]
    names = {"input" if len(tensors) == 1 else f"input_{i + 1}": x for i, x in enumerate(tensors)}
    return names | {k: v for k, v in _held(frame).items() if k[:1] != "_" and is_torch(v) and v.grad_fn is None}


def _parameters(frame: Any, module: Any, root: Any) -> dict[str, Any]:
    """Parameters by their path in the module; where several modules took part, with the module's variable before."""
    found = {} if module is None else {"": module}
    found |= {k: m for k, m in _held(frame).items() if is_torch_module(m) and k[:1] != "_" and m is not module}
    used = {id(u.variable) for fn in _reachable(root) for u, _ in fn.next_functions if hasattr(u, "variable")}
    taken: dict[int, tuple[str, str, Any]] = {}
    for name, held in sorted(found.items(), key=lambda item: -sum(1 for _ in item[1].parameters())):
        for path, parameter in held.named_parameters():
            if id(parameter) in used:
                taken.setdefault(id(parameter), (name, path, parameter))
    single = len({name for name, _, _ in taken.values()}) == 1
    return {path if single or not name else f"{name}.{path}": p for name, path, p in taken.values()}


def _call(walk: TorchWalk, frame: Any) -> None:
    """Call results by the variables that hold them where the view is made."""
    for name, value in _held(frame).items():
        if name[:1] != "_" and is_torch(value) and value.grad_fn is not None:
            n = walk.by_edge.get((value.grad_fn, value.output_nr))
            if n is not None:
                walk.nodes[n].setdefault("variable", name)


def listening() -> Any:
    """A way to hear what PyTorch does inside a `with`; None where it is not loaded."""
    return TorchRun() if library() is not None else None
