"""Adam and AdamW: steps scaled, element by element, by how large recent gradients were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.core import events
from gradviz.core.clock import user_line, wrote
from gradviz.core.device import CPU
from gradviz.core.dtype import get_default_dtype
from gradviz.core.tensor import Tensor

from .optimizer import Optimizer, check_implementation, evaluated, number


class Adam(Optimizer):
    """Follow a running mean m of the gradient g, divided by the root of a running mean v of its square:

        m <- beta1 * m + (1 - beta1) * g          v <- beta2 * v + (1 - beta2) * g^2
        p <- p - lr * (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)

    `amsgrad` divides by the largest v so far. Kingma and Ba, 2014.
    https://docs.pytorch.org/docs/2.13/generated/torch.optim.Adam.html
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 0, amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        for name, value in (("lr", lr), ("betas[0]", betas[0]), ("betas[1]", betas[1])):
            if isinstance(value, Tensor):
                if foreach and not capturable:
                    raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")
                if value.numel() != 1:
                    raise ValueError(f"Tensor {name} must be 1-element")
        if isinstance(betas[0], Tensor) is not isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        checks = (
            ("learning rate", lr, lr >= 0.0), ("epsilon value", eps, eps >= 0.0),
            ("beta parameter at index 0", betas[0], 0.0 <= betas[0] < 1.0),
            ("beta parameter at index 1", betas[1], 0.0 <= betas[1] < 1.0),
            ("weight_decay value", weight_decay, weight_decay >= 0.0),
        )  # fmt: skip
        for what, value, valid in checks:
            if not valid:
                raise ValueError(f"Invalid {what}: {value}")
        defaults = {
            "lr": lr, "betas": (number(betas[0]), number(betas[1])), "eps": eps, "weight_decay": weight_decay,
            "amsgrad": amsgrad, "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        check_implementation(type(self).__name__, defaults)
        super().__init__(params, defaults)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` returned."""
        loss = evaluated(closure)
        where = user_line()
        for group in self.param_groups:
            for param in group["params"]:
                if param._grad is not None:
                    self._update(param, group, where)
        return loss

    def _state_of(self, param: Any, amsgrad: bool) -> dict[str, Any]:
        state = self.state[param]
        if not state:
            xp = param.device.xp
            # The count stays on the CPU: a step never waits for another device.
            state["step"] = Tensor._of(CPU.xp.zeros((), dtype=get_default_dtype().numpy))
            for name in ("exp_avg", "exp_avg_sq", *(("max_exp_avg_sq",) if amsgrad else ())):
                state[name] = Tensor._of(xp.zeros_like(param._array), param.device)
        return state

    def _update(self, param: Any, group: dict[str, Any], where: str) -> None:
        state = self._state_of(param, group["amsgrad"])
        (beta1, beta2), lr, decay = group["betas"], number(group["lr"]), number(group["weight_decay"])
        xp, p, g = param.device.xp, param._array, param._grad._array
        before = p.copy() if events.watching else None
        state["step"]._array += 1
        t = state["step"].item()
        if group["maximize"]:
            g = -g
        if decay != 0:
            if group["decoupled_weight_decay"]:
                p *= 1 - lr * decay
            else:
                g = g + p * decay
        m, v = state["exp_avg"]._array, state["exp_avg_sq"]._array
        m += (g - m) * (1 - beta1)
        v *= beta2
        v += g * g * (1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]._array
            xp.maximum(largest, v, out=largest)
            v = largest
        scale = xp.sqrt(v) / (1 - beta2**t) ** 0.5 + group["eps"]
        p -= m / scale * (lr / (1 - beta1**t))
        wrote(param, where)
        if before is not None:
            events.emit(events.OptimizerStep(self, param, before, p))


class AdamW(Adam):
    """Adam with weight decay taken directly off the parameters. Loshchilov and Hutter, 2017.

    https://docs.pytorch.org/docs/2.13/generated/torch.optim.AdamW.html
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8,
        weight_decay: float = 1e-2, amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None,
        capturable: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, foreach=foreach, maximize=maximize, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
