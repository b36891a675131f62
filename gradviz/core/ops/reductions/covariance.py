"""How variables vary together: covariance and correlation, put together as PyTorch does."""

from __future__ import annotations

import warnings
from typing import Any

from ... import errors
from ...dtype import get_default_dtype, promote_types
from ...op import FUNCTIONS, function
from ...tensor import Tensor
from ..elements.with_numbers import mul_scalar


@function
def cov(
    input: Tensor, *, correction: int = 1, fweights: Tensor | None = None, aweights: Tensor | None = None
) -> Tensor:
    """The covariance matrix of variables (rows), each observed several times (columns).

    `fweights` says how often each observation was made, `aweights` how much it matters.
    """
    if input.ndim > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    if input.dtype.name == "bool":
        raise RuntimeError("cov(): bool dtype is not supported for input")
    x = input if input.ndim == 2 else input.reshape(1, -1)
    if x.dtype.category < 2:
        kind = get_default_dtype()
        x = x.to(kind if aweights is None else promote_types(kind, aweights.dtype))
    observations = x.shape[1]
    weights = _weights(fweights, aweights, observations)
    if weights is None:
        centred = weighted = x - (x.sum(1) / observations).unsqueeze(1)
        divisor: Any = observations - correction
    else:
        total = weights.sum()
        if float(total) == 0:
            raise RuntimeError("cov(): weights sum to zero, can't be normalized")
        mean = ((x * weights).sum(1) / total).unsqueeze(1)
        unequal = aweights is not None and correction != 0
        divisor = (
            total - mul_scalar.call((weights * aweights).sum(), correction) / total if unequal else total - correction
        )
        centred = x - mean
        weighted = centred * weights.to(x.dtype)
    if float(divisor) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of observations.",
            stacklevel=2,
        )
        divisor = 0
    other = weighted.t().conj() if x.dtype.is_complex else weighted.t()
    made: Tensor = (centred.mm(other) / divisor).squeeze()
    return made


_KINDS = {"fweights": (1, "integral"), "aweights": (2, "floating point")}


def _weights(fweights: Tensor | None, aweights: Tensor | None, observations: int) -> Tensor | None:
    """Both kinds of weights in one, checked."""
    product: Tensor | None = None
    for name, w in (("fweights", fweights), ("aweights", aweights)):
        if w is None:
            continue
        category, kind = _KINDS[name]
        if w.ndim > 1:
            raise RuntimeError(
                f"cov(): expected {name} to have one or fewer dimensions but got {name} with {w.ndim} dimensions"
            )
        if w.dtype.category != category:
            found = errors.scalar_type(w.dtype)
            raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {found} dtype")
        if w.numel() != observations:
            raise RuntimeError(
                f"cov(): expected {name} to have the same numel as there are observations in the input but got "
                f"{w.numel()} != {observations}"
            )
        if bool((w < 0).any()):
            raise RuntimeError(f"cov(): {name} cannot be negative")
        product = w if product is None else product * w
    return product


@function
def corrcoef(input: Tensor) -> Tensor:
    """The correlation of every two variables (rows): their covariance over the product of their deviations."""
    if input.ndim > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.ndim} dimensions"
        )
    both = cov(input)
    if not both.ndim:
        return both / both
    deviation = FUNCTIONS["sqrt"](both.diagonal())
    ratio = both / deviation.view(-1, 1) / deviation.view(1, -1)
    parts = [p.clamp(-1, 1) for p in ((ratio.real, ratio.imag) if ratio.dtype.is_complex else (ratio,))]
    made: Tensor = FUNCTIONS["complex"](*parts) if len(parts) == 2 else parts[0]
    return made
