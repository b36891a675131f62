"""Transforms that follow a direction: jvp, linearize, jacfwd, hessian.

They run backward twice. The gradient of `u -> u @ J` with respect to u, weighed with v, is `J @ v`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..core.op import FUNCTIONS
from ..core.tensor import Tensor
from . import tree
from .level import Level
from .reverse import jacrev, only_tensors, pick, pull, replace, split_aux


class Push:
    """A function at one point, ready to carry directions of its inputs to its outputs."""

    def __init__(self, level: Level, func: Any, primals: Any, has_aux: bool, call: str) -> None:
        self.level = level
        self.inputs, self.in_spec = tree.flatten(level.enter(primals))
        output, self.aux = split_aux(func(*tree.unflatten(self.inputs, self.in_spec)), has_aux, call)
        self.outputs, self.out_spec = only_tensors(output, "jvp(f, primals, tangents)")
        self.output = level.leave(output)
        self.weights = [level.leaf(FUNCTIONS["zeros_like"](o.detach())) for o in self.outputs]
        self.back = pull(self.outputs, self.inputs, self.weights)

    def along(self, tangents: list[Any]) -> list[Any]:
        """How the outputs change along a direction of the inputs."""
        return pull(self.back, self.weights, tangents)


def jvp(func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False) -> Any:
    """The outputs of `func`, and how they change along `tangents`.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.jvp.html
    """
    call = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(f"{call}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals).")
    flat, spec = tree.flatten(primals)
    directions, other = tree.flatten(tangents)
    if spec != other:
        raise RuntimeError(
            f"{call}: Expected primals and tangents to have the same python structure. For example, if primals is a "
            "tuple of 3 tensors, tangents also must be. Got primals with structure "
        )
    for what, leaves in (("primals", flat), ("tangents", directions)):
        if not leaves:
            raise RuntimeError(f"{call}: Expected {what} to contain at least one Tensor.")
        for leaf in leaves:
            if not isinstance(leaf, Tensor):
                raise RuntimeError(f"{call}: Expected {what} to only contain Tensors, got {type(leaf)}")
    for x, v in zip(flat, directions, strict=True):
        if x.shape != v.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this is "
                f"not supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size "
                f"{list(v.shape)}."
            )
    with Level() as level:
        push = Push(level, func, primals, has_aux, call)
        if strict and not all(o.requires_grad for o in push.outputs):
            raise RuntimeError(
                "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not "
                "allowed with strict=True."
            )
        change = level.leave(tree.unflatten(push.along(directions), push.out_spec))
        return (push.output, change, level.leave(push.aux)) if has_aux else (push.output, change)


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """The outputs of `func`, and the linear function that approximates it at this point.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.linearize.html
    """
    level = Level()
    with level:
        push = Push(level, func, primals, False, "linearize")

    def linear(*tangents: Any) -> Any:
        directions, spec = tree.flatten(tangents)
        if spec != push.in_spec:
            raise RuntimeError("Expected the tangents ")
        for i, (x, v) in enumerate(zip(push.inputs, directions, strict=True)):
            if x.shape != v.shape:
                raise RuntimeError(
                    f"tangent:{i} with shape {v.shape} in flattened pytree doesn't match the shape {x.shape} of the "
                    "corresponding primal."
                )
        with level:
            return level.leave(tree.unflatten(push.along(directions), push.out_spec))

    return push.output, linear


def jacfwd(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function that returns the Jacobian of `func`, one direction per input element.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.jacfwd.html
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with Level() as level:
            wanted = pick(argnums, args)
            for x in tree.flatten(wanted)[0]:
                x.numel()

            def partial(values: Any) -> Any:
                return func(*replace(argnums, args, values), **kwargs)

            push = Push(level, partial, (wanted,), has_aux, "jvp(f, primals, tangents)")
            columns = [_columns(push, i) for i in range(len(push.inputs))]
            spec = push.in_spec.parts[0]
            made = [tree.unflatten([column[j] for column in columns], spec) for j in range(len(push.outputs))]
            found = level.leave(tree.unflatten(made, push.out_spec))
            return (found, level.leave(push.aux)) if has_aux else found

    return wrapper


def _columns(push: Push, i: int) -> list[Any]:
    """The Jacobian of every output with respect to one input."""
    x = push.inputs[i]
    made = []
    for position in range(x.numel()):
        directions = [FUNCTIONS["zeros_like"](other.detach()) for other in push.inputs]
        directions[i].view(-1)[position] = 1
        made.append(push.along(directions))
    if not made:
        return [o.detach().new_zeros((*o.shape, *x.shape)) for o in push.outputs]
    return [
        FUNCTIONS["stack"](list(column), -1).reshape((*o.shape, *x.shape))
        for column, o in zip(zip(*made, strict=True), push.outputs, strict=True)
    ]


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """A function that returns the Hessian of `func`: the Jacobian of its Jacobian.

    https://docs.pytorch.org/docs/2.13/generated/torch.func.hessian.html
    """
    return jacfwd(jacrev(func, argnums), argnums)
