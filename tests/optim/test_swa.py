"""Weight averaging beside PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.both import both

pytest.importorskip("torch")


def net(lib: Any) -> Any:
    made = lib.nn.Sequential(lib.nn.Linear(2, 3), lib.nn.BatchNorm1d(3, momentum=0.3), lib.nn.Linear(3, 1))
    return made


def average(lib: Any, **options: Any) -> Any:
    model = net(lib)
    averaged = lib.optim.swa_utils.AveragedModel(model, **options)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.1)
    for i in range(4):
        x = lib.tensor([[float(i), 1.0], [2.0, -1.0], [0.5, float(-i)]])
        optimizer.zero_grad()
        model(x).pow(2).sum().backward()
        optimizer.step()
        averaged.update_parameters(model)
    batches = [lib.tensor([[1.0, 2.0], [3.0, 5.0]]), (lib.tensor([[0.0, 2.0], [1.0, -1.0]]), "label")]
    before = [(k, v.clone()) for k, v in averaged.state_dict().items()]
    lib.optim.swa_utils.update_bn(batches, averaged)
    averaged.eval()
    norm = averaged.module[1]
    return before, averaged.state_dict(), averaged(batches[0]), norm.momentum, repr(averaged), averaged.training


AVERAGES: dict[str, Any] = {
    "mean": lambda u: {},
    "mean with buffers": lambda u: {"use_buffers": True},
    "mean given": lambda u: {"avg_fn": u.get_swa_avg_fn()},
    "mean of lists": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn()},
    "exponential": lambda u: {"avg_fn": u.get_ema_avg_fn(0.9)},
    "exponential of lists": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    "own": lambda u: {"avg_fn": lambda mean, p, n: 0.1 * mean + 0.9 * p},
    "integers": lambda u: {"multi_avg_fn": u.get_swa_multi_avg_fn(), "use_buffers": True},
    "on the CPU": lambda u: {"device": "cpu"},
    "both": lambda u: {"avg_fn": u.get_swa_avg_fn(), "multi_avg_fn": u.get_swa_multi_avg_fn()},
    "a bad decay": lambda u: {"avg_fn": u.get_ema_avg_fn(1.5)},
    "another bad decay": lambda u: {"multi_avg_fn": u.get_ema_multi_avg_fn(-0.5)},
}


@pytest.mark.parametrize("name", AVERAGES)
def test_averages(name: str) -> None:
    both(lambda lib: average(lib, **AVERAGES[name](lib.optim.swa_utils)))


def test_nothing_to_update() -> None:
    both(lambda lib: lib.optim.swa_utils.update_bn([], lib.nn.Linear(2, 2)))


@pytest.mark.parametrize(
    "options",
    [
        {}, {"anneal_epochs": 3, "anneal_strategy": "linear"}, {"anneal_epochs": 0}, {"swa_lr": [0.01, 0.02]},
        {"anneal_strategy": "spam"}, {"anneal_epochs": -1}, {"anneal_epochs": 1.5}, {"swa_lr": [0.1]},
    ],
    ids=str,
)  # fmt: skip
def test_rates(options: dict[str, Any]) -> None:
    def program(lib: Any) -> Any:
        a, b = (lib.ones(1, requires_grad=True) for _ in range(2))
        optimizer = lib.optim.SGD([{"params": [a]}, {"params": [b], "lr": 0.5}], lr=0.1)
        other = lib.optim.lr_scheduler.StepLR(optimizer, 2, 0.5)
        schedule = lib.optim.swa_utils.SWALR(optimizer, **{"swa_lr": 0.05, **options})
        seen = []
        for epoch in range(14):
            optimizer.step()
            (other if epoch < 4 else schedule).step()
            seen.append([g["lr"] for g in optimizer.param_groups])
        again = lib.optim.swa_utils.SWALR(optimizer, 0.05)
        again.load_state_dict(schedule.state_dict())
        again.step()
        return seen, sorted(schedule.state_dict()), again.get_last_lr(), again.last_epoch

    both(program)
