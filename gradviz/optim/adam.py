"""Adam: steps scaled, element by element, by how large recent gradients were."""

from __future__ import annotations

from typing import Any

from gradviz.core.tensor import Tensor

from .options import number
from .rule import Rule
from .update import Arithmetic


class Adam(Rule):
    """Follow a running mean m of the gradient g, divided by the root of a running mean v of its square:

        m <- beta1 * m + (1 - beta1) * g          v <- beta2 * v + (1 - beta2) * g^2
        p <- p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    `amsgrad` divides by the largest v so far. `weight_decay` adds `weight_decay * p` to g, or, with
    `decoupled_weight_decay`, takes `lr * weight_decay * p` off p. Kingma and Ba, 2014.
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
    """

    kernel = "adam_step"
    capturable = True

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[Any, Any] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
            if isinstance(value, Tensor):
                if foreach and not capturable:
                    raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
                if value.numel() != 1:
                    raise ValueError(f"Tensor {name} must be 1-element")
        if isinstance(betas[0], Tensor) is not isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        defaults = {
            "lr": lr, "betas": (number(betas[0]), number(betas[1])), "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        if not all(isinstance(beta, float) for beta in self.defaults["betas"]):
            raise ValueError("betas must be either both floats or both Tensors")

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if group["amsgrad"] else ()))

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        (beta1, beta2), t = group["betas"], kept["step"]
        m, v = kept["exp_avg"], kept["exp_avg_sq"]
        F.lerp(m, g, 1 - beta1)
        F.mean_square(v, g, beta2)
        if group["amsgrad"]:
            v = F.xp.maximum(kept["max_exp_avg_sq"], v, out=kept["max_exp_avg_sq"])
        scale = F.xp.sqrt(v)
        scale /= (1 - beta2**t) ** 0.5
        scale += group["eps"]
        F.addcdiv(p, m, scale, -lr / (1 - beta1**t))
