"""Running a learning-rate schedule ahead of the training, on a copy: neither it nor its optimiser moves.

What is copied is what a schedule can change: its own counts, and the options of the parameter groups. The parameters
and the state of the optimiser are not: no step is taken with them.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gradviz.viz.measure import clean
from gradviz.widgets.optim import schedule_about
from gradviz.widgets.optim.schedule_about import About, Mark


@dataclass
class Run:
    """One schedule over the steps of a training that is to come.

    ``rates[g][k]`` is the learning rate of group g that training step k uses (what `get_last_lr()` says before it);
    ``momenta`` is the same of the momentum, or of Adam's first beta. ``first``: the count that the schedule stood at.
    """

    name: str
    first: int
    rates: list[list[float]]
    momenta: list[list[float]]
    groups: list[str]
    about: list[About]
    marks: list[Mark]
    parts: list[tuple[int, int, str]]
    alone: list[tuple[str, list[float]]] = field(default_factory=list)
    metrics: list[float] | None = None
    ended: str = ""

    @property
    def steps(self) -> int:
        return len(self.rates[0])


def is_optimizer(thing: Any) -> bool:
    return hasattr(thing, "param_groups") and hasattr(thing, "zero_grad")


def is_scheduler(thing: Any) -> bool:
    return hasattr(thing, "step") and is_optimizer(getattr(thing, "optimizer", None))


def copied(thing: Any) -> Any:
    """A schedule (or an optimiser) with groups and counts of its own, and the parameters of the original."""
    optimizer = thing if is_optimizer(thing) else thing.optimizer
    memo: dict[int, Any] = {id(optimizer.state): optimizer.state}
    for group in optimizer.param_groups:
        memo |= {id(param): param for param in group["params"]}
    try:
        made = deepcopy(thing, memo)
    except Exception as error:
        raise TypeError(
            f"ScheduleView runs a copy, and this {type(thing).__name__} cannot be copied: {type(error).__name__}: "
            f"{error}\nGive a function that makes it instead: ScheduleView(lambda optimizer: ...)."
        ) from error
    own = made if is_optimizer(made) else made.optimizer
    if own is optimizer or any(a is b for a, b in zip(own.param_groups, optimizer.param_groups, strict=True)):
        raise TypeError(
            f"ScheduleView runs a copy, and the copy of this {type(thing).__name__} shares its parameter groups.\n"
            "Its __deepcopy__ must copy the optimizer, or give ScheduleView(lambda optimizer: ...)."
        )
    return made


def count_of(scheduler: Any) -> int:
    """How far a schedule has counted."""
    if hasattr(scheduler, "last_epoch"):
        return int(scheduler.last_epoch)
    return max((count_of(part) for part in getattr(scheduler, "_schedulers", ())), default=0)


def rates_of(optimizer: Any) -> list[float]:
    return [float(group["lr"]) for group in optimizer.param_groups]


def momenta_of(optimizer: Any) -> list[float]:
    """The momentum of each group, or Adam's first beta; nan where there is neither."""
    found = (group["betas"][0] if "betas" in group else group.get("momentum") for group in optimizer.param_groups)
    return [float("nan") if value is None else float(value) for value in found]


def needs_metric(scheduler: Any) -> bool:
    return any(base.__name__ == "ReduceLROnPlateau" for base in type(scheduler).__mro__)


