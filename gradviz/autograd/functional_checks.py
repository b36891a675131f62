"""What `torch.autograd.functional` checks and how it takes gradients that may be missing."""

from __future__ import annotations

from typing import Any

from ..core.gradient import grad
from ..core.op import FUNCTIONS
from ..core.tensor import Tensor

OUTPUTS = "outputs of the user-provided function"
TWICE = (
    "You should ensure that your function is twice differentiable and that the jacobian depends on the inputs (this "
    "would be violated by a linear function for example)."
)
NOT_GIVEN = {
    "outputs": "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input when running in strict mode.",
    "grad_inputs": "The gradient with respect to input {i} is independent of the inputs of the user-provided function. "
    "This is not allowed in strict mode.",
    "jacobian": "While computing the hessian, found that the jacobian of the user-provided function with respect to "
    "input {i} is independent of the input. This is not allowed in strict mode. " + TWICE,
    "hessian": "While computing the hessian, found that the gradient with respect to input {i} is independent of the "
    "inputs. This is not allowed in strict mode.",
}
MISSING = {
    "back": "The output of the user-provided function is independent of input {i}. This is not allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {i} in the grad_outputs when using "
    "the double backward trick to compute forward mode gradients. This is not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {i}. This is not allowed in "
    "strict mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {i} in the grad_jacobian. "
    "This is not allowed in strict mode as it prevents from using the double backward trick to replace forward mode "
    "AD.",
}
CONSTANT = (
    "The {what} of the user-provided function is independent of input {i}. This is not allowed in strict mode when "
    "create_graph=True."
)
Tensors = tuple[Any, ...]


# -- what goes in and out ----------------------------------------------------------------------------------------------
def as_tuple(value: Any, what: str, function: str) -> tuple[bool, Tensors]:
    """Whether it was a tuple, and the tuple."""
    if isinstance(value, tuple):
        for i, x in enumerate(value):
            if not isinstance(x, Tensor):
                raise TypeError(
                    f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the value at "
                    f"index {i} has type {type(x)}."
                )
        return True, value
    if not isinstance(value, Tensor):
        raise TypeError(
            f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given {what} has "
            f"type {type(value)}."
        )
    return False, (value,)


def prepared(tensors: Tensors, create_graph: bool, want_grad: bool = True) -> Tensors:
    """The tensors as the start of a graph of their own, joined to the caller's where that is wanted."""
    return tuple(
        x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_(want_grad) for x in tensors
    )


def finished(value: Any, create_graph: bool) -> Any:
    """Results outside the graph, unless it was asked for."""
    if isinstance(value, tuple):
        return tuple(finished(v, create_graph) for v in value)
    return value if create_graph else value.detach()


def like_input(value: Tensors, many: bool) -> Any:
    """A tuple where the user gave or returned one, else the one tensor in it."""
    return value if many else value[0]


def vector_for(v: Any, function: str, like: Tensors, many: bool, create_graph: bool, none: str) -> Any:
    """The vector to multiply with, checked against what it must look like; None for a single 1."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise RuntimeError(f"The vector v can only be None if {none} a single Tensor with a single element.")
        return (FUNCTIONS["ones_like"](like[0].detach()),)
    _, vectors = as_tuple(v, "v", function)
    vectors = prepared(vectors, create_graph, False)
    if len(vectors) != len(like):
        if many:
            raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(vectors)}.")
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (x, w) in enumerate(zip(like, vectors, strict=True)):
        if x.shape != w.shape:
            entry = f"Entry {i} in " if many else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {x.shape} but got {w.shape}.")
    return vectors


# -- gradients that may be missing -------------------------------------------------------------------------------------
def grads_of(outputs: Tensors, inputs: Tensors, weights: Any = None, create_graph: bool = False) -> Tensors:
    """Gradients of those outputs that have any; None for inputs that nothing depends on."""
    weights = (None,) * len(outputs) if weights is None else weights
    pairs = [(o, w) for o, w in zip(outputs, weights, strict=True) if o is not None and o.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outs, given = zip(*pairs, strict=True)
    return grad(outs, inputs, given, allow_unused=True, create_graph=create_graph, retain_graph=True)


def must_need_grad(tensors: Tensors, kind: str, strict: bool) -> None:
    """In strict mode, RuntimeError for what nothing differentiable led to."""
    for i, x in enumerate(tensors) if strict else ():
        if x is None:
            raise RuntimeError(MISSING["back"].format(i=i))
        if not x.requires_grad:
            raise RuntimeError(NOT_GIVEN[kind].format(i=i))


def filled(grads: Tensors, like: Tensors, strict: bool, create_graph: bool, stage: str) -> Tensors:
    """Zeros where there is no gradient; in strict mode that is an error."""
    made = []
    for i, (g, x) in enumerate(zip(grads, like, strict=True)):
        if g is None:
            if strict:
                raise RuntimeError(MISSING[stage].format(i=i))
            made.append(FUNCTIONS["zeros_like"](x.detach()))
        else:
            if strict and create_graph and not g.requires_grad:
                raise RuntimeError(CONSTANT.format(what="hessian" if "double" in stage else "jacobian", i=i))
            made.append(g)
    return tuple(made)
