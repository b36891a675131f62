"""Places in the graph where a gradient arrives, named without their tensors, and the gradients a pass starts with."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from gradviz.core.errors import noted

from . import errors
from .node import Node, Output, edge_of
from .tensor import Tensor


class GradientEdge(NamedTuple):
    """One output of a node of the graph: what stands for a tensor where only its gradient is meant."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The place in the graph where the gradient of a tensor arrives."""
    edge = edge_of(tensor) if tensor.grad_fn is None else tensor._edge
    if edge is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(edge.node, edge.nr)


def place(given: Any) -> Any:
    """The engine's edge for a tensor or a GradientEdge; None where no gradient arrives."""
    if isinstance(given, GradientEdge):
        node = given.node
        if node.shape is not None:
            return node
        return Output(node, given.output_nr, *node.shapes[given.output_nr])
    return edge_of(given)


def many(tensors: Any) -> tuple[Any, ...]:
    """One tensor or edge, or several, as a tuple."""
    return (tensors,) if isinstance(tensors, (Tensor, GradientEdge)) else tuple(tensors)


def seed(index: int, root: Any, grad: Any, create_graph: bool) -> tuple[Any, Any]:
    """The edge where a backward pass begins, and the gradient it begins with there."""
    edge = place(root)
    if edge is None:
        raise noted(RuntimeError(errors.no_graph(root).replace("element 0", f"element {index}", 1)))
    shape, dtype, device = edge.shape, edge.dtype, edge.node.device
    if grad is None:
        if math.prod(shape) != 1:
            raise noted(RuntimeError(errors.non_scalar(shape)))
        if dtype.kind == "c":
            raise noted(RuntimeError(errors.complex_output(dtype)))
        array = device.xp.ones(shape, dtype=dtype)
    else:
        if not isinstance(grad, Tensor):
            raise TypeError(f"gradients can be either Tensors or None, but got {type(grad).__name__}")
        array = grad._array
        if array.shape != shape:
            raise noted(RuntimeError(errors.mismatched_gradient(index, array.shape, shape)))
        if (array.dtype.kind == "c") != (dtype.kind == "c"):
            raise noted(RuntimeError(errors.mixed_complex_gradient(index, array.dtype, dtype)))
        if array.dtype != dtype:
            array = array.astype(dtype)
    if not create_graph:
        return edge, array
    return edge, grad if grad is not None and array is grad._array else Tensor._of(array, device)
