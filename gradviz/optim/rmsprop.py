"""RMSprop: gradients divided by the root of their recent mean square."""

from __future__ import annotations

from typing import Any

from .options import check_range
from .rule import Rule
from .update import Arithmetic


class RMSprop(Rule):
    """Divide the gradient g by the root of a running mean v of its square:

        v <- alpha * v + (1 - alpha) * g^2
        p <- p - lr * g / (sqrt(v) + eps)             with momentum: b <- momentum * b + g / (...), p <- p - lr * b

    `centered` takes the square of the running mean of g off v: the divisor is then g's standard deviation.
    Hinton, 2012. https://docs.pytorch.org/docs/2.13/generated/torch.optim.RMSprop.html
    """

    kernel = "rmsprop_step"
    capturable = True
    captures = (("params and state_steps", True), ("params and state_steps", True))

    def __init__(
        self, params: Any, lr: Any = 1e-2, alpha: float = 0.99, eps: float = 1e-8, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_range("alpha value", alpha, alpha >= 0.0)
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        wanted = {"square_avg": True, "momentum_buffer": group["momentum"] > 0, "grad_avg": group["centered"]}
        return tuple(name for name, is_wanted in wanted.items() if is_wanted)

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        alpha, v = group["alpha"], kept["square_avg"]
        F.mean_square(v, g, alpha)
        if group["centered"]:
            mean = kept["grad_avg"]
            F.lerp(mean, g, 1 - alpha)
            v = F.xp.array(v)
            F.addcmul(v, mean, mean, -1)
        scale = F.xp.sqrt(v) + group["eps"]
        if group["momentum"] > 0:
            b = kept["momentum_buffer"]
            F.scale(b, group["momentum"])
            F.addcdiv(b, g, scale, 1)
            F.descend(p, b, lr)
        else:
            F.addcdiv(p, g, scale, -lr)
