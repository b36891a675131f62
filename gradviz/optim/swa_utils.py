"""Averages of a model over the steps of its training (torch.optim.swa_utils)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from gradviz.core.dtype import int64
from gradviz.core.ops.creation.create import tensor
from gradviz.core.tensor import Tensor
from gradviz.nn.modules.batchnorm import _BatchNorm
from gradviz.nn.modules.module import Module
from gradviz.utils.gradients import unrecorded

from .lr_scheduler.base import LRScheduler, per_group
from .optimizer import Optimizer
from .options import number

Average = Callable[[Any, Any, Any], Any]


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """For `AveragedModel(avg_fn=...)`: an exponential average, `decay * average + (1 - decay) * parameter`."""
    _check_decay(decay)

    @unrecorded
    def ema_update(ema_param: Tensor, current_param: Tensor, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn() -> Average:
    """For `AveragedModel(avg_fn=...)`: the mean of all, `average + (parameter - average) / (num_averaged + 1)`."""

    @unrecorded
    def swa_update(averaged_param: Tensor, current_param: Tensor, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Average:
    """For `AveragedModel(multi_avg_fn=...)`: `get_ema_avg_fn` for lists of tensors, in place."""
    _check_decay(decay)

    @unrecorded
    def ema_update(ema_param_list: Any, current_param_list: Any, _: Any) -> None:
        for average, current in zip(ema_param_list, current_param_list, strict=True):
            if _can_lerp(average):
                average.lerp_(current, 1 - decay)
            else:
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn() -> Average:
    """For `AveragedModel(multi_avg_fn=...)`: `get_swa_avg_fn` for lists of tensors, in place."""

    @unrecorded
    def swa_update(averaged_param_list: Any, current_param_list: Any, num_averaged: Any) -> None:
        for average, current in zip(averaged_param_list, current_param_list, strict=True):
            if _can_lerp(average):
                average.lerp_(current, number(1 / (num_averaged + 1)))
            elif isinstance(num_averaged, Tensor):
                average.addcdiv_(current - average, num_averaged + 1)
            else:
                average.add_(current - average, alpha=1.0 / (num_averaged + 1))

    return swa_update


def _can_lerp(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _check_decay(decay: float) -> None:
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of the model's over the steps of its training.

    Call `update_parameters(model)` when the model has taken a step or finished an epoch, use the average like the
    model, and call `update_bn` before that if there are batch norms. Izmailov et al., 2018.
    https://docs.pytorch.org/docs/2.13/optim.html#weight-averaging-swa-and-ema

    Args:
        device: where the average is kept
        avg_fn: `avg_fn(average, parameter, number averaged)` returns the new average; by default the mean of all
        multi_avg_fn: the same for lists of tensors, in place; only one of the two may be given
        use_buffers: average the buffers too, such as the statistics of batch norms; otherwise they are copied
    """

    n_averaged: Tensor

    def __init__(
        self, model: Module, device: Any = None, avg_fn: Average | None = None, multi_avg_fn: Average | None = None,
        use_buffers: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", tensor(0, dtype=int64, device=device))
        self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The averaged model's own forward."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model as it is now into the average; the first time it is copied."""
        pairs = [
            (mine.detach(), theirs.detach().to(mine.device))
            for mine, theirs in zip(
                _tensors(self.module, self.use_buffers), _tensors(model, self.use_buffers), strict=False
            )
        ]
        if self.n_averaged.item() == 0:
            for mine, theirs in pairs:
                mine.copy_(theirs)
        elif self.multi_avg_fn is not None:
            alike: dict[Any, list[tuple[Tensor, Tensor]]] = {}
            for pair in pairs:
                alike.setdefault((pair[0].device, pair[0].dtype), []).append(pair)
            for (device, _), group in alike.items():
                self.multi_avg_fn([m for m, _ in group], [t for _, t in group], self.n_averaged.to(device))
        else:
            average = self.avg_fn or get_swa_avg_fn()
            for mine, theirs in pairs:
                mine.copy_(average(mine, theirs, self.n_averaged.to(mine.device)))
        if not self.use_buffers:
            for mine, theirs in zip(self.module.buffers(), model.buffers(), strict=True):
                mine.detach().copy_(theirs.detach().to(mine.device))
        self.n_averaged += 1


def _tensors(model: Module, use_buffers: bool) -> Iterable[Tensor]:
    return chain(model.parameters(), model.buffers()) if use_buffers else model.parameters()


@unrecorded
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Compute the statistics of all batch norms anew, as the mean over the batches of a loader.

    Args:
        loader: gives batches: tensors, or lists or tuples whose first element is the input
        device: where the batches are moved to
    """
    norms: dict[Any, float | None] = {m: m.momentum for m in model.modules() if isinstance(m, _BatchNorm)}
    if not norms:
        return
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    was_training = model.training
    model.train()
    for batch in loader:
        given = batch[0] if isinstance(batch, (list, tuple)) else batch
        model(given if device is None else given.to(device))
    for norm, momentum in norms.items():
        norm.momentum = momentum
    model.train(was_training)


def _linear(t: float) -> float:
    return t


def _cosine(t: float) -> float:
    return (1 - math.cos(math.pi * t)) / 2


class SWALR(LRScheduler):
    """Bring the learning rates to `swa_lr` in `anneal_epochs` epochs, along a cosine ("cos") or a line ("linear").

    https://docs.pytorch.org/docs/2.13/optim.html#swa-learning-rate-schedules
    """

    _not_saved = ("optimizer", "anneal_func")

    def __init__(
        self, optimizer: Optimizer, swa_lr: Any, anneal_epochs: int = 10, anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:  # fmt: skip
        for group, rate in zip(optimizer.param_groups, per_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._set_anneal_func(anneal_strategy)
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _set_anneal_func(self, anneal_strategy: str) -> None:
        self._anneal_strategy = anneal_strategy
        self.anneal_func = _cosine if anneal_strategy == "cos" else _linear

    def get_lr(self) -> list[Any]:
        rates = self._rates()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        last, share = (self.anneal_func(max(0, min(1, s / max(1, self.anneal_epochs)))) for s in (step - 1, step))
        targets = [group["swa_lr"] for group in self.optimizer.param_groups]
        starts = [
            target if last == 1 else (rate - last * target) / (1 - last)
            for rate, target in zip(rates, targets, strict=True)
        ]
        return [target * share + start * (1 - share) for start, target in zip(starts, targets, strict=True)]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a `state_dict()`."""
        super().load_state_dict(state_dict)
        self._set_anneal_func(self._anneal_strategy)
