"""What schedules refuse, as PyTorch does."""

from __future__ import annotations

from typing import Any

import pytest

from tests.nn.both import both

from .runs import optimizer_of

pytest.importorskip("torch")

REFUSED: dict[str, Any] = {
    "no optimizer": lambda s, o: s.StepLR(3, 2),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda e: 1]),
    "lambda no function": lambda s, o: s.MultiplicativeLR(o, 3),
    "multiplicative lambdas": lambda s, o: s.MultiplicativeLR(o, [lambda e: 1]),
    "constant": lambda s, o: s.ConstantLR(o, 1.5),
    "linear start": lambda s, o: s.LinearLR(o, 0),
    "linear end": lambda s, o: s.LinearLR(o, end_factor=2),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts times": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0),
    "restarts least": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 1, "a"),
    "cyclic mode": lambda s, o: s.CyclicLR(o, 0.1, 0.2, mode="spam"),
    "cyclic rates": lambda s, o: s.CyclicLR(o, [0.1], 0.2),
    "cyclic no optimizer": lambda s, o: s.CyclicLR(3, 0.1, 0.2),
    "one cycle steps": lambda s, o: s.OneCycleLR(o, 0.1),
    "one cycle negative": lambda s, o: s.OneCycleLR(o, 0.1, -1),
    "one cycle float": lambda s, o: s.OneCycleLR(o, 0.1, 3.5),
    "one cycle epochs": lambda s, o: s.OneCycleLR(o, 0.1, epochs=0, steps_per_epoch=1),
    "one cycle per epoch": lambda s, o: s.OneCycleLR(o, 0.1, epochs=1, steps_per_epoch=0),
    "one cycle share": lambda s, o: s.OneCycleLR(o, 0.1, 10, pct_start=1.5),
    "one cycle anneal": lambda s, o: s.OneCycleLR(o, 0.1, 10, anneal_strategy="spam"),
    "one cycle too far": lambda s, o: [x.step() for x in [s.OneCycleLR(o, 0.1, 3)] for _ in range(5)],
    "plateau factor": lambda s, o: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau mode": lambda s, o: s.ReduceLROnPlateau(o, "spam"),
    "plateau threshold": lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="spam"),
    "plateau rates": lambda s, o: s.ReduceLROnPlateau(o, min_lr=[1]),
    "plateau no optimizer": lambda s, o: s.ReduceLROnPlateau(3),
    "sequence empty": lambda s, o: s.SequentialLR(o, [], []),
    "sequence length": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [3]),
    "sequence plateau": lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2), s.ReduceLROnPlateau(o)], [3]),
    "sequence no schedule": lambda s, o: s.SequentialLR(o, [3], []),
    "chain empty": lambda s, o: s.ChainedScheduler([]),
    "chain plateau": lambda s, o: s.ChainedScheduler([s.StepLR(o, 2), s.ReduceLROnPlateau(o)]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_errors(name: str) -> None:
    both(lambda lib: REFUSED[name](lib.optim.lr_scheduler, optimizer_of(lib)) and None)


def test_no_momentum_to_cycle() -> None:
    both(lambda lib: lib.optim.lr_scheduler.CyclicLR(optimizer_of(lib, "Adadelta"), 0.1, 0.2) and None)
    both(lambda lib: lib.optim.lr_scheduler.OneCycleLR(optimizer_of(lib, "Adagrad"), 0.1, 9) and None)


def test_another_optimizer() -> None:
    def program(lib: Any) -> Any:
        s = lib.optim.lr_scheduler
        s.ChainedScheduler([s.StepLR(optimizer_of(lib), 2), s.StepLR(optimizer_of(lib), 2)])

    both(program)
