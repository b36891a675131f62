"""What distributions share: parameters of one shape, probabilities and logits, attributes computed when first asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.core.mode import enable_grad
from gradviz.core.tensor import Tensor

euler_constant = 0.57721566490153286060  # Euler and Mascheroni's

NOT_A_PARAMETER = (
    "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
)


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """The numbers and tensors as tensors of one shape; numbers take the type of the tensors beside them."""
    if not all(isinstance(v, (Tensor, int, float, complex)) for v in values):
        raise ValueError(NOT_A_PARAMETER)
    like: dict[str, Any] = {"dtype": torch.get_default_dtype()}
    for value in values:
        if isinstance(value, Tensor):
            like = {"dtype": value.dtype, "device": value.device}
            break
    made = (v if isinstance(v, Tensor) else torch.tensor(v, **like) for v in values)
    return tuple(torch.broadcast_tensors(*made))


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    """Standard normal numbers, drawn as `torch.normal` of tensors draws them."""
    zeros = torch.zeros(shape, dtype=dtype, device=device)
    drawn: Tensor = torch.normal(zeros, torch.ones_like(zeros))
    return drawn


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    """The sum over the last `dim` dimensions."""
    if dim == 0:
        return value
    return value.reshape((*value.shape[: value.dim() - dim], -1)).sum(-1)


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept a rounding error away from 0 and 1, where logarithms end."""
    eps = torch.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """Probabilities from log odds (binary), or from unnormalised log probabilities along the last dimension."""
    return logits.sigmoid() if is_binary else logits.softmax(-1)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """Log odds (binary) or log probabilities of probabilities."""
    kept = clamp_probs(probs)
    return kept.log() - (-kept).log1p() if is_binary else kept.log()


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries on and below a diagonal of a matrix, row by row, as a vector."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = torch.tril_indices(n, n, diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The square matrix that has a vector's entries on and below a diagonal, row by row, and zeros above."""
    length = vec.shape[-1]
    n = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * length + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if round(n) - n > torch.finfo(vec.dtype).eps:
        raise ValueError(
            f"The size of last dimension is {length} which cannot be expressed as the lower triangular part of a "
            "square D x D matrix."
        )
    size = round(n)
    made = vec.new_zeros((*vec.shape[:-1], size, size))
    rows, columns = torch.tril_indices(size, size, diag)
    made[..., rows, columns] = vec
    return made


class lazy_property:
    """A property computed once, when first asked for, and kept as an attribute of the object, with its graph."""

    def __init__(self, wrapped: Callable[[Any], Any]) -> None:
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, obj_type: Any = None) -> Any:
        if instance is None:
            return self
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.name, value)
        return value


class ProbsOrLogits:
    """A distribution that is given probabilities or logits, and derives the other when asked.

    A class attribute says which kind they are: log odds (`_is_binary`), or log probabilities of categories.
    """

    _is_binary = True
    _given: str

    def _choose(self, probs: Any, logits: Any) -> Any:
        """Whichever was given; ValueError for none or both."""
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        self._given = "logits" if probs is None else "probs"
        return logits if probs is None else probs

    @property
    def _param(self) -> Any:
        return getattr(self, self._given)

    @lazy_property
    def logits(self) -> Tensor:
        return probs_to_logits(self.probs, self._is_binary)

    @lazy_property
    def probs(self) -> Tensor:
        return logits_to_probs(self.logits, self._is_binary)

    @property
    def param_shape(self) -> Any:
        return self._param.size()

    def _new(self, *args: Any, **kwargs: Any) -> Tensor:
        made: Tensor = self._param.new(*args, **kwargs)
        return made
