"""Jacobians, Hessians and their products with vectors, of plain functions of tensors.

What is forward mode elsewhere is here two backward passes: the gradient of `v -> v @ J` is `u -> J @ u`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.mode import enable_grad, grad_mode, set_grad_enabled
from ..core.op import FUNCTIONS
from ..core.tensor import Tensor
from .functional_checks import (
    CONSTANT,
    OUTPUTS,
    Tensors,
    as_tuple,
    filled,
    finished,
    grads_of,
    like_input,
    must_need_grad,
    prepared,
    vector_for,
)

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


class _Call:
    """One call of the user's function: its inputs made ready, its outputs checked."""

    def __init__(self, func: Callable[..., Any], inputs: Any, function: str, create_graph: bool, strict: bool) -> None:
        self.many_in, given = as_tuple(inputs, "inputs", function)
        self.inputs = prepared(given, create_graph)
        self.func, self.function, self.create_graph, self.strict = func, function, create_graph, strict

    def run(self) -> None:
        self.many_out, self.outputs = as_tuple(self.func(*self.inputs), OUTPUTS, self.function)
        must_need_grad(self.outputs, "outputs", self.strict)

    def run_scalar(self) -> None:
        self.run()
        if self.many_out or not isinstance(self.outputs[0], Tensor):
            raise RuntimeError(f"The function given to {self.function} should return a single Tensor")
        if self.outputs[0].numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {self.function} should contain a single element"
            )

    def last(self) -> Any:
        """The mode for the last pass: recorded if the caller wants a graph."""
        return set_grad_enabled(True if self.create_graph else grad_mode.get())

    def answer(self, values: Tensors, many: bool) -> Any:
        outputs = like_input(finished(self.outputs, self.create_graph), self.many_out)
        return outputs, like_input(finished(values, self.create_graph), many)


# -- products with vectors ---------------------------------------------------------------------------------------------
def vjp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and the vector `v` times its Jacobian.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.vjp.html
    """
    with enable_grad():
        call = _Call(func, inputs, "vjp", create_graph, strict)
        call.run()
        none = "the user-provided function returns"
        weights = vector_for(v, "vjp", call.outputs, call.many_out, create_graph, none)
    with call.last():
        found = grads_of(call.outputs, call.inputs, weights, create_graph)
        made = filled(found, call.inputs, strict, create_graph, "back")
    return call.answer(made, call.many_in)


def jvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The outputs of `func`, and its Jacobian times the vector `v`.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.jvp.html
    """
    with enable_grad():
        call = _Call(func, inputs, "jvp", create_graph, strict)
        vector = vector_for(
            v, "jvp", call.inputs, call.many_in, create_graph, "the input to the user-provided function is"
        )
        call.run()
        weights = tuple(FUNCTIONS["zeros_like"](o.detach()).requires_grad_() for o in call.outputs)
        back = grads_of(call.outputs, call.inputs, weights, True)
        must_need_grad(back, "grad_inputs", strict)
    with call.last():
        found = grads_of(back, weights, vector, create_graph)
        made = filled(found, call.outputs, strict, create_graph, "back_trick")
    return call.answer(made, call.many_out)


