"""What each learning-rate schedule does, in a sentence with its numbers, as a formula, and where it turns.

The entries are found by the name of the class or of one of its bases, so a subclass is described as what it extends.
A schedule of the learner's own is described by the first sentence of its docstring.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import Any, NamedTuple

from gradviz.viz.numbers import number
from gradviz.widgets.graph.embed import line

Mark = tuple[float, str]  # a count of the schedule, and what happens there
SOURCE = "PyTorch 2.13 documentation, torch.optim.{}"
PLAIN = "the rate stays as it is: no schedule changes it"


class About(NamedTuple):
    """One schedule in words; `formula` is empty where the parts have theirs."""

    name: str
    sentence: str
    formula: str
    source: str


def g(value: Any) -> str:
    """A number of a schedule; a rate may be a tensor, and one for each group."""
    if isinstance(value, (list, tuple)):
        texts = [g(v) for v in value]
        return texts[0] if len(set(texts)) == 1 else ", ".join(texts)
    return number(float(value), 4)


def _times(share: Any) -> str:
    return f"×{g(share)}"


def _linear(s: Any) -> tuple[str, str]:
    start, end, total = g(s.start_factor), g(s.end_factor), s.total_iters
    warm = ": a warm-up" if s.end_factor > s.start_factor else ""
    return (
        f"moves a factor on the rate along a line from {start} to {end} in {total} steps{warm}",
        f"initial · ({start} + {g(s.end_factor - s.start_factor)} · min(step, {total}) / {total})",
    )


def _cosine(s: Any) -> tuple[str, str]:
    return (
        f"lets the rate fall along half a cosine to {g(s.eta_min)} in {s.T_max} steps, and rise again the same way",
        _between(s.eta_min, f"(1 + cos(π · step / {s.T_max})) / 2"),
    )


def _between(low: float, share: str) -> str:
    """A share of the way from the least to the initial rate."""
    return f"{g(low)} + (initial − {g(low)}) · {share}" if low else f"initial · {share}"


def _restarts(s: Any) -> tuple[str, str]:
    longer = "always as long" if s.T_mult == 1 else f"each {s.T_mult} times as long as the last"
    low = g(s.eta_min)
    return (
        f"falls along half a cosine to {low} in {s.T_0} steps and starts again at the top; rounds are {longer}",
        _between(s.eta_min, "(1 + cos(π · step in the round / length of the round)) / 2"),
    )


def _cyclic(s: Any) -> tuple[str, str]:
    up = s.total_size * s.step_ratio
    heights = {
        "triangular": "every peak as high as the first",
        "triangular2": "every peak half as high as the last",
        "exp_range": f"the height shrinking by {_times(s.gamma)} a step",
    }
    height = "heights by a function of its own" if s._scale_fn_custom is not None else heights[s.mode]
    momentum = "; the momentum goes the other way" if s.cycle_momentum else ""
    low, high = g(s.base_lrs), g(s.max_lrs)
    sentence = f"climbs from {low} to {high} in {g(up)} steps and falls back in {g(s.total_size - up)}, again and again"
    return (
        f"{sentence}, {height}{momentum}",
        f"{low} + ({high} − {low}) · share of the way up · height",
    )


def _one_cycle(s: Any) -> tuple[str, str]:
    groups = s.optimizer.param_groups
    start, top, end = (g([group[name] for group in groups]) for name in ("initial_lr", "max_lr", "min_lr"))
    back = f", back to {start}" if len(s._schedule_phases) > 2 else ""
    shape = "cosine" if s._anneal_func_type == "cos" else "line"
    momentum = "; the momentum goes the other way" if s.cycle_momentum else ""
    return (
        f"climbs once from {start} to {top}{back} and falls to {end}, in {s.total_steps} steps in all{momentum}",
        f"along a {shape}: {start} → {top} → {start + ' → ' if back else ''}{end}",
    )


def _plateau(s: Any) -> tuple[str, str]:
    better = "falls" if s.mode == "min" else "rises"
    wait = f", then waits {s.cooldown} steps" if s.cooldown else ""
    share = f"{g(100 * s.threshold)} %" if s.threshold_mode == "rel" else g(s.threshold)
    patience = f"more than {s.patience} step{'s' * (s.patience != 1)} in a row"
    when = f"when the measure no longer {better} by at least {share} of its best for {patience}"
    return (
        f"multiplies the rate by {g(s.factor)} {when}{wait}",
        f"max(rate · {g(s.factor)}, {g(s.min_lrs)}) after {patience} without a better measure",
    )


def _sequential(s: Any) -> tuple[str, str]:
    names = [type(part).__name__ for part in s._schedulers]
    turns = [f"{name} from {at}" for name, at in zip(names[1:], s._milestones, strict=True)]
    return (f"one schedule after the other: {', then '.join([names[0], *turns])}", "")


def _chained(s: Any) -> tuple[str, str]:
    names = [type(part).__name__ for part in s._schedulers]
    return (f"all of {', '.join(names)} change the rate at every step, one after the other", "")


def _swa(s: Any) -> tuple[str, str]:
    groups = s.optimizer.param_groups
    target = g([group.get("swa_lr", 0.0) for group in groups])
    return (
        f"goes from the rate it finds to {target} in {s.anneal_epochs} steps and stays there, for averaging weights",
        f"α · {target} + (1 − α) · rate at the start",
    )


SENTENCES: dict[str, Callable[[Any], tuple[str, str]]] = {
    "LambdaLR": lambda s: ("sets the rate to the initial rate times a function of the step", "initial · f(step)"),
    "MultiplicativeLR": lambda s: ("multiplies the rate by a function of the step, at every step", "rate · f(step)"),
    "StepLR": lambda s: (
        f"multiplies the rate by {g(s.gamma)} every {s.step_size} steps",
        f"initial · {g(s.gamma)}^⌊step / {s.step_size}⌋",
    ),
    "MultiStepLR": lambda s: (
        f"multiplies the rate by {g(s.gamma)} at steps {', '.join(map(str, sorted(s.milestones.elements())))}",
        f"initial · {g(s.gamma)}^(milestones passed)",
    ),
    "ConstantLR": lambda s: (
        f"holds the rate at {_times(s.factor)} for the first {s.total_iters} steps",
        f"initial · {g(s.factor)} while step < {s.total_iters}, then initial",
    ),
    "LinearLR": _linear,
    "ExponentialLR": lambda s: (
        f"multiplies the rate by {g(s.gamma)} at every step",
        f"initial · {g(s.gamma)}^step",
    ),
    "PolynomialLR": lambda s: (
        f"lets the rate fall to 0 in {s.total_iters} steps along a polynomial of power {g(s.power)}",
        f"initial · (1 − min(step, {s.total_iters}) / {s.total_iters})^{g(s.power)}",
    ),
    "CosineAnnealingLR": _cosine,
    "CosineAnnealingWarmRestarts": _restarts,
    "CyclicLR": _cyclic,
    "OneCycleLR": _one_cycle,
    "ReduceLROnPlateau": _plateau,
    "SequentialLR": _sequential,
    "ChainedScheduler": _chained,
    "SWALR": _swa,
}
PAPERS = {
    "CosineAnnealingLR": "Loshchilov and Hutter, 2016",
    "CosineAnnealingWarmRestarts": "Loshchilov and Hutter, 2016",
    "CyclicLR": "Smith, 2015",
    "OneCycleLR": "Smith and Topin, 2017",
    "SWALR": "Izmailov et al., 2018",
}


def kind(scheduler: Any) -> str:
    """The name of the known schedule that this is or extends; '' for one of the learner's own."""
    for base in type(scheduler).__mro__:
        library = base.__module__.split(".")[0]
        if base.__name__ in SENTENCES and library in ("gradviz", "torch"):
            return base.__name__
    return ""


