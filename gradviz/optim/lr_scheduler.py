"""Changing the learning rate as training goes on: the base class, and steps down by a factor."""

from __future__ import annotations

import warnings
from typing import Any

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from .optimizer import Optimizer
from .options import number


class LRScheduler:
    """Base class: `get_lr` computes the learning rate of each group after `step` has counted one more epoch.

    Call it after `optimizer.step()`. https://docs.pytorch.org/docs/2.13/optim.html#how-to-adjust-learning-rate
    """

    _stepping = False

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", _copied(group["lr"]))
            elif "initial_lr" not in group:
                raise noted(
                    KeyError(
                        f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                        "last_epoch >= 0.\nLoad the optimizer's state dict first, or start with last_epoch=-1."
                    )
                )
        self.base_lrs = [_copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._step_count = 0
        called = optimizer._opt_called
        self.step()
        optimizer._opt_called = called

    def get_lr(self) -> list[Any]:
        """The learning rate of each group for the epoch `self.last_epoch`."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """The learning rates that are in use."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Count one more epoch and set the learning rates."""
        if epoch is not None:
            raise NotImplementedError("step(): argument 'epoch' is deprecated in PyTorch and not supported")
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you "
                "should call them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  "
                "Failure to do this will result in PyTorch skipping the first value of the learning rate schedule. "
                "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate",
                stacklevel=2,
            )
        self._step_count += 1
        self.last_epoch += 1
        self._stepping = True
        try:
            rates = self.get_lr()
        finally:
            self._stepping = False
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(number(rate))
            else:
                group["lr"] = rate
        self._last_lr = [_copied(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser."""
        return {key: value for key, value in self.__dict__.items() if key not in ("optimizer", "_stepping")}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a `state_dict()`."""
        self.__dict__.update(state_dict)

    def _rates(self) -> list[Any]:
        """The learning rates as they are; a warning if asked for outside `step`."""
        if not self._stepping:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.", stacklevel=3
            )
        return [_copied(group["lr"]) for group in self.optimizer.param_groups]


class StepLR(LRScheduler):
    """Multiply the learning rates by `gamma` every `step_size` epochs.

    https://docs.pytorch.org/docs/2.13/generated/torch.optim.lr_scheduler.StepLR.html
    """

    def __init__(self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1) -> None:
        self.step_size, self.gamma = step_size, gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[Any]:
        rates = self._rates()
        if self.last_epoch == 0 or self.last_epoch % self.step_size:
            return rates
        return [rate * self.gamma for rate in rates]


def _copied(rate: Any) -> Any:
    return rate.clone() if isinstance(rate, Tensor) else rate
