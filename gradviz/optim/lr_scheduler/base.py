"""LRScheduler: counts epochs and sets the learning rates of an optimiser."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import Any, ClassVar

from gradviz.core.errors import noted
from gradviz.core.tensor import Tensor

from ..optimizer import Optimizer
from ..options import number

SEE = "See more details at https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate"
OVERRIDDEN = (
    "Seems like `optimizer.step()` has been overridden after learning rate scheduler initialization. Please, make sure "
    f"to call `optimizer.step()` before `lr_scheduler.step()`. {SEE}"
)
WRONG_ORDER = (
    "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch 1.1.0 and later, you should call "
    "them in the opposite order: `optimizer.step()` before `lr_scheduler.step()`.  Failure to do this will result in "
    f"PyTorch skipping the first value of the learning rate schedule. {SEE}"
)
EPOCH_DEPRECATION_WARNING = (
    "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where possible. Please use "
    "`scheduler.step()` to step the scheduler. During the deprecation, if epoch is different from None, the closed "
    "form is used instead of the new chainable form, where available. Please open an issue if you are unable to "
    "replicate your use case: https://github.com/pytorch/pytorch/issues/new/choose."
)
ASK_LAST = "To get the last learning rate computed by the scheduler, please use `get_last_lr()`."


class LRScheduler:
    """Base class: `get_lr` computes the learning rate of each group after `step` has counted one more epoch.

    Call it after `optimizer.step()`. https://docs.pytorch.org/docs/2.13/optim.html#how-to-adjust-learning-rate

    Args:
        optimizer: whose `param_groups[i]["lr"]` is set; the rate at the start is kept as "initial_lr" beside it
        last_epoch: where to go on from; -1 starts anew
    """

    _get_lr_called_within_step: bool = False
    _is_initial: bool = False
    # attributes that `state_dict` leaves out
    _not_saved: ClassVar[tuple[str, ...]] = ("optimizer",)

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        self.optimizer = checked(optimizer)
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", copied(group["lr"]))
            elif "initial_lr" not in group:
                raise noted(
                    KeyError(
                        f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with "
                        "last_epoch >= 0.\nLoad the optimizer's state dict first, or start with last_epoch=-1."
                    )
                )
        self.base_lrs: list[Any] = [copied(group["initial_lr"]) for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        optimizer._watch_step()
        self._initial_step()

    def _initial_step(self) -> None:
        """The rates of epoch 0, or of the one to go on from."""
        self._step_count = 0
        with self._noting("_is_initial"):
            self.step()

    def get_lr(self) -> list[Any]:
        """The learning rate of each group for the epoch `self.last_epoch`."""
        raise NotImplementedError

    def get_last_lr(self) -> list[Any]:
        """The learning rates that are in use."""
        return self._last_lr

    def step(self, epoch: Any = None) -> None:
        """Count one more epoch and set the learning rates. `epoch` jumps to one, with a warning as in PyTorch."""
        if self._step_count == 1:
            if not self.optimizer._step_is_watched():
                warnings.warn(OVERRIDDEN, stacklevel=2)
            elif not self.optimizer._opt_called:
                warnings.warn(WRONG_ORDER, stacklevel=2)
        self._step_count += 1
        if epoch is not None:
            warnings.warn(EPOCH_DEPRECATION_WARNING, stacklevel=2)
        self._update_lr(epoch)

    def _update_lr(self, epoch: Any = None) -> None:
        with self._noting("_get_lr_called_within_step"):
            self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
            closed_form = getattr(self, "_get_closed_form_lr", None)
            rates = self.get_lr() if epoch is None or closed_form is None else closed_form()
        self._set(rates)

    def _set(self, rates: list[Any]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            set_rate(group, rate)
        self._last_lr = self._now()

    def _now(self) -> list[Any]:
        return [copied(group["lr"]) for group in self.optimizer.param_groups]

    def _rates(self) -> list[Any]:
        """The learning rates as they are; a warning if asked for outside `step`."""
        if not self._get_lr_called_within_step:
            warnings.warn(ASK_LAST, stacklevel=3)
        return self._now()

    @contextmanager
    def _noting(self, flag: str) -> Iterator[None]:
        """Set a flag while something runs."""
        setattr(self, flag, True)
        try:
            yield
        finally:
            setattr(self, flag, False)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimiser."""
        return {key: value for key, value in self.__dict__.items() if key not in self._not_saved}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a `state_dict()`."""
        self.__dict__.update(state_dict)


class _LRScheduler(LRScheduler):
    """The name that the base class had before PyTorch 2.0."""


def checked(optimizer: Any) -> Optimizer:
    """Refuse what is no optimiser."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
    return optimizer


def copied(value: Any) -> Any:
    """A learning rate that stays as it is when the optimiser's changes."""
    return value.clone() if isinstance(value, Tensor) else value


def set_rate(group: dict[str, Any], rate: Any) -> None:
    """Set the learning rate of a group; a tensor stays the same tensor."""
    if isinstance(group["lr"], Tensor):
        group["lr"].fill_(number(rate))
    else:
        group["lr"] = rate


def per_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """One value for each group: those given, or the one given for all."""
    count = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        value = [value] * count
    elif len(value) != count:
        raise ValueError(
            f"{name} must have the same length as optimizer.param_groups. {name} has {len(value)} values, "
            f"param_groups has {count}."
        )
    return [copied(v) for v in value]


def attributes(function: Any) -> Any:
    """What is saved of a callable: the attributes of an object, None for a plain function, which cannot be saved."""
    return None if isinstance(function, FunctionType) else function.__dict__.copy()
