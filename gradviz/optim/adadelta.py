"""Adadelta: steps that find their own size."""

from __future__ import annotations

from typing import Any

from .options import check_range
from .rule import Rule
from .update import Arithmetic


class Adadelta(Rule):
    """Scale the gradient g by the ratio of the recent changes d to the recent gradients, both as roots of mean squares:

        v <- rho * v + (1 - rho) * g^2
        d = sqrt(u + eps) / sqrt(v + eps) * g         u <- rho * u + (1 - rho) * d^2         p <- p - lr * d

    Zeiler, 2012. https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adadelta.html
    """

    kernel = "adadelta_step"
    capturable = True
    captures = (("params and state_steps", False), ("params and state_steps", False))

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_range("rho value", rho, 0.0 <= rho <= 1.0)
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("square_avg", "acc_delta")

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        rho, eps, sqrt = group["rho"], group["eps"], F.xp.sqrt
        v, u = kept["square_avg"], kept["acc_delta"]
        F.mean_square(v, g, rho)
        d = sqrt(u + eps) / sqrt(v + eps) * g
        F.mean_square(u, d, rho)
        F.descend(p, d, lr)
