"""`OptimizerRace`: any optimisers from the same start, step by step together, on a map, a surface or a curve; the loss
of each below. A learner's own class runs beside ours.

Every walk is made by the real optimiser on the real engine. In the browser the start can be dragged: optimisers that it
knows are run again there on the recorded function, others by the kernel while there is one.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gradviz.viz.numbers import number
from gradviz.widgets.graph.embed import line
from gradviz.widgets.live import LiveView
from gradviz.widgets.optim import race_svg
from gradviz.widgets.optim.classics import CLASSICS
from gradviz.widgets.optim.descent import (
    Walk,
    about,
    checked,
    descend,
    every,
    reseed,
    safe,
    steps_of,
    undisturbed,
    walk_json,
)  # fmt: skip
from gradviz.widgets.optim.terrain import Terrain, box
from gradviz.widgets.optim.trajectory import aligned, checked_clip, checked_view, corners, float32, names_of, start_of
from gradviz.widgets.timeline import Timeline, name_of
from gradviz.widgets.whatif.program import NeedsKernel, program

MOST = 24  # runners
ROWS = 12  # steps that the text twin writes out
LIVE_STEPS = 2000  # steps that one message from the page may ask for


class Runner(NamedTuple):
    """Someone in the race: a name, and what makes the optimiser from the parameters."""

    name: str
    make: Callable[[list[Any]], Any]


class OptimizerRace(LiveView):
    """Optimisers side by side.

    Args:
        fn: takes one or two 0-d tensors, returns a 0-d tensor; or the name of a test function ("rosenbrock", "beale",
            "himmelblau", "saddle", "valley", "ravine", "cliff"), which brings its start and bounds; or, with `model`,
            takes the model and returns the loss.
        start: a number, or a pair.
        optimizers: a list, or a dict by name, of classes (`Adam`, or one of your own), of functions from parameters to
            an optimiser (`lambda p: Adam(p, lr=0.1)`), or of pairs of a class and its options
            (`(Adam, {"lr": 0.1})`). A function may also return a tuple of the optimiser and its schedulers.
        steps: how many steps each takes.
        lr: the rate for every class that is given without options; its own default if not given.
        model: a module. Each optimiser trains a copy of it, and only the losses are shown.
        bounds: ``((low, high), (low, high))``; otherwise room around the walks.
        target: the race is won by who first has a loss as low as this; otherwise 1 % of the way from the best loss of
            all to that of the start.
        clip: the largest norm of the gradient, for all, as in ``clip_grad_norm_``.
        seed: what the function draws at random begins with this, for each runner alike.
        surface: the function that is drawn, and whose values are compared, where `fn` itself is noisy.
        minima: places that are marked with a star.
        view: "2d", or "3d" to begin with the surface seen from the side.
        timeline: move together with other views.
    """

    view = "optimizer_race"

    def __init__(
        self,
        fn: Callable[..., Any] | str,
        start: Any = None,
        optimizers: Mapping[str, Any] | Sequence[Any] | None = None,
        steps: int = 100,
        *,
        lr: float | None = None,
        model: Any = None,
        bounds: Any = None,
        target: float | None = None,
        clip: float | None = None,
        seed: int = 0,
        surface: Callable[..., Any] | None = None,
        minima: Sequence[Any] = (),
        view: str = "2d",
        timeline: Timeline | str | None = None,
    ) -> None:
        if isinstance(fn, str):
            if fn not in CLASSICS:
                raise ValueError(f"There is no test function {fn!r}; there are {', '.join(sorted(CLASSICS))}.")
            known = CLASSICS[fn]
            start, bounds = known.start if start is None else start, known.bounds if bounds is None else bounds
            fn, minima = known.fn, minima or known.minima
        if int(steps) < 1:
            raise ValueError(f"OptimizerRace needs at least one step; got steps={steps}.")
        if target is not None and not math.isfinite(float(target)):
            raise ValueError(f"target is a loss and must be finite; got {target!r}.")
        self.fn, self.model, self.steps, self.seed = fn, model, int(steps), int(seed)
        self.clip, self.timeline, self.surface = checked_clip(clip), name_of(timeline), surface
        self.runners = runners(optimizers, lr)
        self.title_of = titled(fn, model)
        self.terrain: Terrain | None = None
        self.program: dict[str, Any] | None = None
        self.why = ""
        self.start: list[float] = []
        if model is not None:
            if start is not None or bounds is not None or surface is not None:
                raise ValueError("With model=, the start is the model as it is: give no start, bounds or surface.")
            if view == "3d":
                raise ValueError('view="3d" needs a function of two numbers; the race of a model shows its losses.')
            self.seen = "2d"
            self.walks = [self._train(runner) for runner in self.runners]
        else:
            self.start = start_of(0.0 if start is None else start, "OptimizerRace")
            self.seen = checked_view(view, self.start)
            self._run_all(bounds, minima)
        self.target = float(target) if target is not None else self._target()

    # -- running ---------------------------------------------------------------------------------------------------
    def _run_all(self, bounds: Any, minima: Sequence[Any]) -> None:
        """All walks on a function of numbers, the ground under them, and the program for the browser."""
        names = names_of(self.fn, len(self.start))
        places = [start_of(place, "OptimizerRace (minima)") for place in minima]
        self.walks = [self._walk(runner, self.start, self.steps) for runner in self.runners]
        sides = box(bounds, [walk.path for walk in self.walks], places)
        with undisturbed(self.seed):
            self.terrain = Terrain(self.surface or self.fn, sides, names, seed=self.seed, minima=places)
        with undisturbed():  # not from the seed: noise must differ between recordings to be seen as noise
            try:
                self.program = program(self.fn, [self.start, *corners(sides)])
            except NeedsKernel as reason:
                self.why = str(reason)
        if self.surface is not None:
            self.program, self.why = None, self.why or "the walks are on another function than the one drawn"

    def _walk(self, runner: Runner, start: Sequence[float], steps: int) -> Walk:
        """One runner's walk on the function."""
        with undisturbed(self.seed), named(runner.name):
            walk = descend(self.fn, start, runner.make, steps, clip=self.clip)
        if self.surface is not None:
            walk.losses = [self._height(place) for place in walk.path]
        return walk

    def _height(self, place: Sequence[float]) -> float:
        """The function that is drawn, at a place."""
        import gradviz as torch

        assert self.surface is not None
        with undisturbed(self.seed), torch.no_grad():
            return float(checked(self.surface(*(torch.tensor(v) for v in place))).item())

    def _train(self, runner: Runner) -> Walk:
        """One runner's training of its own copy of the model."""
        with undisturbed(self.seed), named(runner.name):
            own = copy.deepcopy(self.model)
            leaves = [p for p in own.parameters() if p.requires_grad]
            for leaf in leaves:
                leaf.grad = None
            reseed(self.seed)
            fn: Any = self.fn
            return steps_of(leaves, lambda: checked(fn(own)), runner.make, self.steps, clip=self.clip)

    def _target(self) -> float:
        """1 % of the way up from the best loss of all to the start."""
        fine = [v for walk in self.walks for v in walk.losses if math.isfinite(v)]
        best, first = min(fine, default=0.0), self.walks[0].losses[0]
        if not (math.isfinite(first) and first > best):
            return best
        exact = best + 0.01 * (first - best)
        return max(float(f"{exact:.3g}"), best)

    # -- from the page ---------------------------------------------------------------------------------------------
    def hear(self, message: Any, buffers: Any) -> None:
        """The page asks for walks from another start, of the runners that it cannot run itself."""
        start = start_of(message["start"], "OptimizerRace")
        steps = min(max(1, int(message["steps"])), max(LIVE_STEPS, self.steps))
        which = [int(i) for i in message["which"] if 0 <= int(i) < len(self.runners)]
        if not self.start or len(start) != len(self.start):
            raise ValueError("this race has no start that could be moved")
        stride = every(steps, len(self.runners))

        def answer() -> None:
            made = {str(i): walk_json(self._walk(self.runners[i], start, steps), stride) for i in which}
            self.tell({"id": message.get("id"), "start": start, "steps": steps, "walks": made})

        self.between_cells(answer)

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Everything the picture shows, and what lets the browser go on from there."""
        stride = every(self.steps, len(self.walks))
        return {
            "format": "gradviz.optimizer_race/1",
            "title": self.title_of,
            "terrain": self.terrain.to_json() if self.terrain else None,
            "start": [safe(v) for v in self.start],
            "steps": self.steps,
            "every": stride,
            "target": safe(self.target),
            "clip": self.clip,
            "view": self.seen,
            "timeline": self.timeline,
            "program": self.program,
            "why": line(self.why, 300),
            "single": float32(),
            "runners": [
                {
                    "name": runner.name,
                    "optimizer": line(walk.name, 60),
                    "recipe": walk.recipe,
                    "why": line(self.why or walk.why, 300),
                    "calls": walk.calls,
                    "about": about(walk, self.clip) if walk.path else None,
                    # what the browser can run again it works out itself when a step is opened
                    "walk": walk_json(walk, stride, whole=not (walk.recipe and self.program)),
                }
                for runner, walk in zip(self.runners, self.walks, strict=True)
            ],
        }

    data = to_json

    def to_svg(self, view: str | None = None) -> str:
        """The map (or with `view="3d"` the surface) with all trails, and the losses below."""
        if view is not None and self.terrain is None:
            raise ValueError("The race of a model has no map; to_svg() draws its losses.")
        shown = self.seen if view is None else checked_view(view, self.start)
        return race_svg.draw(self, shown)

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it playable where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "optimizer_race", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="Results as a table"
        )

    def title(self) -> str:
        """One line that says what is seen."""
        names = ", ".join(runner.name for runner in self.runners[:6])
        more = f" and {len(self.runners) - 6} more" if len(self.runners) > 6 else ""
        where = self.terrain.names if self.terrain else []
        place = ", ".join(f"{name} = {number(v)}" for name, v in zip(where, self.start, strict=True))
        return f"Race on {self.title_of}: {names}{more}; {self.steps} steps" + (f" from {place}" if place else "")

    def reached(self, walk: Walk) -> int | None:
        """The first step with a loss as low as the target."""
        return next((k for k, loss in enumerate(walk.losses) if loss <= self.target), None)

    def fate(self, walk: Walk) -> str:
        """What became of a runner: nothing if it is in the picture, else when it left."""
        for k, loss in enumerate(walk.losses):
            if not math.isfinite(loss) or not all(map(math.isfinite, walk.path[k] if walk.path else ())):
                return f"not a finite number from step {k}"
        if self.terrain is None or not walk.path:
            return ""
        out = [
            any(not low <= v <= high for v, (low, high) in zip(place, self.terrain.bounds, strict=True))
            for place in walk.path
        ]
        if not out[-1]:
            return ""
        left = len(out) - next((i for i, gone in enumerate(reversed(out)) if not gone), len(out))
        return f"left the picture at step {left}"

    def table(self) -> list[list[str]]:
        """One row for each runner: losses, the step at which it reached the target, what became of it."""
        goal = f"loss ≤ {number(self.target)}"
        rows = [["", "optimiser", "loss at the end", "lowest loss", goal, "evaluations", ""]]
        for runner, walk in zip(self.runners, self.walks, strict=True):
            lowest = min((v for v in walk.losses if not math.isnan(v)), default=math.nan)
            step = self.reached(walk)
            rows.append(
                [
                    *(runner.name, line(walk.name, 60), number(walk.losses[-1]), number(lowest)),
                    *("not reached" if step is None else f"step {step}", str(walk.calls), self.fate(walk)),
                ]
            )
        return rows

    def to_text(self) -> str:
        """The text twin: the title, the results, and the losses at some steps."""
        last = self.steps
        at = sorted({round(last * i / (ROWS - 1)) for i in range(ROWS)})
        rows = [["step", *(runner.name for runner in self.runners)]]
        rows += [[str(k), *(number(walk.losses[k]) for walk in self.walks)] for k in at]
        return "\n".join([self.title(), *aligned(self.table(), left=2), "", "Losses", *aligned(rows)])


def titled(fn: Any, model: Any) -> str:
    """What the race is about."""
    name = str(getattr(fn, "__name__", type(fn).__name__))
    if model is not None:
        return line(f"the loss of {type(model).__name__}", 60)
    return "a function" if name == "<lambda>" else line(name, 60)


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Says whose step it was when something goes wrong in it."""
    try:
        yield
    except Exception as error:
        error.add_note(f"This happened to the runner {name!r} of the OptimizerRace.")
        raise


