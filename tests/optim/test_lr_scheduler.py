"""Every schedule beside PyTorch's: rates, momentum, state, resuming, jumps to an epoch, warnings and errors."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import gradviz
from tests.nn.both import both

from .runs import optimizer_of

pytest.importorskip("torch")


class Halving:
    """A callable with state of its own."""

    def __init__(self) -> None:
        self.base = 0.5

    def __call__(self, x: float) -> float:
        return self.base**x


SCHEDULES: dict[str, Any] = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "lambda each": lambda s, o: s.LambdaLR(o, [lambda e: 1 / (1 + e), Halving()]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + e / 100),
    "multiplicative object": lambda s, o: s.MultiplicativeLR(o, Halving()),
    "step": lambda s, o: s.StepLR(o, 3),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 4, 4, 9], 0.3),
    "constant": lambda s, o: s.ConstantLR(o, 0.5, 4),
    "linear": lambda s, o: s.LinearLR(o, 0.2, 0.8, 6),
    "linear default": lambda s, o: s.LinearLR(o),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o, 8, 2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.001),
    "restarts equal": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.01, [0.1, 0.3], 4),
    "cyclic triangular2": lambda s, o: s.CyclicLR(o, [0.01, 0.02], 0.1, 3, 5, mode="triangular2"),
    "cyclic range": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 4, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "cyclic own": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 2, scale_fn=lambda x: 1 / x, base_momentum=[0.5, 0.6]),
    "cyclic object": lambda s, o: s.CyclicLR(o, 0.01, 0.1, 2, scale_fn=Halving(), scale_mode="iterations"),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.3, total_steps=21),
    "one cycle line": lambda s, o: s.OneCycleLR(o, [0.3, 0.2], epochs=5, steps_per_epoch=6, anneal_strategy="linear"),
    "one cycle three": lambda s, o: s.OneCycleLR(o, 0.3, 30, three_phase=True, pct_start=0.25, cycle_momentum=False),
    "sequence": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 2)], [4, 9]
    ),
    "nested": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o), s.LinearLR(o)], [2]), s.CosineAnnealingLR(o, 5)], [6]
    ),
    "chain": lambda s, o: s.ChainedScheduler([s.LinearLR(o, total_iters=5), s.ExponentialLR(o, 0.9)]),
    "chain given": lambda s, o: s.ChainedScheduler((s.ConstantLR(o), s.StepLR(o, 2)), optimizer=o),
    "plateau": lambda s, o: s.ReduceLROnPlateau(o, patience=1),
    "plateau max": lambda s, o: s.ReduceLROnPlateau(o, "max", 0.5, 0, cooldown=2, min_lr=[0.01, 0.001]),
    "plateau abs": lambda s, o: s.ReduceLROnPlateau(o, threshold=0.05, threshold_mode="abs", patience=0),
    "plateau max abs": lambda s, o: s.ReduceLROnPlateau(o, "max", 0.3, 1, 0.05, "abs"),
}


def made(lib: Any, name: str, **options: Any) -> tuple[Any, Any]:
    optimizer = optimizer_of(lib, **options)
    return optimizer, SCHEDULES[name](lib.optim.lr_scheduler, optimizer)


def steps(optimizer: Any, schedule: Any, epochs: range) -> Any:
    seen = []
    for epoch in epochs:
        optimizer.step()
        if "plateau" in type(schedule).__name__.lower():
            schedule.step(1 / (1 + epoch) if epoch < 6 else 0.16 + 0.01 * (epoch % 3))
        else:
            schedule.step()
        groups = [[g["lr"], g.get("momentum"), g.get("betas"), g.get("initial_lr")] for g in optimizer.param_groups]
        seen.append([groups, schedule.get_last_lr(), schedule.__dict__.get("last_epoch")])
    return seen


def saved(schedule: Any) -> Any:
    """The state with its keys in alphabetical order: PyTorch's order is that of its assignments."""

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return [[key, ordered(value[key])] for key in sorted(value, key=str)]
        return [ordered(v) for v in value] if isinstance(value, (list, tuple)) else value

    return ordered(schedule.state_dict())


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name: str) -> None:
    def program(lib: Any) -> Any:
        optimizer, schedule = made(lib, name, momentum=0.9)
        first = saved(schedule)
        return first, steps(optimizer, schedule, range(20)), saved(schedule), repr(optimizer)

    both(program)


@pytest.mark.parametrize("name", [n for n in SCHEDULES if "cycl" in n])
def test_beta1_in_place_of_momentum(name: str) -> None:
    both(lambda lib: steps(*made(lib, name, kind="Adam"), range(12)))


@pytest.mark.parametrize("name", SCHEDULES)
def test_resumed(name: str) -> None:
    """A state taken at epoch 7, in a schedule made anew."""

    def program(lib: Any) -> Any:
        optimizer, schedule = made(lib, name, momentum=0.9)
        steps(optimizer, schedule, range(7))
        state, rates = schedule.state_dict(), copy.deepcopy(optimizer.state_dict())
        optimizer, schedule = made(lib, name, momentum=0.9)
        optimizer.load_state_dict(rates)
        schedule.load_state_dict(state)
        return steps(optimizer, schedule, range(7, 14)), saved(schedule)

    both(program)


