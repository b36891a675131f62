"""Parametrizations that keep a weight in a shape: orthogonal, of a length, of a largest singular value."""

from __future__ import annotations

from typing import Any

from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor
from gradviz.utils.gradients import unrecorded

from .. import functional as F
from ..modules.module import Module
from .orthogonal import _Orthogonal
from .parametrize import register_parametrization
from .spectral_norm import as_matrix, default_dim, toward, unit
from .weight_norm import norm_except_dim, with_length

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
MAPS = ("matrix_exp", "cayley", "householder")


def _tensor_of(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# -- orthogonal ----------------------------------------------------------------------------------------------------
def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:  # fmt: skip
    """Keep a matrix orthogonal: its rows, or columns if there are fewer, have length 1 and right angles.

    `orthogonal_map` is how a matrix of free numbers becomes an orthogonal one: "matrix_exp" (of a skew-symmetric one;
    the default for square matrices), "cayley" or "householder". With `use_trivialization` it is multiplied by a fixed
    orthogonal matrix, so that it starts as the weight it was given.
    Lezcano-Casado, 2019. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.orthogonal.html
    """
    weight = _tensor_of(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in MAPS:
        listed = ", ".join(f'"{m}"' for m in MAPS)
        raise ValueError(f"orthogonal_map has to be one of {listed}. Got: {orthogonal_map}")
    made = _Orthogonal(weight, orthogonal_map, use_trivialization=use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)


# -- a length and a direction --------------------------------------------------------------------------------------
class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return with_length(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, 2, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Train a weight's length (`original0`) and direction (`original1`) apart, for each slice along `dim`.

    State dicts of the older `nn.utils.weight_norm` can be loaded.
    Salimans and Kingma, 2016. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.weight_norm.html
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}{end}" for end in ("_g", "_v")]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# -- a largest singular value --------------------------------------------------------------------------------------
class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{weight.ndim}, {weight.ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim % weight.ndim, eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
                self.register_buffer(name, unit(size, matrix, eps))
            self._power_method(matrix, 15)

    @unrecorded
    def _power_method(self, matrix: Tensor, count: int) -> None:
        """Turn u and v towards the singular vectors, in place."""
        for _ in range(count):
            toward(self._u, matrix, self._v, self.eps)
            toward(self._v, matrix.H, self._u, self.eps)

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        # Copies, so that a second forward before backward does not change what this one saved.
        u, v = self._u.clone(), self._v.clone()
        return weight / FUNCTIONS["vdot"](u, matrix.mv(v))  # type: ignore[no-any-return]

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:  # fmt: skip
    """Divide a weight by its largest singular value, which the power method finds while training.

    Miyato et al., 2018. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.parametrizations.spectral_norm.html
    """
    weight = _tensor_of(module, name)
    made = _SpectralNorm(weight, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    return register_parametrization(module, name, made)