def advance(scheduler: Any, steps: int, metrics: Sequence[float] | None) -> tuple[list[Any], list[Any], str]:
    """Rates and momenta of each training step, and why it ended early ('' if it did not). Changes the schedule."""
    optimizer, first = scheduler.optimizer, count_of(scheduler)
    rates, momenta = [rates_of(optimizer)], [momenta_of(optimizer)]
    if hasattr(optimizer, "_watch_step"):  # the training takes its own steps: no warning of a missing one
        optimizer._watch_step()
        optimizer._opt_called = True
    for k in range(steps - 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scheduler.step() if metrics is None else scheduler.step(metrics[k])
        except ValueError as error:  # OneCycleLR counts its steps
            return rates, momenta, f"ends with step {first + k} ({clean(error).rstrip('.')})"
        rates.append(rates_of(optimizer))
        momenta.append(momenta_of(optimizer))
    return rates, momenta, ""


def group_names(optimizer: Any) -> list[str]:
    """What the groups are called: their own "name", else their number."""
    groups = optimizer.param_groups
    return [str(group.get("name", f"group {i}")) for i, group in enumerate(groups)]


def run(name: str, thing: Any, steps: int, metrics: Sequence[float] | None) -> Run:
    """Run a copy of a schedule, or show an optimiser's rates where there is none."""
    made = copied(thing)
    if is_optimizer(made):
        rates, momenta = [rates_of(made)] * steps, [momenta_of(made)] * steps
        plain = About(type(made).__name__, schedule_about.PLAIN, "", f"class {type(made).__name__}")
        return Run(name, 0, _turned(rates), _turned(momenta), group_names(made), [plain], [], [])
    plateau = needs_metric(made)
    if plateau and metrics is None:
        raise ValueError(
            f"{type(made).__name__} looks at a measure of the training: give its values, one for each step.\n"
            "ScheduleView(scheduler, metrics=[0.9, 0.7, 0.71, ...])."
        )
    if plateau and metrics is not None and len(metrics) < steps - 1:
        raise ValueError(
            f"{steps} steps need {steps - 1} metrics, one between each and the next; there are {len(metrics)}.\n"
            "Leave out steps=, or give more metrics."
        )
    first = count_of(made)
    rates, momenta, ended = advance(made, steps, metrics if plateau else None)
    last = first + len(rates) - 1
    words = [schedule_about.about(part) for part in (made, *inner(made))]
    marks = _reductions(rates, first) if plateau else schedule_about.turns(made, last)
    bands = [(a, b, text) for a, b, text in schedule_about.parts(made, last) if b > first]
    alone = [(label, values) for label, values in _alone(thing, steps)]
    return Run(
        name, first, _turned(rates), _turned(momenta), group_names(made.optimizer), words,
        [(at, text) for at, text in marks if at > first], [(max(a, first), b, text) for a, b, text in bands], alone,
        [float(v) for v in metrics[: len(rates)]] if plateau and metrics is not None else None, ended,
    )  # fmt: skip


def inner(scheduler: Any) -> list[Any]:
    """The schedules inside a sequential or chained one, and those inside these."""
    found: list[Any] = []
    for part in getattr(scheduler, "_schedulers", ()):
        found += [part, *inner(part)]
    return found


def _alone(thing: Any, steps: int) -> list[tuple[str, list[float]]]:
    """What each part of a chain would do from here on without the others, for the first group."""
    if schedule_about.kind(thing) != "ChainedScheduler":
        return []
    found = []
    for i, part in enumerate(thing._schedulers):
        rates, _, _ = advance(copied(thing)._schedulers[i], steps, None)
        found.append((f"{type(part).__name__} alone", [rate[0] for rate in rates]))
    return found


def _turned(rows: list[Any]) -> list[list[float]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _reductions(rates: list[Any], first: int) -> list[Mark]:
    """Where a plateau was seen: the steps at which a rate fell."""
    found: list[Mark] = []
    for k, (old, new) in enumerate(pairwise(rates), start=1):
        shares = [schedule_about.g(b / a) for a, b in zip(old, new, strict=True) if a != b and a]
        if shares:
            found.append((first + k, f"no better for too long: ×{', ×'.join(dict.fromkeys(shares))}"))
    return found


def made_by(make: Callable[..., Any], lr: float) -> Any:
    """The schedule that a function makes for a new SGD of one parameter."""
    import gradviz as torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr, momentum=0.9)
    scheduler = make(optimizer)
    if not is_scheduler(scheduler):
        raise TypeError(
            f"The function given to ScheduleView must return a schedule for the optimizer it gets; it returned "
            f"{type(scheduler).__name__}."
        )
    return scheduler