def runners(given: Mapping[str, Any] | Sequence[Any] | None, lr: float | None) -> list[Runner]:
    """The runners, each with a name of its own."""
    import gradviz as torch

    if given is None:
        given = {
            "SGD": (torch.optim.SGD, {"lr": lr or 1e-3}),
            "momentum": (torch.optim.SGD, {"lr": lr or 1e-3, "momentum": 0.9}),
            "RMSprop": (torch.optim.RMSprop, {"lr": lr or 1e-2}),
            "Adam": (torch.optim.Adam, {"lr": lr or 5e-2}),
        }
    pairs = list(given.items()) if isinstance(given, Mapping) else [(None, one) for one in given_list(given)]
    if not pairs:
        raise ValueError("OptimizerRace needs at least one optimiser.")
    if len(pairs) > MOST:
        raise ValueError(f"OptimizerRace shows at most {MOST} runners; got {len(pairs)}.")
    out: list[Runner] = []
    for name, one in pairs:
        label, make = maker(one, lr)
        text = line(str(label if name is None else name), 40) or "unnamed"
        same = sum(other.name == text or other.name.startswith(f"{text} (") for other in out)
        out.append(Runner(f"{text} ({same + 1})" if same else text, make))
    return out


def given_list(given: Any) -> list[Any]:
    """What stands in a list of optimisers; a single one is a list of one."""
    if isinstance(given, str):
        raise TypeError(wrong(given))
    return [given] if callable(given) else list(given)


