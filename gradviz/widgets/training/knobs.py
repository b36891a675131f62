"""What can be turned while a run goes on: learning rate, momentum, and the norm that gradients are clipped to.

An optimiser with `param_groups` keeps rate and momentum there ("momentum", or the first of "betas"); a learner's own
class may keep them as attributes of these names.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gradviz.widgets.training.keyframes import groups

NAMES = ("lr", "momentum", "clip")


class Knobs:
    """The settings of one optimiser.

    Args:
        optimizer: any object with `param_groups`, or with attributes `lr` and `momentum`; None has no settings.
        schedulers: their base rates follow a rate that is set by hand, so that the schedule goes on from it.
        clip: gradients longer than this, all together, are scaled down to it before each step; None leaves them.
    """

    def __init__(self, optimizer: Any, schedulers: Sequence[Any] = (), clip: float | None = None) -> None:
        self.optimizer, self.schedulers = optimizer, tuple(schedulers)
        self.clip: float | None = None
        self._hook: Any = None
        self._held = False
        if clip is not None:
            self.set("clip", clip)

    def read(self) -> dict[str, float | None]:
        """The settings now; None for what this optimiser does not have, and for no clipping."""
        return {"lr": self._lr(), "momentum": self._momentum(), "clip": self.clip}

    def _lr(self) -> float | None:
        known = groups(self.optimizer)
        value = known[0].get("lr") if known else getattr(self.optimizer, "lr", None)
        return None if value is None else float(value)

    def _momentum(self) -> float | None:
        known = groups(self.optimizer)
        if not known:
            value = getattr(self.optimizer, "momentum", None)
            return None if value is None else float(value)
        if "momentum" in known[0]:
            return float(known[0]["momentum"])
        return float(known[0]["betas"][0]) if "betas" in known[0] else None

    def check(self, name: str, value: Any) -> float | None:
        """The value as a number; raises ValueError where it makes no sense for this optimiser."""
        if name not in NAMES:
            raise ValueError(f"There is no setting {name!r}; there are lr, momentum and clip.")
        if name == "clip" and value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{name} is a number; got {value!r}.") from None
        if name == "momentum" and self._momentum() is None:
            kind = type(self.optimizer).__name__
            raise ValueError(f"{kind} has no momentum to set; SGD(momentum=...), Adam and their relatives have.")
        if name == "lr" and self._lr() is None:
            raise ValueError(f"{type(self.optimizer).__name__} has no learning rate to set.")
        if name == "clip" and self.optimizer is None:
            raise ValueError("Without an optimizer there are no gradients to clip; give optimizer=.")
        if name == "clip" and not hasattr(self.optimizer, "register_step_pre_hook"):
            kind = type(self.optimizer).__name__
            raise ValueError(
                f"{kind} has no register_step_pre_hook, so clipping cannot come between backward and its step. "
                "Derive it from torch.optim.Optimizer, or call clip_grad_norm_ in the step yourself."
            )
        limits = {"lr": (0.0, math.inf), "momentum": (0.0, 1.0), "clip": (0.0, math.inf)}
        low, high = limits[name]
        if not (low <= number < high) or (name == "clip" and number == 0):
            said = {"lr": "at least 0 and finite", "momentum": "at least 0 and less than 1", "clip": "above 0, or None"}
            raise ValueError(f"{name} must be {said[name]}; got {number:g}.")
        return number

    def set(self, name: str, value: Any) -> None:
        """Turn one of them. With several groups the first one's rate is set and the others keep their ratio to it."""
        number = self.check(name, value)
        if name == "clip":
            self.clip = number
            self._arrange()
        elif name == "momentum":
            self._set_momentum(number)
        else:
            self._set_lr(float(number or 0.0))

    def _set_lr(self, value: float) -> None:
        known = groups(self.optimizer)
        if not known:
            self.optimizer.lr = value
            return
        before = float(known[0]["lr"])
        for group in known:
            for key in ("lr", "initial_lr"):
                if key in group:
                    group[key] = _scaled(group[key], before, value)
        for scheduler in self.schedulers:
            if hasattr(scheduler, "base_lrs"):
                scheduler.base_lrs = [_scaled(lr, before, value) for lr in scheduler.base_lrs]

    def _set_momentum(self, value: float | None) -> None:
        known = groups(self.optimizer)
        if not known:
            self.optimizer.momentum = value
        for group in known:
            if "momentum" in group:
                group["momentum"] = value
            elif "betas" in group:
                group["betas"] = (value, *group["betas"][1:])

    # -- clipping ----------------------------------------------------------------------------------------------------
    def hold(self) -> bool:
        """A run begins: clip between backward and the optimiser's step, whoever calls that. Tells whether it did."""
        held, self._held = self._held, True
        self._arrange()
        return held

    def release(self) -> None:
        """The run has ended: no hook of ours stays on the optimiser."""
        self._held = False
        self._arrange()

    def _arrange(self) -> None:
        wanted = self._held and self.clip is not None
        if wanted and self._hook is None:
            self._hook = self.optimizer.register_step_pre_hook(self._clipped)
        elif not wanted and self._hook is not None:
            self._hook.remove()
            self._hook = None

    def _clipped(self, optimizer: Any, _args: Any, _kwargs: Any) -> None:
        found = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if found and self.clip is not None:
            clip_grad_norm(found)(found, self.clip)


def clip_grad_norm(parameters: Sequence[Any]) -> Any:
    """The function of the library that the parameters are of."""
    if type(parameters[0]).__module__.split(".")[0] == "torch":
        import torch

        return torch.nn.utils.clip_grad_norm_
    from gradviz.nn.utils import clip_grad_norm_

    return clip_grad_norm_


def _scaled(rate: Any, before: float, value: float) -> Any:
    """A rate that keeps its ratio to the first one, exactly the value where it was equal to it."""
    made = value if before == 0 or float(rate) == before else float(rate) * (value / before)
    if hasattr(rate, "fill_"):  # a rate kept as a tensor stays one
        return rate.fill_(made)
    return made
