"""Adamax: Adam with the largest recent gradient in place of the mean square."""

from __future__ import annotations

from typing import Any

from .rule import Rule
from .update import Arithmetic


class Adamax(Rule):
    """Follow a running mean m of the gradient g, divided by the largest recent |g|, which fades:

        m <- beta1 * m + (1 - beta1) * g          u <- max(beta2 * u, |g| + eps)
        p <- p - lr / (1 - beta1^t) * m / u

    Kingma and Ba, 2014. https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adamax.html
    """

    kernel = "adamax_step"
    capturable = True

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_inf")

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        (beta1, beta2), m, u = group["betas"], kept["exp_avg"], kept["exp_inf"]
        F.lerp(m, g, 1 - beta1)
        F.scale(u, beta2)
        F.xp.maximum(u, abs(g) + group["eps"], out=u)
        F.addcdiv(p, m, u, -lr / (1 - beta1 ** kept["step"]))
