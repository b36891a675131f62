"""SGD: stochastic gradient descent, with momentum if wanted."""

from __future__ import annotations

from typing import Any

from .options import check_rate
from .rule import Rule
from .update import Arithmetic


class SGD(Rule):
    """Move each parameter against its gradient g:

        b <- momentum * b + (1 - dampening) * g        the first time b <- g
        p <- p - lr * b                                with nesterov: p - lr * (g + momentum * b)

    `weight_decay` adds `weight_decay * p` to g, `maximize` moves along the gradient instead. `lr` may be a Tensor of
    one element. https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
    """

    numbers = ()
    kernel = "sgd_step"

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("momentum_buffer",) if group["momentum"] != 0 else ()

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        momentum = group["momentum"]
        if momentum != 0:
            b = kept["momentum_buffer"]
            if kept["fresh"]:
                b[...] = g
            else:
                F.scale(b, momentum)
                F.add(b, g, 1 - group["dampening"])
            if group["nesterov"]:
                g = F.sum(g, b, momentum)
            else:
                g = b
        F.add(p, g, -lr)
