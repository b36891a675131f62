"""Is a gradient right? Compare it with finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..core.gradient import grad
from ..core.tensor import Tensor


class GradcheckError(RuntimeError):
    """A gradient did not agree with finite differences."""


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

    Inputs should be float64. Raises GradcheckError naming the output, the input and both Jacobians where they differ.
    https://docs.pytorch.org/docs/2.13/generated/torch.autograd.gradcheck.gradcheck.html
    """
    refused = {
        "check_forward_ad": check_forward_ad,
        "check_batched_grad": check_batched_grad,
        "check_batched_forward_grad": check_batched_forward_grad,
        "masked": bool(masked),
    }
    for name, asked in refused.items():
        if asked:
            raise NotImplementedError(f"gradcheck(): argument '{name}' is not supported")
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = [i for i, x in enumerate(arguments) if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, "
            "but none of the them have requires_grad=True."
        )
    for i in wanted:
        if arguments[i].dtype.name not in ("float64", "complex128"):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex. "
                "This check will likely fail if all the inputs are not of double precision floating point or complex.",
                stacklevel=2,
            )
    try:
        _compare(func, arguments, wanted, eps, atol, rtol, nondet_tol, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _compare(
    func: Any, arguments: Any, wanted: Any, eps: float, atol: float, rtol: float, nondet: float, undefined: bool
) -> None:
    outputs = _outputs(func(*arguments))
    for j, out in enumerate(outputs):
        if not out.requires_grad:
            continue
        analytic = _jacobian(out, [arguments[i] for i in wanted])
        again = _jacobian(out, [arguments[i] for i in wanted])
        for k, i in enumerate(wanted):
            numeric = _numeric(func, arguments, i, j, eps)
            if np.abs(analytic[k] - again[k]).max(initial=0) > nondet:
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output multiple times "
                    "gives different values, although analytical gradient matches numerical gradient."
                )
            if not np.allclose(analytic[k], numeric, rtol=rtol, atol=atol, equal_nan=True):
                raise GradcheckError(
                    f"Jacobian mismatch for output {j} with respect to input {i},\n"
                    f"numerical:{_shown(numeric)}\nanalytical:{_shown(analytic[k])}\n"
                )


def _shown(jacobian: Any) -> str:
    return repr(Tensor._of(jacobian))


def _outputs(result: Any) -> tuple[Tensor, ...]:
    found = result if isinstance(result, (tuple, list)) else (result,)
    return tuple(o for o in found if isinstance(o, Tensor))


def _jacobian(out: Tensor, inputs: list[Tensor]) -> list[Any]:
    """One row per input element, one column per output element."""
    made = [np.zeros((x.numel(), out.numel())) for x in inputs]
    for column in range(out.numel()):
        seed = np.zeros(out.shape, dtype=out._array.dtype)
        seed.reshape(-1)[column] = 1
        weights = Tensor._of(out.device.wrap(seed), out.device)
        grads = grad(out, inputs, weights, retain_graph=True, allow_unused=True)
        for rows, g in zip(made, grads, strict=True):
            if g is not None:
                rows[:, column] = g.device.to_numpy(g._array).reshape(-1)
    return made


def _numeric(func: Any, arguments: Any, i: int, j: int, eps: float) -> Any:
    x = arguments[i]
    rows = []
    for position in range(x.numel()):
        ends = []
        for step in (eps, -eps):
            array = x.device.to_numpy(x._array).copy()
            array.reshape(-1)[position] += step
            moved = Tensor._of(x.device.wrap(array), x.device, True)
            out = _outputs(func(*arguments[:i], moved, *arguments[i + 1 :]))[j]
            ends.append(np.asarray(out.device.to_numpy(out._array), dtype=np.float64).reshape(-1).copy())
        rows.append((ends[0] - ends[1]) / (2 * eps))
    return np.array(rows).reshape(x.numel(), -1)


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    **options: Any,
) -> bool:
    """Whether the gradients of the gradients of `func` agree with central differences."""
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    outs = [o for o in _outputs(func(*arguments)) if o.requires_grad]
    if grad_outputs is None:
        draw = np.random.default_rng(0)
        grad_outputs = tuple(
            Tensor._of(o.device.wrap(draw.standard_normal(tuple(o.shape)).astype(o._array.dtype)), o.device, True)
            for o in outs
        )
    seeds = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)

    def gradient(*both: Any) -> Any:
        xs, weights = both[: len(arguments)], both[len(arguments) :]
        found = tuple(o for o in _outputs(func(*xs)) if o.requires_grad)
        wanted = [x for x in xs if isinstance(x, Tensor) and x.requires_grad]
        grads = grad(found, wanted, weights, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        gradient, (*arguments, *seeds), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception, **options
    )
