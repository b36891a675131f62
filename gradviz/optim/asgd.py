"""ASGD: gradient descent that also keeps the average of where it has been."""

from __future__ import annotations

from typing import Any

from .options import exact, number, on_device
from .rule import Rule
from .update import Arithmetic


class ASGD(Rule):
    """Gradient descent with a slowly falling rate eta, and the average ax of the parameters from step t0 on:

        p <- (1 - lambd * eta) * p - eta * g
        ax <- ax + mu * (p - ax)
        eta <- lr / (1 + lambd * lr * t)^alpha                    mu <- 1 / max(1, t - t0)

    The average is `optimizer.state[p]["ax"]`. Polyak and Juditsky, 1992.
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.ASGD.html
    """

    numbers = ("step", "eta", "mu")
    kernel = "asgd_step"
    capturable = True
    captures = (("params, mus, etas, and state_steps", True), ("params, mus, etas, and state_steps", False))

    def __init__(
        self, params: Any, lr: Any = 1e-2, lambd: float = 1e-4, alpha: float = 0.75, t0: float = 1e6,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        return ("ax",)

    def _initial(self, name: str, group: dict[str, Any]) -> float:
        return {"eta": float(number(group["lr"])), "mu": 1.0}.get(name, 0.0)

    def _advanced(self, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> dict[str, Any]:
        lr, t = number(lr), kept["step"]
        since = t - group["t0"]
        since = since.clip(1, None) if on_device(since) else max(1, since)
        return {"eta": lr / (1 + group["lambd"] * lr * t) ** group["alpha"], "mu": 1 / since}

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        eta, mu, ax = exact(kept["eta"]), exact(kept["mu"]), kept["ax"]
        F.scale(p, 1 - group["lambd"] * eta)
        F.descend(p, g, eta)
        if not on_device(mu) and mu == 1:
            ax[...] = p
        else:
            ax += (p - ax) * mu
        kept.update(self._advanced(kept, group, lr))
