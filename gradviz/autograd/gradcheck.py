"""Is a gradient right? Compare it with finite differences.

For a complex output its imaginary and its real part are looked at one after the other. The gradient of a real number s
with respect to a complex x is ds/dRe(x) + i ds/dIm(x), which is PyTorch's convention.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.function import Function
from ..core.gradient import grad
from ..core.tensor import Tensor
from .jacobians import Tensors, analytic_jacobian, as_tuple, forward_jacobian, numeric_jacobian


class GradcheckError(RuntimeError):
    """A gradient did not agree with finite differences."""


_NOTES = 'Please look at "Notes about undefined output gradients" in "tools/autograd/derivatives.yaml"'


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` agree with central differences, for every input that requires grad.

    Inputs should be float64 or complex128. Raises GradcheckError naming the output, the input and both Jacobians where
    they differ. `fast_mode` compares everything too; batched gradients are a loop here and gradients always have their
    input's type, so neither needs a check.
    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.gradcheck.gradcheck.html
    """
    if not (check_forward_ad or check_backward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_batched_forward_grad and not check_forward_ad:
        raise AssertionError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    arguments = as_tuple(inputs)
    _check_inputs(arguments)
    try:
        if check_forward_ad:
            _check_forward(func, arguments, eps, atol, rtol)
        if check_backward_ad:
            _check(func, arguments, eps, atol, rtol, nondet_tol)
            _check_multiplied(func, arguments)
        if check_backward_ad and check_undefined_grad:
            _check_undefined(func, arguments)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


# -- what goes in and out ----------------------------------------------------------------------------------------------
def _wanted(arguments: Tensors) -> list[tuple[int, Any]]:
    return [(i, x) for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]


def _differentiable(result: Any) -> Tensors:
    return tuple(o for o in as_tuple(result) if o.requires_grad)


def _check_inputs(arguments: Tensors) -> None:
    wanted = _wanted(arguments)
    for i, x in wanted:
        if x.dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. This check "
                "will likely fail if all the inputs are not of double precision floating point or complex. ",
                stacklevel=3,
            )
        if any(step == 0 and n > 1 for step, n in zip(x.stride(), x.shape, strict=True)):
            raise RuntimeError(
                f"The {i}th input has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. You should call .contiguous "
                "on the input before passing it to gradcheck."
            )
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )


# -- comparing ---------------------------------------------------------------------------------------------------------
def _check(func: Any, arguments: Tensors, eps: float, atol: float, rtol: float, nondet: float) -> None:
    wanted = _wanted(arguments)
    inputs = [x for _, x in wanted]
    result = as_tuple(func(*arguments))
    outputs = [(j, o) for j, o in enumerate(result) if o.requires_grad]
    numeric = [numeric_jacobian(func, arguments, x, eps) for x in inputs]
    if not outputs:
        if any(part is not None and np.any(part != 0) for per in numeric for both in per for part in both):
            raise GradcheckError("Numerical gradient for function expected to be zero")
        return
    for part, unit, prefix in _parts(outputs):
        for k, (j, out) in enumerate(outputs):
            if part and not out.is_complex():
                continue
            analytic, again = analytic_jacobian(out, inputs, unit), analytic_jacobian(out, inputs, unit)
            for (i, _), mine, second, per in zip(wanted, analytic, again, numeric, strict=True):
                theirs = per[j][part]
                if theirs is None:
                    continue
                if not np.allclose(mine, theirs, rtol=rtol, atol=atol, equal_nan=True):
                    raise GradcheckError(
                        f"{prefix}Jacobian mismatch for output {k} with respect to input {i},\n"
                        f"numerical:{_shown(theirs)}\nanalytical:{_shown(mine)}\n"
                    )
                if np.abs(mine - second).max(initial=0) > nondet:
                    raise GradcheckError(
                        f"{prefix}Backward is not reentrant, i.e., running backward with same input and grad_output "
                        "multiple times gives different values, although analytical gradient matches numerical "
                        f"gradient.The tolerance for nondeterminism was {nondet}."
                    )


def _check_forward(func: Any, arguments: Tensors, eps: float, atol: float, rtol: float) -> None:
    """The same comparison for the tangents that forward mode carries to the outputs."""
    wanted = _wanted(arguments)
    if any(x.is_complex() for _, x in wanted):
        raise NotImplementedError("gradcheck(): argument 'check_forward_ad' is not supported for complex inputs")
    for i, x in wanted:
        numeric = numeric_jacobian(func, arguments, x, eps)
        for j, mine in enumerate(forward_jacobian(func, arguments, i, x)):
            theirs = numeric[j][0]
            if theirs is not None and not np.allclose(mine, theirs, rtol=rtol, atol=atol, equal_nan=True):
                raise GradcheckError(
                    f"Jacobian computed with forward mode mismatch for output {j} with respect to input {i},\n"
                    f"numerical:{_shown(theirs)}\nanalytical:{_shown(mine)}\n"
                )


