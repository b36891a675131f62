"""SGD: stochastic gradient descent, with momentum if wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.core import events
from gradviz.core.clock import user_line, wrote
from gradviz.core.tensor import Tensor

from .optimizer import Optimizer, check_implementation, evaluated, number
from .update import add_scaled


class SGD(Optimizer):
    """Move each parameter against its gradient g:

        b <- momentum * b + (1 - dampening) * g        the first time b <- g
        p <- p - lr * b                                with nesterov: p - lr * (g + momentum * b)

    `weight_decay` adds `weight_decay * p` to g, `maximize` moves along the gradient instead. `lr` may be a Tensor of
    one element. https://docs.pytorch.org/docs/2.13/generated/torch.optim.SGD.html
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        for what, value in (("learning rate", lr), ("momentum value", momentum), ("weight_decay value", weight_decay)):
            if value < 0.0:
                raise ValueError(f"Invalid {what}: {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        check_implementation("SGD", defaults)
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` returned."""
        loss = evaluated(closure)
        where = user_line()
        for group in self.param_groups:
            self._update(group, where)
        return loss

    def _update(self, group: dict[str, Any], where: str) -> None:
        lr, decay, momentum = number(group["lr"]), number(group["weight_decay"]), group["momentum"]
        share, nesterov, maximize = 1 - group["dampening"], group["nesterov"], group["maximize"]
        watched = events.watching
        state = self.state
        for param in group["params"]:
            gradient = param._grad
            if gradient is None:
                continue
            p, g = param._array, gradient._array
            before = p.copy() if watched else None
            if maximize:
                g = -g
            if decay != 0:
                g = g + p * decay
            if momentum != 0:
                own = state[param]
                kept = own.get("momentum_buffer")
                if kept is None:
                    b = p.copy()  # a 0-d g may be a NumPy scalar by now, which cannot be changed in place
                    b[...] = g
                    own["momentum_buffer"] = Tensor._of(b, param.device)
                else:
                    b = kept._array
                    b *= momentum
                    b += g if share == 1 else g * share
                g = g + b * momentum if nesterov else b
            add_scaled(p, g, -lr)
            wrote(param, where)
            if watched:
                events.emit(events.OptimizerStep(self, param, before, p))
