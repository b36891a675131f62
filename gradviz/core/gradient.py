"""`backward` and `grad`: the two calls that run a backward pass to its end."""

from __future__ import annotations

from typing import Any

from gradviz.core.errors import noted

from .backward import Backward
from .tensor import Tensor


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Sum of gradients of `tensors` with respect to graph leaves, accumulated into `.grad`.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.backward.html
    """
    if grad_variables is not None:
        raise NotImplementedError("argument 'grad_variables' is the old name of 'grad_tensors'; use that")
    roots = _many(tensors)
    if inputs is not None:
        inputs = _many(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    Backward(
        roots,
        _per_root(grad_tensors, roots),
        inputs=inputs,
        retain_graph=retain_graph,
        create_graph=create_graph,
        journal=False,
    ).run()


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The gradients of `outputs` with respect to `inputs`, returned instead of accumulated.

    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.grad.html
    """
    if is_grads_batched:
        raise NotImplementedError("autograd.grad(): argument 'is_grads_batched' is not supported; loop over the rows")
    if not only_inputs:
        raise NotImplementedError("autograd.grad(): argument 'only_inputs=False' is not supported")
    roots, wanted = _many(outputs), _many(inputs)
    for x in wanted:
        if not x._needs:
            raise noted(
                RuntimeError(
                    "One of the differentiated Tensors does not require grad\n"
                    f"It has shape {tuple(x._array.shape)}; make it with requires_grad=True before computing from it."
                )
            )
    session = Backward(
        roots,
        _per_root(grad_outputs, roots),
        inputs=wanted,
        retain_graph=retain_graph,
        create_graph=create_graph,
        journal=False,
        accumulate=False,
    ).run()
    return tuple(_found(session, i, x, bool(allow_unused), materialize_grads) for i, x in enumerate(wanted))


def _found(session: Backward, index: int, x: Tensor, allow_unused: bool, materialize: bool) -> Any:
    g = session.captured.get(session.targets[index])
    if g is None:
        if materialize:
            return Tensor._of(x.device.xp.zeros_like(x._array), x.device)
        if not allow_unused:
            raise noted(
                RuntimeError(
                    f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                    f"Set allow_unused=True if this is the desired behavior.\nIt has shape {tuple(x._array.shape)}."
                )
            )
        return None
    if isinstance(g, Tensor):
        return g
    return Tensor._of(x.device.wrap(g).copy(), x.device)


def _many(tensors: Any) -> tuple[Any, ...]:
    """One tensor or several, as a tuple."""
    return (tensors,) if isinstance(tensors, Tensor) else tuple(tensors)


def _per_root(grads: Any, roots: tuple[Any, ...]) -> Any:
    if grads is None or isinstance(grads, Tensor):
        return [grads] * (1 if grads is not None else len(roots))
    return list(grads)
