"""Learning-rate schedules beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import gradviz
from tests.nn.both import both


def made(lib: Any, rate: Any = 0.8, **options: Any) -> Any:
    w = lib.ones(1, requires_grad=True)
    optimizer = lib.optim.SGD([{"params": [w]}, {"params": [lib.ones(1, requires_grad=True)], "lr": 0.1}], lr=rate)
    return optimizer, lib.optim.lr_scheduler.StepLR(optimizer, **{"step_size": 2, "gamma": 0.5, **options})


def rates(lib: Any) -> Any:
    optimizer, schedule = made(lib)
    seen = []
    for _ in range(6):
        optimizer.step()
        schedule.step()
        seen.append([schedule.get_last_lr(), [g["lr"] for g in optimizer.param_groups], schedule.last_epoch])
    return seen, repr(optimizer), schedule.base_lrs


def resumed(lib: Any) -> Any:
    optimizer, schedule = made(lib)
    optimizer.step()
    schedule.step()
    state = schedule.state_dict()
    _, other = made(lib)
    other.load_state_dict(state)
    return other.last_epoch, other.get_last_lr(), state["step_size"], state["gamma"], state["_step_count"]


def wrong_order(lib: Any) -> Any:
    _, schedule = made(lib)
    schedule.step()


def asked_directly(lib: Any) -> Any:
    _, schedule = made(lib)
    return schedule.get_lr()


def tensor_rate(lib: Any) -> Any:
    optimizer, schedule = made(lib, lib.tensor(0.8))
    for _ in range(2):
        optimizer.step()
        schedule.step()
    return optimizer.param_groups[0]["lr"], schedule.get_last_lr()[0]


def no_optimizer(lib: Any) -> Any:
    lib.optim.lr_scheduler.StepLR(3, 2)


@pytest.mark.parametrize(
    "program", [rates, resumed, wrong_order, asked_directly, tensor_rate, no_optimizer], ids=lambda p: p.__name__
)
def test_same_as_torch(program: Any) -> None:
    both(program)


def test_resuming_without_a_start_is_refused() -> None:
    optimizer = gradviz.optim.SGD([gradviz.ones(1, requires_grad=True)])
    with pytest.raises(KeyError, match="initial_lr"):
        gradviz.optim.lr_scheduler.StepLR(optimizer, 2, last_epoch=3)