def _parts(outputs: list[tuple[int, Any]]) -> list[tuple[int, Any, str]]:
    """Which parts of the outputs to look at: (0 for the real part or 1, its unit, how errors begin)."""
    if not any(o.is_complex() for _, o in outputs):
        return [(0, 1, "")]
    of = "While considering the {} part of complex outputs only, "
    return [(1, 1j, of.format("imaginary")), (0, 1, of.format("real"))]


def _shown(jacobian: Any) -> str:
    return repr(Tensor._of(np.ascontiguousarray(jacobian)))


class _Undefined(Function):
    """The identity, whose gradient does not arrive."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:  # noqa: ARG004
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:  # noqa: ARG004
        return None


def _check_multiplied(func: Any, arguments: Tensors) -> None:
    """Where nothing comes from above, nothing may go on: a rule that forgets the upstream gradient is found here."""
    inputs = [x for _, x in _wanted(arguments)]
    outputs = _differentiable(func(*arguments))
    if not outputs:
        return
    grads = grad(outputs, inputs, [_zeros(o) for o in outputs], allow_unused=True)
    if any(g is not None and not bool((g == 0).all()) for g in grads):
        raise GradcheckError("backward not multiplied by grad_output")


def _check_undefined(func: Any, arguments: Tensors) -> None:
    """A backward must cope with outputs whose gradient is undefined, and give zero where all of them are."""
    inputs = [x for _, x in _wanted(arguments)]
    outputs = _differentiable(func(*arguments))
    if not outputs:
        return
    everything = frozenset(range(len(outputs)))
    for missing in {everything} if len(outputs) == 1 else {everything, *(frozenset((i,)) for i in everything)}:
        fresh = _differentiable(func(*arguments))
        ends = [_Undefined.apply(o) if i in missing else o for i, o in enumerate(fresh)]
        try:
            grads = grad(ends, inputs, [_zeros(o) for o in fresh], allow_unused=True)
        except RuntimeError as error:
            _warn_undefined()
            raise GradcheckError(f"Expected backward function to handle undefined output grads. {_NOTES}") from error
        if any(g is not None and not bool((g == 0).all()) for g in grads):
            _warn_undefined()
            raise GradcheckError(
                "Expected all input grads to be undefined or zero when all output grads are undefined or zero. "
                + _NOTES
            )


def _zeros(out: Any) -> Tensor:
    return Tensor._of(out.device.wrap(np.zeros(tuple(out.shape), out._array.dtype)), out.device)


def _warn_undefined() -> None:
    warnings.warn(
        "Backwards compatibility: New undefined gradient support checking feature is enabled by default, but it may "
        "break existing callers of this function. If this is true for you, you can call this function with "
        '"check_undefined_grad=False" to disable the feature',
        stacklevel=5,
    )


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences.

    `grad_outputs` weigh the outputs; without them they are drawn.
    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.gradcheck.gradgradcheck.html
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    for name, asked in (("check_undefined_grad", check_undefined_grad), ("check_batched_grad", check_batched_grad)):
        if asked and not check_rev_over_rev:
            raise AssertionError(f"Setting {name}=True requires check_rev_over_rev to be True")
    arguments = as_tuple(inputs)
    outputs = _differentiable(func(*arguments))
    seeds = _drawn(outputs, gen_non_contig_grad_outputs) if grad_outputs is None else as_tuple(grad_outputs)

    def gradient(*both: Any) -> Any:
        xs, weights = both[: -len(outputs)], both[-len(outputs) :]
        found = _differentiable(func(*xs))
        grads = grad(found, [x for _, x in _wanted(xs)], weights, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        gradient,
        (*arguments, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
        masked=masked,
    )


def _drawn(outputs: Tensors, strided: bool) -> Tensors:
    """A random weight per output; `strided`: with gaps in its memory."""
    draw = np.random.default_rng(0)
    made = []
    for o in outputs:
        values = draw.uniform(-1, 1, (*o.shape, 2))
        if o.is_complex():
            values = values + 1j * draw.uniform(-1, 1, values.shape)
        array = o.device.wrap(values.astype(o._array.dtype))
        made.append(Tensor._of(array[..., 0] if strided else array[..., 0].copy(), o.device, True))
    return tuple(made)
