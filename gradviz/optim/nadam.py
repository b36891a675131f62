"""NAdam: Adam that looks one step ahead, as Nesterov's momentum does."""

from __future__ import annotations

from typing import Any

from .options import exact
from .rule import Rule
from .update import Arithmetic


class NAdam(Rule):
    """Adam with Nesterov momentum: part of the step is the gradient g itself, part the mean m as it will be next.

        mu(t) = beta1 * (1 - 0.96^(t * momentum_decay) / 2)      M <- M * mu(t)
        m, v as for Adam                                         s = sqrt(v / (1 - beta2^t)) + eps
        p <- p - lr * (1 - mu(t)) / (1 - M) * g / s - lr * mu(t + 1) / (1 - M * mu(t + 1)) * m / s

    Dozat, 2016. https://docs.pytorch.org/docs/2.13/generated/torch.optim.NAdam.html
    """

    numbers = ("step", "mu_product")
    ahead = True
    kernel = "nadam_step"
    capturable = True
    captures = (("params, mu_products and state_steps", True), ("params, mu_products, and state_steps", False))

    def __init__(
        self, params: Any, lr: Any = 2e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, momentum_decay: float = 4e-3, decoupled_weight_decay: bool = False, *,
        foreach: bool | None = None, maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("exp_avg", "exp_avg_sq")

    def _initial(self, name: str, group: dict[str, Any]) -> float:
        return 1.0 if name == "mu_product" else 0.0

    def _momentum(self, step: Any, group: dict[str, Any]) -> Any:
        """mu of a step."""
        return group["betas"][0] * (1.0 - 0.5 * 0.96 ** (step * group["momentum_decay"]))

    def _advanced(self, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> dict[str, Any]:
        return {"mu_product": kept["mu_product"] * self._momentum(kept["step"], group)}

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        (beta1, beta2), t = group["betas"], kept["step"]
        m, v = kept["exp_avg"], kept["exp_avg_sq"]
        mu, mu_next = self._momentum(t, group), self._momentum(t + 1, group)
        kept.update(self._advanced(kept, group, lr))
        product = exact(kept["mu_product"])
        F.lerp(m, g, 1 - beta1)
        F.mean_square(v, g, beta2)
        scale = F.xp.sqrt(v / (1 - beta2**t)) + group["eps"]
        F.addcdiv(p, g, scale, -lr * (1.0 - mu) / (1.0 - product))
        F.addcdiv(p, m, scale, -lr * mu_next / (1.0 - product * mu_next))
