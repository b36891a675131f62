"""Adagrad: gradients divided by the root of the sum of all their squares."""

from __future__ import annotations

from typing import Any

from .rule import Rule
from .update import Arithmetic


class Adagrad(Rule):
    """Divide the gradient g by the root of the sum s of all its squares so far:

        s <- s + g^2                               s starts at initial_accumulator_value
        p <- p - lr / (1 + (t - 1) * lr_decay) * g / (sqrt(s) + eps)

    Duchi, Hazan and Singer, 2011. https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adagrad.html
    """

    def __init__(
        self, params: Any, lr: Any = 1e-2, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for param in group["params"]:
                self._begin(param, group, self._kept(group))

    def share_memory(self) -> None:
        """Put the sums into memory that processes share."""
        for state in self.state.values():
            state["sum"].share_memory_()

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("sum",)

    def _initial(self, name: str, group: dict[str, Any]) -> float:
        return float(self.defaults["initial_accumulator_value"]) if name == "sum" else 0.0

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        total = kept["sum"]
        F.addcmul(total, g, g)
        F.addcdiv(p, g, F.xp.sqrt(total) + group["eps"], -lr / (1 + (kept["step"] - 1) * group["lr_decay"]))
