"""An optimiser's walk, step by step, with all that made each step: what `TrajectoryView` and `OptimizerRace` show.

The real optimiser takes the steps on the real engine. Its own state is read after each one.
"""

from __future__ import annotations

import contextlib
import inspect
import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradviz.widgets.graph.embed import line
from gradviz.widgets.optim import anatomy

# Optimisers that frontend/src/optimizers.ts can run, digit for digit; their subclasses may do anything.
KNOWN = (
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "NAdam", "RAdam", "Adamax", "Rprop", "ASGD",
)  # fmt: skip
NOT_SETTINGS = {"params", "param_names", "foreach", "fused", "capturable", "differentiable", "initial_lr"}
Terms = dict[str, list[list[float]]]  # by name: for each step, a number for each parameter


@dataclass
class Walk:
    """What one optimiser did. `path`, `grads` and `terms` are empty for parameters that are not single numbers."""

    name: str
    path: list[list[float]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    grads: list[list[float]] = field(default_factory=list)
    terms: Terms = field(default_factory=dict)
    calls: int = 0  # how often the function was asked
    recipe: dict[str, Any] | None = None  # what lets the browser take the same steps
    why: str = ""  # why it cannot, if it cannot


@contextlib.contextmanager
def undisturbed(seed: int | None = None) -> Iterator[None]:
    """Whatever is drawn inside leaves every random generator as it was; gradients are on; infinities do not warn."""
    import gradviz as torch

    kept, numpys = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with torch.random.fork_rng(), torch.enable_grad(), np.errstate(all="ignore"):
            reseed(seed)
            yield
    finally:
        random.setstate(kept)
        np.random.set_state(numpys)  # noqa: NPY002


def reseed(seed: int | None) -> None:
    """Start the generators of Python, NumPy and the engine from one number."""
    import gradviz as torch

    if seed is not None:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        torch.manual_seed(seed)


def descend(
    fn: Callable[..., Any],
    start: Sequence[float],
    make: Callable[[list[Any]], Any],
    steps: int,
    *,
    clip: float | None = None,
) -> Walk:
    """Take `steps` steps from `start` on a function of single numbers.

    `make(parameters)` returns the optimiser, or a tuple of it and its schedulers. `clip` is the largest joint norm of
    the gradient (`clip_grad_norm_`).
    """
    import gradviz as torch

    leaves = [torch.tensor(float(value), requires_grad=True) for value in start]
    return steps_of(leaves, lambda: checked(fn(*leaves)), make, steps, clip=clip, numbers=True)


def checked(loss: Any) -> Any:
    """The loss, if it is one number that was computed from the parameters."""
    import gradviz as torch

    if not isinstance(loss, torch.Tensor):
        raise TypeError(
            f"The function must return its loss as a tensor of one number; it returned {type(loss).__name__}. "
            "Do not call .item() or float() in it: the gradient could not flow back."
        )
    if loss.numel() != 1:
        raise ValueError(
            f"The function must return one number; it returned a tensor of shape {tuple(loss.shape)}. "
            "Add .sum() or .mean()."
        )
    return loss


def steps_of(
    leaves: list[Any],
    loss: Callable[[], Any],
    make: Callable[[list[Any]], Any],
    steps: int,
    *,
    clip: float | None = None,
    numbers: bool = False,
) -> Walk:
    """The walk of any parameters; `numbers` if each of them is a single number, whose places are then kept."""
    import gradviz as torch

    stepper, schedulers = made(make(leaves))
    out = Walk(type(stepper).__name__)
    out.recipe, out.why = recipe(stepper, leaves, clip) if numbers else (None, "its parameters are not single numbers")
    if any(needs(scheduler.step, "metrics") for scheduler in schedulers):
        out.recipe, out.why = None, "its scheduler looks at the loss"
    history: list[list[dict[str, Any]]] = []
    held: anatomy.State = {}

    def again() -> Any:
        clear(stepper, leaves)
        value = loss()
        value.backward()
        out.calls += 1
        return value

    asks = needs(stepper.step, "closure")
    for k in range(steps + 1):
        value = again()
        out.losses.append(float(value.item()))
        gradient = slopes(leaves) if numbers else []
        if numbers:
            out.path.append([float(leaf.item()) for leaf in leaves])
            out.grads.append(gradient)
        if k == steps:
            break
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(leaves, clip)
        clipped = slopes(leaves) if numbers else []
        now = [settings_of(stepper, leaf) if leaf.grad is not None else {} for leaf in leaves] if out.recipe else []
        if out.recipe and k == 0:
            out.recipe["settings"] = now
        if asks:
            stepper.step(again)
        else:
            stepper.step()
        if numbers:
            here = [float(leaf.item()) for leaf in leaves]
            moved = [b - a for a, b in zip(out.path[-1], here, strict=True)]
            before, held = held, anatomy.state_of(stepper, leaves)
            kind = out.recipe["kind"] if out.recipe else ""
            used = clipped if clip is not None else None
            found = anatomy.terms(kind, now, out.path[-1], gradient, used, before, held, moved)
            for name, values in found.items():
                out.terms.setdefault(name, [[0.0] * len(leaves)] * k).append(values)
        history.append(now)
        for scheduler in schedulers:
            if needs(scheduler.step, "metrics"):
                scheduler.step(out.losses[-1])
            else:
                scheduler.step()
    if out.recipe:
        out.recipe["schedule"] = schedule(history)
    return out


def made(given: Any) -> tuple[Any, list[Any]]:
    """The optimiser and its schedulers, from what a maker returned."""
    stepper, *schedulers = given if isinstance(given, tuple | list) else (given,)
    if not callable(getattr(stepper, "step", None)):
        raise TypeError(
            f"An optimiser needs a step() method; {type(stepper).__name__} has none. "
            "Write it as `lambda params: Adam(params, lr=0.1)`, or give a class."
        )
    return stepper, list(schedulers)


def clear(stepper: Any, leaves: list[Any]) -> None:
    """Forget the last gradients, in the optimiser's own way where it has one."""
    if callable(getattr(stepper, "zero_grad", None)):
        stepper.zero_grad()
    else:
        for leaf in leaves:
            leaf.grad = None


def slopes(leaves: list[Any]) -> list[float]:
    """The gradient now, 0 where none arrived."""
    return [0.0 if leaf.grad is None else float(leaf.grad.item()) for leaf in leaves]


def needs(method: Any, name: str) -> bool:
    """True if a call must give the argument `name`."""
    try:
        found = inspect.signature(method).parameters.get(name)
    except (TypeError, ValueError):
        return False
    return found is not None and found.default is inspect.Parameter.empty


def recipe(stepper: Any, leaves: list[Any], clip: float | None) -> tuple[dict[str, Any] | None, str]:
    """What the browser must know to take the same steps; or why it cannot."""
    import gradviz as torch

    kind = type(stepper).__name__
    if kind not in KNOWN or type(stepper) is not getattr(torch.optim, kind):
        return None, f"the optimiser {kind} is not one the browser can run"
    if stepper._optimizer_step_pre_hooks or stepper._optimizer_step_post_hooks or "step" in vars(stepper):
        return None, f"hooks are attached to {kind}"
    settings = [settings_of(stepper, leaf) for leaf in leaves]
    if not all(settings):
        return None, "it was not given every parameter"
    return {"kind": kind, "settings": settings, "clip": clip, "schedule": {}}, ""


def settings_of(stepper: Any, leaf: Any) -> dict[str, Any]:
    """The options of the group a parameter is in, as plain numbers; empty if it is in none."""
    for group in stepper.param_groups:
        if any(leaf is param for param in group["params"]):
            return {key: plain(value) for key, value in group.items() if key not in NOT_SETTINGS}
    return {}


def plain(value: Any) -> Any:
    """An option as JSON has it."""
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    return value.item() if hasattr(value, "item") else value


def schedule(history: list[list[dict[str, Any]]]) -> dict[str, list[list[Any]]]:
    """The options that change on the way: by name, for each step, one for each parameter."""
    first = history[0] if history else []
    names = sorted(
        {key for now in history for a, b in zip(first, now, strict=True) for key in a if a[key] != b.get(key)}
    )
    return {key: [[one.get(key) for one in now] for now in history] for key in names}


# -- as plain data -------------------------------------------------------------------------------------------------
MOST = 500  # steps that are kept of a walk; of a longer one every second, third ... one
ALL = 1200  # steps that are kept of several walks together


def every(steps: int, walks: int = 1) -> int:
    """Which steps are kept, so that the page stays small: each one, each second one, and so on."""
    return max(1, -(-steps // max(40, min(MOST, ALL // walks))))


def kept(count: int, stride: int) -> list[int]:
    """The steps that are kept of `count` places; the last one is always there."""
    return sorted({*range(0, count, stride), count - 1})


def walk_json(walk: Walk, stride: int = 1, *, whole: bool = True) -> dict[str, Any]:
    """A walk as the browser gets it: nine digits, infinities and NaN as words.

    Not `whole`: without the gradients and the parts of the steps, which the browser can work out itself.
    """
    at = kept(len(walk.losses), stride)
    out: dict[str, Any] = {"losses": [safe(walk.losses[k]) for k in at]}
    if walk.path:
        out["path"] = [[safe(v) for v in walk.path[k]] for k in at]
    if whole and walk.path:
        out["grads"] = [[safe(v) for v in walk.grads[k]] for k in at]
        out["terms"] = {
            name: [[safe(v) for v in rows[k]] if k < len(rows) else None for k in at]
            for name, rows in walk.terms.items()
        }
    return out


def safe(value: float) -> float | str:
    """A number with nine digits, which single precision needs; JSON has no infinity and no NaN: they become words."""
    if not math.isfinite(value):
        return str(value)
    short = float(f"{value:.8e}")
    return int(short) if short.is_integer() and abs(short) < 1e9 and (short or math.copysign(1, short) > 0) else short


def about(walk: Walk, clip: float | None) -> dict[str, Any]:
    """How the walk's steps are made: the parts, the formula, and the options in it."""
    kind = walk.recipe["kind"] if walk.recipe else ""
    settings = walk.recipe["settings"] if walk.recipe else []
    other = [name.removeprefix("state.") for name in walk.terms if name.startswith("state.")]
    return {
        "parts": [list(term) for term in anatomy.parts(kind, settings, clip, [line(name, 24) for name in other])],
        "keys": [term.key for term in anatomy.parts(kind, settings, clip, other)],
        "formulas": anatomy.formulas(kind, settings, clip),
        "constants": [list(one) for one in anatomy.constants(settings, clip)],
    }
