"""Trading time for memory: what backward needs is computed a second time instead of being kept.

`use_reentrant=False` works with saved-tensor hooks: the forward keeps numbered tickets in place of tensors, and the
first ticket that backward turns in runs the function again to collect them all (recompute.py). `use_reentrant=True` is
a Function whose backward runs the forward again and then a backward pass of its own.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from gradviz.core.backward import running
from gradviz.core.function import Function
from gradviz.core.gradient import backward
from gradviz.core.mode import enable_grad, grad_mode, no_grad
from gradviz.core.random import get_rng_state
from gradviz.core.saved import saved_tensors_hooks
from gradviz.core.tensor import Tensor

from .recompute import CHECKS, CheckpointError, Frame, Settings, random_state

__all__ = [
    "CheckpointError", "CheckpointFunction", "check_backward_validity", "checkpoint", "checkpoint_sequential",
    "create_selective_checkpoint_contexts", "detach_variable", "get_device_states", "noop_context_fn",
    "set_checkpoint_debug_enabled", "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip
_EXPLICIT = (
    "{}: the use_reentrant parameter should be passed explicitly. {} use_reentrant=False is recommended, but if you "
    "need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on "
    "the differences between the two variants."
)


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Whether the second run may end as soon as everything that backward needs is there."""
    before = Settings.early_stop
    Settings.early_stop = enable
    try:
        yield
    finally:
        Settings.early_stop = before


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Overrides `debug` of the checkpoints made inside."""
    before = Settings.debug
    Settings.debug = enabled
    try:
        yield
    finally:
        Settings.debug = before


def noop_context_fn() -> tuple[Any, Any]:
    """Two contexts that do nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], tuple[Any, Any]] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function so that what backward needs of it is computed again when it is needed.

    https://docs.pytorch.org/docs/2.13/checkpoint.html
    """
    if use_reentrant is None:
        soon = "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception."
        warnings.warn(_EXPLICIT.format("torch.utils.checkpoint", soon), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in CHECKS:
        raise ValueError(f"determinism_check should be one of {list(CHECKS)}, but got {determinism_check}")
    wanted = debug if Settings.debug is None else Settings.debug
    first, second = context_fn()
    frame = Frame(function, args, kwargs, preserve, second, CHECKS[determinism_check], wanted, early_stop)
    if not grad_mode.get():
        return function(*args, **kwargs)
    with frame.listening(frame.first_ops), saved_tensors_hooks(frame.pack, frame.unpack), first:
        return function(*args, **kwargs)


# -- the reentrant way -------------------------------------------------------------------------------------------------
class CheckpointFunction(Function):
    """Runs a function unrecorded; its backward runs it again, recorded, and a backward pass through that."""

    @staticmethod
    def forward(ctx: Any, run_function: Any, preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.state = get_rng_state() if preserve_rng_state else None
        ctx.inputs = [None if isinstance(a, Tensor) else a for a in args]
        ctx.places = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        session = running.get()
        if session is not None and session.partial:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or call "
                ".backward() without passing the `inputs` argument."
            )
        inputs = list(ctx.inputs)
        for place, tensor in zip(ctx.places, ctx.saved_tensors, strict=True):
            inputs[place] = tensor
        detached = detach_variable(tuple(inputs))
        with random_state(ctx.state), enable_grad():
            outputs = ctx.run_function(*detached)
        many = outputs if isinstance(outputs, tuple) else (outputs,)
        pairs = [(o, g) for o, g in zip(many, args, strict=True) if isinstance(o, Tensor) and o.requires_grad]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([o for o, _ in pairs], [g for _, g in pairs])
        return None, None, *(x.grad if isinstance(x, Tensor) else None for x in detached)


def detach_variable(inputs: Any) -> tuple[Any, ...]:
    """The inputs outside their graph, tensors that required grad as leaves that do."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs)


def check_backward_validity(inputs: Any) -> None:
    """Warn if no gradient can flow through a reentrant checkpoint."""
    if not any(x.requires_grad for x in inputs if isinstance(x, Tensor)):
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """The generators of other devices that hold the arguments: none besides the CPU's are used here."""
    return [], []


def set_device_states(devices: Any, states: Any, *, device_type: str | None = None) -> None:
    """Nothing to set, see `get_device_states`."""


def create_selective_checkpoint_contexts(*args: Any, **kwargs: Any) -> Any:
    """Choosing operations whose results are kept is not supported."""
    raise NotImplementedError("create_selective_checkpoint_contexts() is not supported; checkpoint smaller functions")


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run a sequence of modules in `segments` pieces, all but the last of them checkpointed."""
    if use_reentrant is None:
        soon = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        warnings.warn(_EXPLICIT.format("torch.utils.checkpoint.checkpoint_sequential", soon), stacklevel=2)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(steps) // segments
    for k in range(segments - 1):
        piece = _chain(steps[k * size : (k + 1) * size])
        input = checkpoint(piece, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _chain(steps[(segments - 1) * size :])(input)


def _chain(steps: list[Any]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for step in steps:
            x = step(x)
        return x

    return run