def about(scheduler: Any) -> About:
    """A schedule in words."""
    name = kind(scheduler)
    if not name:
        doc = (type(scheduler).__doc__ or "").strip().split("\n\n", maxsplit=1)[0]
        own = f"a schedule of its own: {line(doc, 160)}" if doc else "a schedule of its own"
        return About(line(type(scheduler).__name__), own, "", f"class {line(type(scheduler).__qualname__)}")
    sentence, formula = SENTENCES[name](scheduler)
    place = "swa_utils.SWALR" if name == "SWALR" else f"lr_scheduler.{name}"
    source = SOURCE.format(place)
    if type(scheduler).__name__ != name:
        sentence = f"{line(type(scheduler).__name__)} extends {name}, which {sentence}"
    return About(
        line(type(scheduler).__name__), sentence, formula, f"{PAPERS[name]}; {source}" if name in PAPERS else source
    )


# ---------------------------------------------------------------------------------------------- where a schedule turns


def _every(size: float, upto: int, text: Callable[[int], str]) -> list[Mark]:
    return [(size * n, text(n)) for n in range(1, int(upto // size) + 1)] if size > 0 else []


def _restart_marks(s: Any, upto: int) -> list[Mark]:
    at, length, found = s.T_0, s.T_0, []
    while at <= upto:
        found.append((at, "restart"))
        length *= s.T_mult
        at += length
    return found


def _cyclic_marks(s: Any, upto: int) -> list[Mark]:
    up = s.total_size * s.step_ratio
    peaks = [(n * s.total_size + up, "peak") for n in range(int(upto // s.total_size) + 1)]
    return sorted([*peaks, *_every(s.total_size, upto, lambda n: f"cycle {n + 1}")])


def _one_cycle_marks(s: Any, upto: int) -> list[Mark]:
    names = ["peak", "end"] if len(s._schedule_phases) == 2 else ["peak", "back at the start's rate", "end"]
    return [(phase["end_step"], name) for phase, name in zip(s._schedule_phases, names, strict=True)]


def _sequential_marks(s: Any, upto: int) -> list[Mark]:
    found: list[Mark] = []
    for i, part in enumerate(s._schedulers):
        start = s._milestones[i - 1] if i else 0
        end = s._milestones[i] if i < len(s._milestones) else upto
        if i:
            found.append((start, f"{type(part).__name__} takes over"))
        found += [(start + at, text) for at, text in turns(part, end - start) if start + at < end]
    return found


MARKS: dict[str, Callable[[Any, int], list[Mark]]] = {
    "StepLR": lambda s, upto: _every(s.step_size, upto, lambda n: _times(s.gamma)),
    "MultiStepLR": lambda s, upto: [(at, _times(s.gamma**n)) for at, n in sorted(s.milestones.items())],
    "ConstantLR": lambda s, upto: [(s.total_iters, "full rate")],
    "LinearLR": lambda s, upto: [(s.total_iters, f"{_times(s.end_factor)} reached")],
    "PolynomialLR": lambda s, upto: [(s.total_iters, "0 reached")],
    "CosineAnnealingLR": lambda s, upto: _every(s.T_max, upto, lambda n: "bottom" if n % 2 else "top"),
    "CosineAnnealingWarmRestarts": _restart_marks,
    "CyclicLR": _cyclic_marks,
    "OneCycleLR": _one_cycle_marks,
    "SequentialLR": _sequential_marks,
    "ChainedScheduler": lambda s, upto: sorted(
        (at, f"{type(part).__name__}: {text}") for part in s._schedulers for at, text in turns(part, upto)
    ),
    "SWALR": lambda s, upto: [(s.anneal_epochs, "averaging rate reached")],
}


def turns(scheduler: Any, upto: int) -> list[Mark]:
    """Where a schedule turns, counted as it counts, up to a count."""
    find = MARKS.get(kind(scheduler))
    return [(at, text) for at, text in find(scheduler, upto) if 0 < at <= upto] if find else []


def parts(scheduler: Any, upto: int) -> list[tuple[int, int, str]]:
    """(from, to, name) of the schedules that follow each other; empty for any other."""
    if kind(scheduler) != "SequentialLR":
        return []
    edges = [0, *scheduler._milestones, upto]
    found = zip(edges, edges[1:], scheduler._schedulers, strict=False)
    return [(a, min(b, upto), type(part).__name__) for a, b, part in found if a < upto]


def part_at(scheduler: Any, count: int) -> Any:
    """The schedule whose turn it is at a count."""
    if kind(scheduler) == "SequentialLR":
        return scheduler._schedulers[bisect_right(scheduler._milestones, count)]
    return scheduler


HORIZONS: dict[str, Callable[[Any], float]] = {
    "StepLR": lambda s: 4 * s.step_size,
    "MultiStepLR": lambda s: max(s.milestones, default=75) * 4 / 3,
    "ConstantLR": lambda s: 2 * s.total_iters,
    "LinearLR": lambda s: 2 * s.total_iters,
    "PolynomialLR": lambda s: 1.2 * s.total_iters,
    "ExponentialLR": lambda s: math.log(0.01) / math.log(s.gamma) if 0 < s.gamma < 1 else 100,
    "CosineAnnealingLR": lambda s: 2 * s.T_max,
    "CosineAnnealingWarmRestarts": lambda s: s.T_0 * (1 + s.T_mult + s.T_mult**2),
    "CyclicLR": lambda s: 3 * s.total_size,
    "OneCycleLR": lambda s: s.total_steps,
    "SequentialLR": lambda s: max(s._milestones, default=0) + horizon(s._schedulers[-1]),
    "ChainedScheduler": lambda s: max(horizon(part) for part in s._schedulers),
    "SWALR": lambda s: 2 * s.anneal_epochs,
}


def horizon(scheduler: Any) -> int:
    """How many steps show all that a schedule does."""
    find = HORIZONS.get(kind(scheduler))
    return max(10, min(20_000, math.ceil(find(scheduler)))) if find else 100
