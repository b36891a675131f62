"""Hooks on a Module's gradients: what arrives at its outputs, and what leaves at its inputs.

A module may be many operations, so its tensors pass through an identity on the way in and another on the way out:

    x -> [identity A] -> forward ... -> [identity B] -> y

In backward B runs first and tells the hooks' `grad_output`; A runs last and has their `grad_input`.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

from gradviz.core.function import Function
from gradviz.core.mode import grad_mode
from gradviz.core.tensor import Tensor


class BackwardHookFunction(Function):
    """The identity, recorded."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        ctx.mark_non_differentiable(*(a for a in args if not a.requires_grad))
        return args

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:  # noqa: ARG004
        return args


class BackwardHook:
    """The backward hooks of one call of a module."""

    def __init__(self, module: Any, hooks: list[Any], pre_hooks: list[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: Any = None
        self.inputs: list[int] | None = None  # which arguments are tensors; None if no gradient reaches them
        self.outputs: list[int] = []
        self.count_in = self.count_out = 0
        self.like: list[Any] = []  # shape, type and device of each tensor input

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of forward, tensors passed through the identity."""
        self.count_in = len(args)
        passed, self.inputs, node = through_identity(args)
        if node is not None:
            self.like = [(a._array.shape, a._array.dtype, a.device) for a in passed if isinstance(a, Tensor)]
            node.register_hook(self._at_input)
        return passed

    def leave(self, result: Any) -> Any:
        """The result of forward, tensors passed through the identity."""
        single = not isinstance(result, tuple)
        values = (result,) if single else result
        self.count_out = len(values)
        passed, found, node = through_identity(values)
        self.outputs = found or []
        if node is not None:
            node.register_hook(self._at_output)
        return passed[0] if single else passed

    def _at_output(self, _: Any, grads: tuple[Any, ...]) -> Any:
        """Gradients have arrived at the outputs."""
        self.grad_outputs = spread(self.outputs, grads, self.count_out)
        for hook in self.pre_hooks:
            changed = hook(self.module, self.grad_outputs)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != self.count_out:
                raise RuntimeError(
                    "Backward pre hook returned an invalid number of grad_output, "
                    f"got {len(changed)}, but expected {self.count_out}"
                )
            self.grad_outputs = changed
        passed_on = tuple(self.grad_outputs[i] for i in self.outputs)
        if self.inputs is None:
            self._no_input_gradients()
        return passed_on

    def _no_input_gradients(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            "require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#"
            "torch.nn.Module.register_full_backward_hook for more details.",
            stacklevel=2,
        )
        nothing = (None,) * self.count_in
        for hook in self.hooks:
            result = hook(self.module, nothing, self.grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(r is None for r in result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )
        self.grad_outputs = None

    def _at_input(self, grads: tuple[Any, ...], _: Any) -> Any:
        """Gradients have arrived at the inputs."""
        if self.grad_outputs is None:
            return None
        assert self.inputs is not None
        filled = [zeros(*like) if g is None else g for g, like in zip(grads, self.like, strict=True)]
        grad_inputs = spread(self.inputs, filled, self.count_in)
        for hook in self.hooks:
            changed = hook(self.module, grad_inputs, self.grad_outputs)
            if changed is None:
                continue
            changed = changed if isinstance(changed, tuple) else (changed,)
            if len(changed) != self.count_in:
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(changed)}, but expected {self.count_in}"
                )
            grad_inputs = changed
        self.grad_outputs = None
        return tuple(grad_inputs[i] for i in self.inputs)


def through_identity(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int] | None, Any]:
    """The values with tensors passed through one identity, which places those were, and the identity's node."""
    places = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
    if not (grad_mode.get() and any(values[i].requires_grad for i in places)):
        return values, None, None
    passed = BackwardHookFunction.apply(*(values[i] for i in places))
    node = next(t.grad_fn for t in passed if t.grad_fn is not None)
    out = list(values)
    for place, tensor in zip(places, passed, strict=True):
        out[place] = tensor
    kept = type(values)
    return (tuple(out) if kept is tuple else kept(*out)), places, node


def zeros(shape: tuple[int, ...], dtype: Any, device: Any) -> Tensor:
    """The gradient of an input that nothing depends on."""
    return Tensor._of(device.xp.zeros(shape, dtype=dtype), device)


def spread(places: list[int], values: Sequence[Any], count: int) -> tuple[Any, ...]:
    """A tuple of `count` with the values in their places and None elsewhere."""
    out: list[Any] = [None] * count
    for place, value in zip(places, values, strict=True):
        out[place] = value
    return tuple(out)
