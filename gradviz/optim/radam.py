"""RAdam: Adam that waits until it has seen enough gradients to trust their mean square."""

from __future__ import annotations

from typing import Any

from .options import on_device
from .rule import Rule
from .update import Arithmetic


class RAdam(Rule):
    """Adam whose step is rectified by how well the mean square v is known after t steps, and plain before that:

        r_inf = 2 / (1 - beta2) - 1              r = r_inf - 2 t beta2^t / (1 - beta2^t)
        p <- p - lr * m / (1 - beta1^t)          times, once r > 5,  sqrt(1 - beta2^t) / (sqrt(v) + eps) * rect
        rect^2 = (r - 4) (r - 2) r_inf / ((r_inf - 4) (r_inf - 2) r)

    Liu et al., 2019. https://docs.pytorch.org/docs/2.13/generated/torch.optim.RAdam.html
    """

    kernel = "radam_step"
    capturable = True

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        (beta1, beta2), t = group["betas"], kept["step"]
        m, v = kept["exp_avg"], kept["exp_avg_sq"]
        F.lerp(m, g, 1 - beta1)
        F.mean_square(v, g, beta2)
        seen = 1 - beta2**t
        change = m / (1 - beta1**t) * lr
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * t * beta2**t / seen
        if on_device(length) or length > 5.0:
            known = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            rectified = seen**0.5 / (F.xp.sqrt(v) + group["eps"]) * known**0.5
            change = change * (F.xp.where(length > 5.0, rectified, 1.0) if on_device(length) else rectified)
        p -= change