def maker(one: Any, lr: float | None) -> tuple[str, Callable[[list[Any]], Any]]:
    """The name of an entry, and what makes its optimiser from the parameters."""
    if isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str):
        return str(one[0]), maker(one[1], lr)[1]
    if isinstance(one, tuple) and len(one) == 2 and callable(one[0]) and isinstance(one[1], Mapping):
        options = dict(one[1])
        if lr is not None:
            options.setdefault("lr", lr)
        text = ", ".join(f"{key}={number(v) if isinstance(v, float) else v}" for key, v in one[1].items())
        return f"{called(one[0])} {text}".strip(), functools.partial(one[0], **options)
    if isinstance(one, type):
        return one.__name__, functools.partial(one, lr=lr) if lr is not None else one
    if isinstance(one, functools.partial):
        text = ", ".join(f"{key}={number(v) if isinstance(v, float) else v}" for key, v in one.keywords.items())
        plain = isinstance(one.func, type) and lr is not None and "lr" not in one.keywords
        return f"{called(one.func)} {text}".strip(), functools.partial(one, lr=lr) if plain else one
    if callable(one):
        return called(one), one
    raise TypeError(wrong(one))


def called(fn: Any) -> str:
    """What a function or class is called."""
    name = getattr(fn, "__name__", type(fn).__name__)
    return "custom" if name == "<lambda>" else str(name)


def wrong(one: Any) -> str:
    """What to do instead."""
    made = f" {type(one).__name__} is an optimiser that already has its parameters." if hasattr(one, "step") else ""
    return (
        f"An entry of optimizers must be a class, a pair of a class and a dict of its options, or a function from "
        f"parameters to an optimiser; got {type(one).__name__}.{made} For instance "
        '{"Adam": lambda params: Adam(params, lr=0.1)} or [(Adam, {"lr": 0.1})].'
    )