SINGLE = [n for n in SCHEDULES if n.split()[0] not in ("sequence", "nested", "chain", "plateau")]


def test_loading_leaves_the_state_as_it_is() -> None:
    for name in SINGLE:
        state = made(gradviz, name)[1].state_dict()
        kept = dict(state)
        made(gradviz, name)[1].load_state_dict(state)
        assert state == kept, name


def test_a_schedule_without_a_rule() -> None:
    with pytest.raises(NotImplementedError):
        gradviz.optim.lr_scheduler.LRScheduler(optimizer_of(gradviz))


def test_resuming_without_a_start_is_refused() -> None:
    with pytest.raises(KeyError, match="initial_lr"):
        gradviz.optim.lr_scheduler.StepLR(optimizer_of(gradviz), 2, last_epoch=3)


@pytest.mark.parametrize("name", SINGLE)
def test_jumps_to_an_epoch(name: str) -> None:
    def program(lib: Any) -> Any:
        optimizer, schedule = made(lib, name, momentum=0.9)
        optimizer.step()
        seen = []
        for epoch in (3, 7, 0, 12):
            schedule.step(epoch)
            seen.append([schedule.get_last_lr(), schedule.last_epoch])
        return seen

    both(program)


def test_fractions_of_an_epoch() -> None:
    def program(lib: Any) -> Any:
        optimizer, schedule = made(lib, "restarts")
        optimizer.step()
        seen = []
        for i in range(40):
            schedule.step(i / 3)
            seen.append([schedule.get_last_lr(), schedule.last_epoch, schedule.T_cur, schedule.T_i])
        return seen

    both(program)
    both(lambda lib: made(lib, "restarts")[1].step(-1))


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_that_are_tensors(name: str) -> None:
    def program(lib: Any) -> Any:
        rate = lib.tensor(0.1)
        optimizer, schedule = made(lib, name, momentum=0.9, lr=rate)
        steps(optimizer, schedule, range(9))
        return optimizer.param_groups[0]["lr"] is rate, rate, [float(x) for x in schedule.get_last_lr()]

    both(program)


@pytest.mark.parametrize("name", SINGLE)
def test_going_on_from_an_epoch(name: str) -> None:
    """`last_epoch=4`, with the rates of that epoch already in the groups."""
    kind = type(made(pytest.importorskip("torch"), name)[1]).__name__
    options = {
        "LambdaLR": {"lr_lambda": lambda e: 0.95**e}, "MultiplicativeLR": {"lr_lambda": lambda e: 0.9},
        "StepLR": {"step_size": 5}, "MultiStepLR": {"milestones": [5, 6]}, "ExponentialLR": {"gamma": 0.9},
        "CosineAnnealingLR": {"T_max": 7},
        "CosineAnnealingWarmRestarts": {"T_0": 3}, "CyclicLR": {"base_lr": 0.1, "max_lr": 0.2, "step_size_up": 3},
        "OneCycleLR": {"max_lr": 0.3, "total_steps": 20},
    }.get(kind, {})  # fmt: skip

    def program(lib: Any) -> Any:
        optimizer = optimizer_of(lib, momentum=0.9)
        for group in optimizer.param_groups:
            group.update(initial_lr=group["lr"] * 2, max_lr=0.3, min_lr=0.001, max_momentum=0.9, base_momentum=0.8)
        schedule = getattr(lib.optim.lr_scheduler, kind)(optimizer, **options, last_epoch=4)
        return schedule.get_last_lr(), steps(optimizer, schedule, range(5)), saved(schedule)

    both(program)


def overridden(lib: Any) -> Any:
    optimizer, schedule = made(lib, "step")
    optimizer.step = lambda: None
    schedule.step()


def wrong_order(lib: Any) -> Any:
    made(lib, "step")[1].step()


def stepped_before(lib: Any) -> Any:
    optimizer = optimizer_of(lib)
    optimizer.step()
    lib.optim.lr_scheduler.StepLR(optimizer, 2).step()


def two_schedules(lib: Any) -> Any:
    optimizer, first = made(lib, "step")
    optimizer.step()
    second = SCHEDULES["exponential"](lib.optim.lr_scheduler, optimizer)
    first.step()
    second.step()


def asked_outside(lib: Any) -> Any:
    return [made(lib, name)[1].get_lr() for name in ("step", "cosine", "restarts", "lambda")]


def a_new_group(lib: Any) -> Any:
    optimizer, schedule = made(lib, "plateau max")
    optimizer.add_param_group({"params": lib.ones(1, requires_grad=True)})
    for _ in range(9):
        schedule.step(0.0)


def own_schedule(lib: Any) -> Any:
    class Own(lib.optim.lr_scheduler.LRScheduler):  # type: ignore[misc]
        def get_lr(self) -> Any:
            return [base / (1 + self.last_epoch) for base in self.base_lrs]

    optimizer = optimizer_of(lib)
    schedule = Own(optimizer)
    return steps(optimizer, schedule, range(3)), saved(schedule)


@pytest.mark.parametrize(
    "program",
    [overridden, wrong_order, stepped_before, two_schedules, asked_outside, a_new_group, own_schedule],
    ids=lambda p: p.__name__,
)
def test_same_as_torch(program: Any) -> None:
    both(program)