def vhp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a scalar `func`, and the vector `v` times its Hessian.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.vhp.html
    """
    with enable_grad():
        call = _Call(func, inputs, "vhp", create_graph, strict)
        vector = vector_for(
            v, "vhp", call.inputs, call.many_in, create_graph, "the input to the user-provided function is"
        )
        call.run_scalar()
        first = grads_of(call.outputs, call.inputs, create_graph=True)
        must_need_grad(first, "jacobian", strict)
    with call.last():
        found = grads_of(first, call.inputs, vector, create_graph)
        made = filled(found, call.inputs, strict, create_graph, "double_back")
    return call.answer(made, call.many_in)


def hvp(func: Callable[..., Any], inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False) -> Any:
    """The value of a scalar `func`, and its Hessian times the vector `v`.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.hvp.html
    """
    with enable_grad():
        call = _Call(func, inputs, "hvp", create_graph, strict)
        vector = vector_for(
            v, "hvp", call.inputs, call.many_in, create_graph, "the input to the user-provided function is"
        )
        call.run_scalar()
        first = grads_of(call.outputs, call.inputs, create_graph=True)
        must_need_grad(first, "jacobian", strict)
        weights = tuple(FUNCTIONS["zeros_like"](x.detach()).requires_grad_() for x in call.inputs)
        second = grads_of(first, call.inputs, weights, True)
        must_need_grad(second, "hessian", strict)
    with call.last():
        found = grads_of(second, weights, vector, create_graph)
        made = filled(found, call.inputs, strict, create_graph, "double_back_trick")
    return call.answer(made, call.many_in)


# -- whole matrices ----------------------------------------------------------------------------------------------------
def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of `func`: for each output and input a tensor of shape (*output.shape, *input.shape).

    It is computed one output element at a time, whatever `vectorize` and `strategy` say; the numbers are the same.
    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.jacobian.html
    """
    _check_strategy(strategy, create_graph, strict, vectorize)
    with enable_grad():
        call = _Call(func, inputs, "jacobian", create_graph, strict)
        call.run()
        rows = tuple(_rows(call, i, out) for i, out in enumerate(call.outputs))
        found = finished(rows, create_graph)
    return like_input(tuple(like_input(row, call.many_in) for row in found), call.many_out)


def _check_strategy(strategy: str, create_graph: bool, strict: bool, vectorize: bool) -> None:
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your function has more outputs '
            'than inputs, "forward-mode" tends to be more performant. Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        together = (
            '`{}=True` and `strategy="forward-mode"` are not supported together (yet). Please either set `{}=False` '
        )
        together = "torch.autograd.functional.jacobian: " + together + 'or `strategy="reverse-mode"`.'
        if create_graph:
            raise NotImplementedError(together.format("create_graph", "create_graph"))
        if strict:
            raise RuntimeError(together.format("strict", "strict"))
        if not vectorize:
            raise NotImplementedError(
                "Computing Jacobian using forward-AD or forward-over-reverse Hessian isonly implemented for "
                "`vectorize=True`."
            )
    if strict and vectorize:
        raise RuntimeError(
            "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are not supported together. "
            "Please either set `strict=False` or `vectorize=False`."
        )


def _rows(call: _Call, i: int, out: Any) -> Tensors:
    """The part of the Jacobian that belongs to one output: a tensor per input."""
    rows: list[list[Any]] = [[] for _ in call.inputs]
    for element in out.reshape(-1).unbind():
        grads = grads_of((element,), call.inputs, create_graph=call.create_graph)
        for j, (g, x) in enumerate(zip(grads, call.inputs, strict=True)):
            if g is None:
                if call.strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {j}. This is not allowed in "
                        "strict mode."
                    )
                g = FUNCTIONS["zeros_like"](x.detach())
            elif call.strict and call.create_graph and not g.requires_grad:
                raise RuntimeError(CONSTANT.format(what="jacobian", i=i))
            rows[j].append(g)
    if not out.numel():
        return tuple(out.new_zeros((*out.shape, *x.shape)) for x in call.inputs)
    return tuple(FUNCTIONS["stack"](row).view((*out.shape, *x.shape)) for row, x in zip(rows, call.inputs, strict=True))


def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a scalar `func`: for each pair of inputs a tensor of shape (*first.shape, *second.shape).

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.functional.hessian.html
    """
    many, given = as_tuple(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*xs: Any) -> Any:
        out = func(*xs)
        is_many, outs = as_tuple(out, OUTPUTS, "hessian")
        if is_many or not isinstance(out, Tensor):
            raise RuntimeError("The function given to hessian should return a single Tensor")
        if out.numel() != 1:
            raise RuntimeError("The Tensor returned by the function given to hessian should contain a single element")
        return outs[0].squeeze()

    def first(*xs: Any) -> Any:
        made: Tensors = jacobian(scalar, xs, create_graph=True)
        must_need_grad(made, "jacobian", strict)
        return made

    if strict:  # a scalar that needs no gradient is told apart from a gradient that does not
        with enable_grad():
            must_need_grad((scalar(*prepared(given, False)),), "outputs", True)
    found = jacobian(first, given, create_graph, strict, vectorize, outer_jacobian_strategy)
    return found if many else found[0][0]
