"""Transforms that run backward: grad, grad_and_value, vjp, jacrev."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.gradient import grad as gradients
from ..core.op import FUNCTIONS
from ..core.tensor import Tensor
from . import tree
from .level import Level


def pick(argnums: Any, args: tuple[Any, ...]) -> Any:
    """The arguments that are asked for: one, or a tuple."""
    if isinstance(argnums, int):
        return args[_number(argnums, len(args))]
    return tuple(args[_number(i, len(args))] for i in _numbers(argnums, len(args)))


def replace(argnums: Any, args: tuple[Any, ...], values: Any) -> tuple[Any, ...]:
    """The arguments with those that are asked for replaced."""
    many = (argnums,) if isinstance(argnums, int) else argnums
    given = (values,) if isinstance(argnums, int) else values
    out = list(args)
    for i, value in zip(many, given, strict=True):
        out[i] = value
    return tuple(out)


def _number(i: int, count: int) -> int:
    if not -count <= i < count:
        raise RuntimeError(f"Got argnum={i}, but only {count} positional inputs")
    return i


def _numbers(argnums: Any, count: int) -> tuple[int, ...]:
    if not isinstance(argnums, tuple):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not argnums:
        raise RuntimeError("argnums must be non-empty")
    if len({i % count if count else i for i in argnums}) != len(argnums):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return argnums


def split_aux(result: Any, has_aux: bool, call: str) -> tuple[Any, Any]:
    """What a function returned, and what it returned beside it."""
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(f"{call}: output of function f should be a tuple: (output, aux) if has_aux is True")
    for leaf in tree.flatten(result[1])[0]:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(leaf)}")
    return result


def only_tensors(output: Any, call: str) -> tuple[list[Any], tree.Spec]:
    """The output's leaves, which must be tensors."""
    leaves, spec = tree.flatten(output)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(
                f"{call}: expected f(*primals) to return only tensors, got unsupported type {type(leaf)}"
            )
    return leaves, spec


def pull(outputs: list[Any], inputs: list[Any], weights: Any, *, create_graph: bool = True) -> list[Any]:
    """Gradients with respect to inputs, zeros where there are none."""
    pairs = [(o, w) for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    if not pairs:
        return [FUNCTIONS["zeros_like"](x.detach()) for x in inputs]
    outs, given = zip(*pairs, strict=True)
    found = gradients(outs, inputs, given, create_graph=create_graph, retain_graph=True, allow_unused=True)
    return [FUNCTIONS["zeros_like"](x.detach()) if g is None else g for g, x in zip(found, inputs, strict=True)]


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of `func` and its value; with `has_aux` the value is (value, aux).

    https://docs.pytorch.org/docs/2.13/generated/torch.func.grad_and_value.html
    """
    call = "grad_and_value(f)(*args)"

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with Level() as level:
            wanted = level.enter(pick(argnums, args))
            output, aux = split_aux(func(*replace(argnums, args, wanted), **kwargs), has_aux, call)
            if not isinstance(output, Tensor):
                raise RuntimeError(f"{call}: Expected f(*args) to return a Tensor, got {type(output)}")
            if output.ndim:
                raise RuntimeError(
                    f"{call}: Expected f(*args) to return a scalar Tensor, got tensor with {output.ndim} dims. Maybe "
                    "you wanted to use the vjp or jacrev APIs instead?"
                )
            leaves, spec = tree.flatten(wanted)
            grads = level.leave(tree.unflatten(pull([output], leaves, [None]), spec))
            value = level.leave(output)
            return grads, (value, level.leave(aux)) if has_aux else value

    return wrapper


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the gradient of the scalar `func` with respect to the arguments `argnums`.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.grad.html
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        grads, value = both(*args, **kwargs)
        return (grads, value[1]) if has_aux else grads

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The outputs of `func`, and a function that multiplies cotangents with its Jacobian.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.vjp.html
    """
    call = "vjp(f, *primals)"
    with Level() as level:
        inputs = level.enter(primals)
        output, aux = split_aux(func(*inputs), has_aux, call)
        outputs, spec = only_tensors(output, "vjp(f, *primals)")
        seen = level.leave(output)
    into, into_spec = tree.flatten(inputs)

    def pull_back(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        weights, shape = tree.flatten(cotangents)
        if shape != spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                f"function. cotangents: {shape}, primal output: {spec}"
            )
        with level:
            made = pull(outputs, into, weights)
            return level.leave(tree.unflatten(made, into_spec))

    return (seen, pull_back, level.leave(aux)) if has_aux else (seen, pull_back)


def jacrev(
    func: Callable[..., Any],
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `func`, one backward pass per output element.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.jacrev.html
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with Level() as level:
            wanted = level.enter(pick(argnums, args))
            output, aux = split_aux(func(*replace(argnums, args, wanted), **kwargs), has_aux, "vjp(f, *primals)")
            outputs, out_spec = only_tensors(output, "vjp(f, *primals)")
            leaves, spec = tree.flatten(wanted)
            made = [tree.unflatten(_rows(out, leaves), spec) for out in outputs]
            found = level.leave(tree.unflatten(made, out_spec))
            return (found, level.leave(aux)) if has_aux else found

    return wrapper


def _rows(out: Any, inputs: list[Any]) -> list[Any]:
    """The Jacobian of one output with respect to every input."""
    elements = out.reshape(-1).unbind() if out.numel() else ()
    rows = [pull([element], inputs, [None]) for element in elements]
    if not rows:
        return [out.detach().new_zeros((*out.shape, *x.shape)) for x in inputs]
    return [
        FUNCTIONS["stack"](list(column)).reshape((*out.shape, *x.shape))
        for column, x in zip(zip(*rows, strict=True), inputs, strict=True)
    ]
