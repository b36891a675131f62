"""Transforms of vectors and of matrices: onto simplexes, correlations, Cholesky factors, covariances."""

from __future__ import annotations

import math
from typing import Any

import gradviz as torch
from gradviz.core.tensor import Tensor
from gradviz.nn.functional import logsigmoid, pad, softplus

from . import constraints
from .transform import Transform, _no_fewer_than
from .utils import tril_matrix_to_vec, vec_to_tril_matrix


# -- of vectors ------------------------------------------------------------------------------------------------------
class _OfVectors(Transform):
    domain: Any = constraints.real_vector

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    __hash__ = Transform.__hash__


class SoftmaxTransform(_OfVectors):
    """y = softmax(x); not a bijection, the inverse takes the logarithm."""

    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        weights = (x - x.max(-1, True)[0]).exp()
        return weights / weights.sum(-1, True)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        _no_fewer_than(shape, 1)
        return shape

    inverse_shape = forward_shape


class StickBreakingTransform(_OfVectors):
    """n numbers break a stick of length 1 into n + 1 pieces, each taking a fraction of what is left.

    The fractions are sigmoids, shifted so that zeros give equal pieces.
    """

    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _shift(x: Tensor, pieces: int) -> Tensor:
        """The log of how many pieces are still to come."""
        return (pieces - x.new_ones(x.shape[-1]).cumsum(-1)).log()

    def _call(self, x: Any) -> Any:
        fraction = (x - self._shift(x, x.shape[-1] + 1)).sigmoid()
        left = (1 - fraction).cumprod(-1)
        return pad(fraction, [0, 1], value=1) * pad(left, [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        pieces = y[..., :-1]
        left = (1 - pieces.cumsum(-1)).clamp(min=torch.finfo(y.dtype).tiny)
        return pieces.log() - left.log() + self._shift(pieces, y.shape[-1])

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        shifted = x - self._shift(x, x.shape[-1] + 1)
        return (-shifted + logsigmoid(shifted) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        _no_fewer_than(shape, 1)
        return (*shape[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        _no_fewer_than(shape, 1)
        return (*shape[:-1], shape[-1] - 1)


class CorrCholeskyTransform(Transform):
    """n (n - 1) / 2 numbers as the Cholesky factor of a correlation matrix of n rows.

    Their tanh are partial correlations, and each row, of length 1, is broken up by them as a stick is.
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        eps = torch.finfo(x.dtype).eps
        partial = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - partial**2).sqrt().cumprod(-1)
        whole = partial + torch.eye(partial.shape[-1], dtype=x.dtype, device=x.device)
        return whole * pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = pad((1 - (y * y).cumsum(-1))[..., :-1], [1, 0], value=1)
        partial = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (partial.log1p() - partial.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(-1), diag=-2)
        of_tanh = -2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape: Any) -> Any:
        _no_fewer_than(shape, 1)
        n = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Any) -> Any:
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return (*shape[:-2], shape[-1] * (shape[-1] - 1) // 2)


# -- of matrices -----------------------------------------------------------------------------------------------------
class LowerCholeskyTransform(_OfVectors):
    """A matrix's lower triangle with its diagonal's exponentials."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_OfVectors):
    """L @ L.mT of a matrix's lower Cholesky factor L."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))
