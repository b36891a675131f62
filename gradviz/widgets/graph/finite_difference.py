"""Finite-difference checks: is the gradient that backward computed the slope of what forward computes?

For a leaf x and a direction d the operations are run again at x + h d and x - h d, in float64, and

    (f(x + h d) - f(x - h d)) / 2h        is held against        the sum of  gradient * d

up to four elements: along each; larger tensors: along one fixed random direction of signs, which sees every element,
and at two elements. h is the cube root of the machine precision times the size of x, where the error of a central
difference is least (Press et al., Numerical Recipes, 3rd ed., section 5.7). They agree within 0.001 of the larger
(`torch.autograd.gradcheck`'s rtol) for float32. At a corner (relu at 0, a tie of max) there is no slope to compare
with, and the check says so.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gradviz.core import events
from gradviz.core.backward import Backward
from gradviz.core.node import edge_of
from gradviz.core.record import Recording
from gradviz.core.tensor import Tensor
from gradviz.viz.numbers import number
from gradviz.widgets.graph.breakpoints import short
from gradviz.widgets.graph.observed_pass import Gradients, Pass, host, last_pass, of_record
from gradviz.widgets.graph.rerun import CannotRun, Part, Rerun, eps_of

EACH = 4  # elements up to which each is checked
BUDGET = 0.4e6  # rough microseconds that the leaves may take
MORE = 0.2e6  # and then the results in between
LARGE = 4096  # elements above which a result in between is not checked
# Rules that are right for what they are used for, and not the slope of every input there is.
MEANT = {"ctc_loss": "its rule takes for granted that the inputs are log-probabilities, as in PyTorch"}
RTOL = {8: 1e-4, 4: 1e-3, 2: 5e-2}  # by bytes of the gradient's numbers; complex ones count half


class Check(NamedTuple):
    """What became of the check of one node: `ok`, `bad` or `unsure`, in words, and the numbers side by side."""

    n: int
    kind: str
    text: str
    rows: tuple[tuple[str, float, float], ...]  # where, gradient, finite difference
    culprit: int | None = None


# -- the checks -------------------------------------------------------------------------------------------------------
class Checker:
    """Checks the gradients of one backward pass of a recording."""

    def __init__(self, recording: Recording, gradients: Gradients, root: int, result: Tensor | None) -> None:
        self.recording, self.gradients, self.root = recording, gradients, root
        self.nodes = recording.nodes
        self.spent = 0.0
        self.left_out = 0  # results in between that were not checked
        self.largest = max((_top(g) for g in gradients.of.values()), default=1.0)
        self._widened: dict[int, Any] | None = None
        self.rerun: Rerun | None = None
        moved = next((i for i, step in enumerate(recording.steps) if step["kind"] == "optimizer"), None)
        if moved is not None and any(step is last_pass(recording)[0] for step in recording.steps[moved:]):
            self.why = "an optimizer has moved the leaves since they were recorded"
            return
        try:
            self.rerun = self._faithful(result, wide=True)
        except CannotRun as error:
            self.why = str(error)
            try:
                self.rerun = self._faithful(result, wide=False)
            except CannotRun:
                self.rerun = None

    def _faithful(self, result: Tensor | None, *, wide: bool) -> Rerun:
        """The operations, if they give again what was recorded."""
        made = Rerun(self.recording, self.root, result, wide=wide)
        again, told = made.host(made.base[self.root]), self.nodes[self.root]["value"]
        shown = None if told is None else told["norm"]
        norm = float(np.linalg.norm(again.reshape(-1).astype(complex)))
        tolerance = 10 * _rtol(np.dtype(from_name(self.nodes[self.root]["dtype"])))
        if shown is not None and math.isfinite(norm) and abs(norm - shown) > tolerance * max(abs(shown), 1e-3):
            raise CannotRun(f"run again, the operations give {number(norm)} instead of {number(shown)}")
        return made

    def all(self) -> list[Check]:
        """Every leaf, then as many results in between as are cheap."""
        leaves = [n["n"] for n in self.nodes if n["kind"] == "leaf" and n["requires_grad"]]
        reached = [n for n in leaves if n in self.gradients.of or self._reaches(n)]
        found = [self.check(n, BUDGET) for n in reached]
        if self.rerun is None:
            return found
        inner = [n for part in self.rerun.parts for n in part.outputs if n != self.root and n in self.gradients.of]
        limit = self.spent + MORE
        self.left_out = len(inner)
        for n in reversed(inner):  # from the end, where less follows
            if self.gradients.of[n].size > LARGE:
                continue
            if self.spent + 2 * self.rerun.cost(n) > limit:
                break
            found.append(self.check(n, limit))
            self.left_out -= 1
        return found

    def _reaches(self, n: int) -> bool:
        return self.rerun is not None and bool(self.rerun.after(n))

    def check(self, n: int, limit: float) -> Check:
        """One node."""
        name = self.name(n)
        if self.rerun is None:
            return Check(n, "unsure", f"{name}: cannot tell, {self.why}", ())
        why = self.rerun.why_not(n)
        gradient = self.gradients.of.get(n)
        if why is None and gradient is None:
            large = any(m["to"] == n for step in self.recording.steps for m in step.get("messages", ()))
            why = (
                "a tape keeps only the statistics of so large a gradient: give the function instead"
                if large
                else "no gradient reached it in this pass"
            )
        if why is None and self.hooked(n):
            why = f"a hook changed the gradient on its way ({self.hooked(n)})"
        each = 2 * self.rerun.cost(n)
        if why is None and self.spent + each > limit:
            why = "this graph is too large to be run again so often"
        if why is not None:
            return Check(n, "unsure", f"{name}: cannot tell, {why}", ())
        rows: list[tuple[str, float, float]] = []
        verdict, said = "ok", ""
        for where, direction in directions(n, gradient):
            if self.spent + 3 * each > limit and rows:
                break
            self.spent += each
            kind, words, analytic, numeric = self._along(n, gradient, direction)
            rows.append((where, analytic, numeric))
            if kind == "bad" or (kind == "unsure" and verdict == "ok"):
                verdict, said = kind, f"{where}: {words}" if where and words else words
        culprit, blame = self._blame(n) if verdict == "bad" else (None, "")
        known = next((part.name for part in self.rerun.parts if culprit in part.outputs and part.name in MEANT), None)
        if known:
            verdict, said = "unsure", f"because of {known}: {MEANT[known]}"
        return Check(n, verdict, _sentence(name, verdict, rows, said, blame), tuple(rows), culprit)

    def _along(self, n: int, gradient: Any, direction: Any) -> tuple[str, str, float, float]:
        """The verdict for one direction, why, and the two numbers."""
        rerun = self.rerun
        assert rerun is not None
        analytic = float(np.sum((np.conj(gradient) * direction).real, dtype=np.float64))
        x = rerun.host(rerun.base[n])
        eps = max(rerun.precision(), float(np.finfo(np.float64).eps))
        at = np.abs(x[direction != 0]) if x.ndim else np.abs(x)
        at = at[np.isfinite(at)] if np.isfinite(at).any() else np.ones(1)
        h = eps ** (1 / 3) * max(1.0, float(np.sqrt(np.mean(np.square(at, dtype=np.float64)))))
        tolerance = _rtol(gradient.dtype) * (1 if eps < 1e-10 else 20)
        scale = _top(gradient) if np.count_nonzero(direction) == 1 else float(np.linalg.norm(gradient.reshape(-1)))
        here = self._value(rerun.host(rerun.base[self.root]))
        gaps = []
        for step in (h, h / 10, h / 100) if eps < 1e-10 else (h,):
            up, down = (self._at(n, x + s * step * direction) for s in (1, -1))
            if not (math.isfinite(analytic) and math.isfinite(up) and math.isfinite(down)):
                return "unsure", f"here {_oddity(analytic, up, down)}", analytic, math.nan
            noise = 8 * eps * max(abs(up), abs(down), abs(here)) / step
            right, left, numeric = (up - here) / step, (here - down) / step, (up - down) / (2 * step)
            numeric = 0.0 if abs(numeric) <= noise else float(f"{numeric:.7g}")
            within = tolerance * (max(abs(analytic), abs(numeric)) + 0.1 * scale) + noise
            gaps.append(abs(right - left))
            if abs(right - left) <= 0.01 * (abs(right) + abs(left)) + 4 * noise + 1e-3 * scale:
                break
        else:
            if gaps[-1] > 0.3 * gaps[0] and eps < 1e-10:
                return self._corner(analytic, numeric, left, right, within, jumps=gaps[-1] > 30 * gaps[0])
        if abs(analytic - numeric) <= within:
            return "ok", "", analytic, numeric
        # Is it the rule, or the rounding of the gradient's own type? Backward in float64 tells the two apart.
        floor = 50 * eps_of(gradient.dtype) * max(self.largest, scale)
        if abs(analytic - numeric) <= floor:
            wide = self._wide(n)
            exact = None if wide is None else float(np.sum((np.conj(wide) * direction).real))
            if exact is None:
                return "unsure", "the difference is within the rounding of the gradients here", analytic, numeric
            if abs(exact - numeric) <= 1e-4 * (max(abs(exact), abs(numeric)) + 0.1 * scale) + noise:
                return "ok", "", analytic, numeric
        return "bad", "", analytic, numeric

    def _wide(self, n: int) -> Any:
        """The gradient of a node as backward computes it in float64; None where that cannot be had."""
        if self._widened is None:
            self._widened = {}
            with contextlib.suppress(Exception):
                self._widened = contextvars.Context().run(self._backward)
        return self._widened.get(n)

    def _backward(self) -> dict[int, Any]:
        assert self.rerun is not None
        made = self.rerun.tensors()
        if made is None:
            return {}
        seed, root = self.gradients.seed, made[self.root]
        given = None if seed is None else [Tensor._of(self.rerun.like(self.root, seed), self.rerun.device)]
        seen = Pass()
        with events.observe(seen):
            Backward([root], given).run()
        edges = {id(edge_of(t)): n for n, t in made.items() if edge_of(t) is not None}
        return {edges[id(e)]: host(e, g) for e, g in seen.sums.items() if id(e) in edges}

    def _corner(
        self, analytic: float, numeric: float, left: float, right: float, within: float, *, jumps: bool
    ) -> tuple[str, str, float, float]:
        if jumps:
            return "unsure", "the function jumps here: it has no slope to compare with", analytic, math.nan
        slopes = f"a corner, with slope {number(left)} on one side and {number(right)} on the other"
        if min(left, right) - within <= analytic <= max(left, right) + within:
            return "unsure", f"{slopes}; backward takes {number(analytic)}", analytic, numeric
        return "bad", slopes, analytic, numeric

    def _at(self, n: int, x: Any) -> float:
        rerun = self.rerun
        assert rerun is not None
        made = rerun.with_values({n: rerun.like(n, x)})
        return self._value(rerun.host(made.get(self.root, rerun.base[self.root])))

    def _value(self, root: Any) -> float:
        """The number that is differentiated: the root, or its product with the gradient that backward started with."""
        seed = self.gradients.seed
        if seed is None or (root.size == 1 and root.dtype.kind != "c" and float(seed.reshape(-1)[0]) == 1.0):
            return float(root.reshape(-1)[0].real)
        return float(np.sum((np.conj(seed) * root).real, dtype=np.float64))

    # -- who is to blame -------------------------------------------------------------------------------------------
    def hooked(self, n: int) -> str | None:
        """Where between the root and a node a hook changed the gradient."""
        assert self.rerun is not None
        reached = {n, *(o for part in self.rerun.after(n) for o in part.outputs)}
        for outputs, grads, _ in self.gradients.sent:
            for m, g in zip(outputs, grads, strict=True):
                so = self.gradients.of.get(m) if m is not None else None
                if m in reached and m != n and m in self.gradients.hooked:
                    return f"what {self.name(int(m or 0))} passes on"
                if m in reached and so is not None and g is not None and not np.array_equal(so, g, equal_nan=True):
                    return f"that of {self.name(int(m or 0))}"
        return None

    def _blame(self, n: int) -> tuple[int | None, str]:
        """The call, between a node and the root, that passes on what is not its own slope."""
        assert self.rerun is not None
        made = {o: part for part in self.rerun.after(n) for o in part.outputs}
        for outputs, grads, messages in self.gradients.sent:
            part = next((made[o] for o in outputs if o in made), None)
            if part is None or any(g is None for g in grads) or len(part.outputs) != len(grads):
                continue
            for to, _slot, product in messages:
                wrong = None if to is None or product is None else self._local(part, int(to), product, grads, messages)
                if wrong is not None:
                    m = next(int(o) for o in outputs if o is not None)
                    who = f"your Function {short(part.name)}" if part.own else f"the operation {short(part.name)}"
                    name = f", as {self.name(m)}," if self.name(m) != short(part.name) else ""
                    sent = f"passes on {wrong[0]} to {self.name(int(to or 0))}"
                    return m, f"{who}{name} {sent} where its slope gives {wrong[1]}"
        return None, ""

    def _local(self, part: Part, to: int, product: Any, grads: Any, messages: Any) -> tuple[str, str] | None:
        """(passed on, right) along the first direction in which a call alone is wrong."""
        rerun = self.rerun
        assert rerun is not None
        positions = [i for i, given in enumerate(part.inputs) if given == to]
        total = sum(p for t, _, p in messages if t == to)
        for _, direction in directions(to, product):
            x = rerun.host(rerun.base[to])
            h = 6e-6 * max(1.0, float(np.abs(x).max(initial=0)))
            sides = []
            for sign in (1, -1):
                moved = rerun.like(to, x + sign * h * direction)
                given = [
                    moved if i in positions else None if n is None else rerun.base[n] for i, n in enumerate(part.inputs)
                ]
                try:
                    sides.append(rerun.call(part, given))
                except Exception:
                    return None
            numeric = sum(
                float(np.sum((np.conj(g) * (a - b)).real)) / (2 * h) for g, a, b in zip(grads, *sides, strict=True)
            )
            analytic = float(np.sum((np.conj(total) * direction).real, dtype=np.float64))
            if abs(analytic - numeric) > 10 * _rtol(product.dtype) * max(
                abs(analytic), abs(numeric), 0.1 * _top(total)
            ):
                return number(analytic), number(numeric)
        return None

    def name(self, n: int) -> str:
        node = self.nodes[n]
        return short(str(node.get("variable") or node["label"] or node["op"]))


def directions(n: int, gradient: Any) -> Iterator[tuple[str, Any]]:
    """(where, direction): each element of a small tensor; of a larger one random signs, and two elements."""
    size, complex_ = gradient.size, gradient.dtype.kind == "c"
    units = (("", 1.0), (" imaginary", 1j)) if complex_ else (("", 1.0),)
    kind = complex if complex_ else float

    def along(k: int) -> Iterator[tuple[str, Any]]:
        for suffix, one in units:
            d = np.zeros(size, kind)
            d[k] = one
            place = ", ".join(str(int(i)) for i in np.unravel_index(k, gradient.shape))
            yield (f"[{place}]{suffix}" if gradient.shape else suffix.strip()), d.reshape(gradient.shape)

    if size <= EACH:
        for k in range(size):
            yield from along(k)
        return
    random = np.random.RandomState(zlib.crc32(repr((n, gradient.shape)).encode()))
    signs = random.choice([-1.0, 1.0], size) + (1j * random.choice([-1.0, 1.0], size) if complex_ else 0.0)
    yield f"along random signs, all {size:,} elements", signs.reshape(gradient.shape)
    known = np.nan_to_num(np.abs(gradient).reshape(-1))
    for k in dict.fromkeys((int(known.argmax()), int(random.randint(size)))):
        yield from along(k)


def _sentence(name: str, kind: str, rows: list[tuple[str, float, float]], said: str, blame: str) -> str:
    numbers = "; ".join(
        f"{where + ': ' if where else ''}backward {number(a)}, finite difference {number(b)}" for where, a, b in rows
    )
    if kind == "unsure":
        return f"{name}: cannot tell, {said}"
    if kind == "ok":
        return f"{name}: {numbers}"
    return f"{name}: {numbers}{'; ' + said if said else ''}{'. To blame: ' + blame if blame else ''}"


def _oddity(analytic: float, up: float, down: float) -> str:
    if not math.isfinite(analytic):
        return f"the gradient is {number(analytic)}"
    return (
        "the function is not finite on both sides"
        if not (math.isfinite(up) or math.isfinite(down))
        else ("the function is not finite on one side")
    )


def _top(g: Any) -> float:
    return float(np.nan_to_num(np.abs(g), posinf=0.0).max(initial=0.0))


def _rtol(kind: Any) -> float:
    return RTOL.get(kind.itemsize // (2 if kind.kind == "c" else 1), 1e-3)


def from_name(name: str) -> Any:
    """The NumPy type of a record's dtype."""
    from gradviz.core import dtype as dtypes

    return getattr(dtypes, name.removeprefix("torch.")).numpy


def checks(recording: Recording, seen: Pass, result: Tensor | None) -> tuple[list[Check], str]:
    """The checks of the last backward pass of a recording, and what was left out; the random state stays as it was."""
    from gradviz.random import get_rng_state, set_rng_state

    ran = last_pass(recording)
    if not ran:
        return [], ""
    gradients = of_record(recording) if seen.session is None else seen.numbered(recording.recorder)
    state = get_rng_state()
    try:
        checker = Checker(recording, gradients, int(ran[0]["root"]), result)
        found = checker.all()
    finally:
        set_rng_state(state)
    left = checker.left_out
    return found, f"{left} results in between were not checked: too large, or too many" if left else ""
