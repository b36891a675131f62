"""`backward` and `grad`: the two calls that run a backward pass to its end."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.errors import noted

from . import quick
from .backward import Backward
from .edges import GradientEdge, many, place
from .op import FUNCTIONS
from .settings import is_warn_always_enabled
from .tensor import Tensor


class Warned:
    """What has been warned of already; PyTorch says it once per process."""

    create_graph = False


_ONLY_INPUTS = (
    "only_inputs argument is deprecated and is ignored now (defaults to True). To accumulate gradient for other parts "
    "of the graph, please use torch.autograd.backward."
)
_CYCLE = (
    "Using backward() with create_graph=True will create a reference cycle between the parameter and its gradient "
    "which can cause a memory leak. We recommend using autograd.grad when creating the graph to avoid this. If you "
    "have to use this function, make sure to reset the .grad fields of your parameters to None after use to break the "
    "cycle and avoid the leak."
)


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
        warnings.warn("`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2)
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    single = isinstance(tensors, Tensor) and (grad_tensors is None or isinstance(grad_tensors, Tensor))
    if single and inputs is None and not create_graph and quick.run(tensors, grad_tensors, retain_graph):
        return
    wanted = None if inputs is None else many(inputs)
    if wanted is not None and not wanted:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    roots = many(tensors)
    grads = _per_root(grad_tensors, roots)
    if create_graph and (is_warn_always_enabled() or not Warned.create_graph):
        Warned.create_graph = True
        warnings.warn(_CYCLE, stacklevel=3)
    for x in wanted or ():
        if isinstance(x, Tensor):
            x.retain_grad()
    Backward(
        roots,
        grads,
        inputs=None if wanted is None else _checked(wanted),
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

    With `is_grads_batched` the first dimension of each grad_output counts gradients, taken one after the other.
    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.grad.html
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    if not only_inputs:
        warnings.warn(_ONLY_INPUTS, FutureWarning, stacklevel=2)
    roots, wanted = many(outputs), many(inputs)
    if not wanted:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    weights = _per_root(grad_outputs, roots)
    unused = bool(allow_unused) or materialize_grads
    keep = create_graph if retain_graph is None else bool(retain_graph)

    def once(weights: list[Any], keep: bool) -> list[Any]:
        session = Backward(
            roots,
            weights,
            inputs=_checked(wanted),
            retain_graph=keep,
            create_graph=create_graph,
            journal=False,
            accumulate=False,
        ).run()
        return [_found(session, i, x, unused) for i, x in enumerate(wanted)]

    found = _batched(once, roots, weights, keep) if is_grads_batched else once(weights, keep)
    if materialize_grads:
        found = [_zeros(x, create_graph) if g is None else g for g, x in zip(found, wanted, strict=True)]
    return tuple(found)


def _batched(once: Any, roots: tuple[Any, ...], weights: list[Any], keep: bool) -> list[Any]:
    """One pass per row of the weights, the results stacked."""
    for i, (root, weight) in enumerate(zip(roots, weights, strict=True)):
        if weight is not None and tuple(weight.shape[1:]) != tuple(place(root).shape):
            raise noted(RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the batch "
                "dimension. The sizes of the remaining dimensions are expected to match the shape of corresponding "
                f"output, but a mismatch was detected: grad_output[{i}] has a shape of {weight.shape[2:]} and "
                f"output[{i}] has a shape of {root.shape}. If you only want some tensors in `grad_output` to be "
                "considered batched, consider using vmap."
                f"\nThe gradients given have shape {tuple(weight.shape)}; the first dimension counts them."
            ))  # fmt: skip
    count = next(len(w) for w in weights if w is not None)
    rows = [once([None if w is None else w[i] for w in weights], keep or i + 1 < count) for i in range(count)]
    return [None if column[0] is None else FUNCTIONS["stack"](list(column)) for column in zip(*rows, strict=True)]


def _zeros(x: Any, requires_grad: bool) -> Tensor:
    edge = place(x)
    return Tensor._of(edge.node.device.xp.zeros(edge.shape, dtype=edge.dtype), edge.node.device, requires_grad)


def _checked(inputs: Any) -> Any:
    """The inputs, each of which must be a place where a gradient can arrive."""
    for x in inputs:
        if not isinstance(x, (Tensor, GradientEdge)):
            raise RuntimeError(f"all inputs have to be Tensors or GradientEdges, but got {type(x).__name__}")
        if isinstance(x, Tensor) and not x._needs:
            raise noted(
                RuntimeError(
                    "One of the differentiated Tensors does not require grad\n"
                    f"It has shape {tuple(x._array.shape)}; make it with requires_grad=True before computing from it."
                )
            )
    return inputs


def _found(session: Backward, index: int, x: Any, allow_unused: bool) -> Any:
    edge = session.targets[index]
    g = session.captured.get(edge)
    if g is None:
        if not allow_unused:
            raise noted(
                RuntimeError(
                    f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                    f"Set allow_unused=True if this is the desired behavior.\nIt has shape {tuple(edge.shape)}."
                )
            )
        return None
    if isinstance(g, Tensor):
        return g
    device = edge.node.device
    return Tensor._of(device.wrap(g).copy(), device)


def _per_root(grads: Any, roots: tuple[Any, ...]) -> list[Any]:
    if grads is None:
        return [None] * len(roots)
    given = [grads] if isinstance(grads, Tensor) else list(grads)
    if len(given) != len(roots):
        raise RuntimeError(f"got {len(roots)} tensors and {len(given)} gradients")
    return given


Tensor._run_backward = staticmethod(backward)
