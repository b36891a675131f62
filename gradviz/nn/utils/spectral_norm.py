"""Weights divided by their largest singular value, the older way, by a hook (torch.nn.utils.spectral_norm).

The singular vectors u and v are kept as buffers and brought nearer to the true ones by one step of the power method in
every forward while training.
"""

from __future__ import annotations

from typing import Any

from gradviz.core.mode import no_grad
from gradviz.core.op import SPACES
from gradviz.core.tensor import Tensor

from .. import functional as F
from ..modules.module import Module
from ..parameter import Parameter, is_lazy
from .pre_hooks import hook_of, remove_hook

__all__ = [
    "SpectralNorm", "SpectralNormLoadStateDictPreHook", "SpectralNormStateDictHook", "remove_spectral_norm",
    "spectral_norm",
]  # fmt: skip


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """One row for each slice along `dim`."""
    if dim:
        weight = weight.permute(dim, *(d for d in range(weight.ndim) if d != dim))
    return weight.reshape(weight.shape[0], -1)  # type: ignore[no-any-return]


def unit(size: int, like: Tensor, eps: float) -> Tensor:
    """A vector of length 1 in a direction drawn at random."""
    return F.normalize(like.new_empty(size).normal_(0, 1), dim=0, eps=eps)


def toward(vector: Tensor, matrix: Tensor, other: Tensor, eps: float) -> None:
    """One half step of the power method, in place: the direction of `matrix @ other`."""
    vector.copy_(F.normalize(matrix.mv(other), dim=0, eps=eps))


def default_dim(module: Module) -> int:
    """The dimension of a layer's weight that counts outputs."""
    return int(any(kind.__name__.startswith("ConvTranspose") for kind in type(module).__mro__))


class SpectralNorm:
    """The hook that computes `name` from `name_orig`, `name_u` and `name_v` before every forward.

    https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.spectral_norm.html
    """

    _version = 1

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name, self.dim, self.n_power_iterations, self.eps = name, dim, n_power_iterations, eps

    def reshape_weight_to_matrix(self, weight: Tensor) -> Tensor:
        """One row for each output."""
        return as_matrix(weight, self.dim)

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """The weight divided by its largest singular value, of which u and v know."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    toward(v, matrix.t(), u, self.eps)
                    toward(u, matrix, v, self.eps)
                # Copies, so that a second forward before backward does not change what this one saved.
                u, v = u.clone(), v.clone()
        return weight / u.dot(matrix.mv(v))  # type: ignore[no-any-return]

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    def _solve_v_and_rescale(self, weight_mat: Tensor, u: Tensor, target_sigma: Tensor) -> Tensor:
        """The v for which `u @ weight @ v` is `target_sigma` and `weight @ v` has the direction of u."""
        v: Any = SPACES["linalg"]["multi_dot"](
            [weight_mat.t().mm(weight_mat).pinverse(), weight_mat.t(), u.unsqueeze(1)]
        ).squeeze(1)
        return v.mul_(target_sigma / u.dot(weight_mat.mv(v)))  # type: ignore[no-any-return]

    @staticmethod
    def apply(module: Module, name: str, n_power_iterations: int, dim: int, eps: float) -> SpectralNorm:
        """Divide a parameter from now on; RuntimeError if that was done before."""
        if hook_of(module, SpectralNorm, name) is not None:
            raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        if is_lazy(weight):
            raise ValueError(
                "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure to run the dummy "
                "forward before applying spectral normalization"
            )
        with no_grad():
            matrix = as_matrix(weight, dim)
            u, v = (unit(size, weight, eps) for size in matrix.shape)
        delattr(module, name)
        module.register_parameter(name + "_orig", weight)
        setattr(module, name, weight.data)  # a plain attribute: something to see before the first forward
        module.register_buffer(name + "_u", u)
        module.register_buffer(name + "_v", v)
        module.register_forward_pre_hook(hook)
        module._register_state_dict_hook(SpectralNormStateDictHook(hook))
        module._register_load_state_dict_pre_hook(SpectralNormLoadStateDictPreHook(hook))
        return hook


class SpectralNormStateDictHook:
    """Note the version in the state dict."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(self, module: Module, state_dict: Any, prefix: str, local_metadata: dict[str, Any]) -> None:
        versions = local_metadata.setdefault("spectral_norm", {})
        key = self.fn.name + ".version"
        if key in versions:
            raise RuntimeError(f"Unexpected key in metadata['spectral_norm']: {key}")
        versions[key] = self.fn._version


class SpectralNormLoadStateDictPreHook:
    """Work out `name_v` for state dicts of the time before version 1, which had the divided weight in its place."""

    def __init__(self, fn: SpectralNorm) -> None:
        self.fn = fn

    def __call__(
        self, state_dict: Any, prefix: str, local_metadata: dict[str, Any], strict: bool, missing_keys: list[str],
        unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        version = local_metadata.get("spectral_norm", {}).get(self.fn.name + ".version")
        key = prefix + self.fn.name
        new = all(key + end in state_dict for end in ("_orig", "_u", "_v")) and key not in state_dict
        if (version is not None and version >= 1) or (version is None and new):
            return
        missing = [key + end for end in ("_orig", "", "_u") if key + end not in state_dict]
        if missing:
            missing_keys.extend(missing if strict else ())
            return
        with no_grad():
            original, divided = state_dict[key + "_orig"], state_dict.pop(key)
            matrix = as_matrix(original, self.fn.dim)
            sigma = (original / divided).mean()
            state_dict[key + "_v"] = self.fn._solve_v_and_rescale(matrix, state_dict[key + "_u"], sigma)


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:  # fmt: skip
    """Divide a weight by its largest singular value before every forward.

    Miyato et al., 2018. https://docs.pytorch.org/docs/2.13/generated/torch.nn.utils.spectral_norm.html
    """
    SpectralNorm.apply(module, name, n_power_iterations, default_dim(module) if dim is None else dim, eps)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo `spectral_norm`; ValueError where there is none."""
    remove_hook(module, SpectralNorm, name, f"spectral_norm of '{name}' not found in {module}")
    for hooks, kind in (
        (module._state_dict_hooks, SpectralNormStateDictHook),
        (module._load_state_dict_pre_hooks, SpectralNormLoadStateDictPreHook),
    ):
        for key, entry in list(hooks.items()):
            if isinstance(entry[0], kind) and entry[0].fn.name == name:
                del hooks[key]
    return module
