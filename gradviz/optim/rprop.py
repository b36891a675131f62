"""Rprop: only the signs of gradients count."""

from __future__ import annotations

from typing import Any

from .options import check_range, number
from .rule import Rule
from .update import Arithmetic


class Rprop(Rule):
    """Give every element a step size s of its own: longer while the gradient g keeps its sign, shorter when it turns.

        s <- s * eta_plus where g * previous g > 0, s * eta_minus where it is < 0, kept between step_sizes
        g <- 0 where it turned
        p <- p - sign(g) * s

    Riedmiller and Braun, 1993. https://docs.pytorch.org/docs/2.13/generated/torch.optim.Rprop.html

    Args:
        lr: the step sizes at first
        etas: (eta_minus, eta_plus)
        step_sizes: the smallest and the largest step size
    """

    kernel = "rprop_step"
    capturable = True
    captures = (("params and state_steps", True), ("params and state_steps", True))

    def __init__(
        self, params: Any, lr: Any = 1e-2, etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50), *, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        check_range("eta values", f"{etas[0]}, {etas[1]}", 0.0 < etas[0] < 1.0 < etas[1])
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("prev", "step_size")

    def _initial(self, name: str, group: dict[str, Any]) -> float:
        return float(number(group["lr"])) if name == "step_size" else 0.0

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        (minus, plus), (least, most) = group["etas"], group["step_sizes"]
        xp, previous, size = F.xp, kept["prev"], kept["step_size"]
        agrees = g * previous
        size *= xp.where(agrees > 0, plus, xp.where(agrees < 0, minus, 1.0)).astype(size.dtype)
        xp.clip(size, least, most, out=size)
        previous[...] = xp.where(agrees < 0, 0, g)
        p -= xp.sign(previous) * size
