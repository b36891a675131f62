"""LBFGS: a step by the curvature that the last gradients show, with a line search if wanted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gradviz.core import events
from gradviz.core.clock import user_line, wrote
from gradviz.core.mode import enable_grad
from gradviz.core.tensor import Tensor

from .line_search import strong_wolfe
from .optimizer import Optimizer
from .options import check_range, check_rate, number
from .update import arithmetic, gather

LISTS = ("old_dirs", "old_stps", "ro", "al")
LATEST = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")


class LBFGS(Optimizer):
    """Newton's method with a curvature guessed from the last `history_size` changes s of the parameters, y of g:

        d = -H g,  H built from H0 = (s y) / (y y) and every kept pair (s, y) with s y > 0
        p <- p + t * d

    A step calls `closure` several times: it clears the gradients, computes the loss and calls backward. All parameters
    are one long vector, in one group. The step size t is `lr` (less in the first iteration), or with
    `line_search_fn="strong_wolfe"` one that lowers the loss and flattens the slope enough.
    Nocedal, 1980. https://docs.pytorch.org/docs/2.13/generated/torch.optim.LBFGS.html

    Args:
        max_iter: iterations in one step
        max_eval: calls of the closure in one step; by default max_iter * 1.25
        tolerance_grad: stop when no element of the gradient is larger
        tolerance_change: stop when the loss or the parameters change by less
    """

    def __init__(
        self, params: Any, lr: Any = 1, max_iter: int = 20, max_eval: int | None = None, tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9, history_size: int = 100, line_search_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_range("learning rate", lr, lr >= 0.0)
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        defaults = {
            "lr": lr, "max_iter": max_iter, "max_eval": max_eval, "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change, "history_size": history_size, "line_search_fn": line_search_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Improve the parameters; returns the loss before the step."""
        (group,) = self.param_groups
        lr, most_calls, tolerance = number(group["lr"]), group["max_eval"], group["tolerance_change"]
        where, params = user_line(), group["params"]
        xp = params[0].device.xp
        # PyTorch keeps the one state there is at the first parameter.
        state = self.state[params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)

        def evaluate() -> Any:
            with enable_grad():
                return closure()

        def look(d: Any, start: list[Any], t: Any) -> tuple[float, Any]:
            self._move(t, d, where)
            found = float(evaluate()), self._gradient()
            for param, array in zip(params, start, strict=True):
                param._array[...] = array
                wrote(param, where)
            return found

        first_loss = evaluate()
        loss, calls = float(first_loss), 1
        state["func_evals"] += 1
        g = self._gradient()
        if abs(g).max() <= group["tolerance_grad"]:
            return first_loss
        own = {name: unwrapped(state.get(name)) for name in LATEST}
        d, t, last_loss = own["d"], own["t"], own["prev_loss"]
        before = [p._array.copy() for p in params] if events.watching else []
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d = -g
                own.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
                t = min(1.0, 1.0 / abs(g).sum()) * lr
            else:
                self._remember(own, g - own["prev_flat_grad"], d * t, group["history_size"])
                d = self._direction(own, state.setdefault("al", [None] * group["history_size"]), g)
                t = lr
            own["prev_flat_grad"], last_loss = g.copy(), loss
            slope = xp.dot(g, d)
            if slope > -tolerance:
                break
            more = 0
            if group["line_search_fn"] is not None:
                if group["line_search_fn"] != "strong_wolfe":
                    raise RuntimeError("only 'strong_wolfe' is supported")
                look_along_d = partial(look, d, [p._array.copy() for p in params])
                loss, g, t, more = strong_wolfe(look_along_d, t, d, loss, g, slope, most_calls - calls)
                self._move(t, d, where)
            else:
                self._move(t, d, where)
                if i != group["max_iter"]:
                    loss, g, more = float(evaluate()), self._gradient(), 1
            calls += more
            state["func_evals"] += more
            if (
                calls >= most_calls
                or abs(g).max() <= group["tolerance_grad"]
                or abs(d * t).max() <= tolerance
                or abs(loss - last_loss) < tolerance
            ):
                break
        own.update(d=d, t=t, prev_loss=last_loss)
        state.update({name: wrapped(own[name], params[0].device) for name in LATEST})
        for param, array in zip(params, before, strict=False):
            events.emit(events.OptimizerStep(self, param, array, param._array))
        return first_loss

    def _remember(self, own: dict[str, Any], y: Any, s: Any, most: int) -> None:
        """Keep the newest pair of changes, unless the curvature between them is not positive."""
        ys = y.dot(s)
        if ys > 1e-10:
            for name, value in (("old_dirs", y), ("old_stps", s), ("ro", 1.0 / ys)):
                if len(own[name]) == most:
                    own[name].pop(0)
                own[name].append(value)
            own["H_diag"] = ys / y.dot(y)

    def _direction(self, own: dict[str, Any], al: list[Any], g: Any) -> Any:
        """-H g, by two passes over the pairs; `al` is written for the state."""
        d = -g
        pairs = list(zip(own["old_dirs"], own["old_stps"], own["ro"], strict=True))
        for i in reversed(range(len(pairs))):
            y, s, ro = pairs[i]
            al[i] = s.dot(d) * ro
            d -= y * al[i]
        d = d * own["H_diag"]
        for i, (y, s, ro) in enumerate(pairs):
            d += s * (al[i] - y.dot(d) * ro)
            al[i] = wrapped(al[i], self.param_groups[0]["params"][0].device)
        return d

    def _gradient(self) -> Any:
        """All gradients as one real vector; zeros where there is none."""
        params = self.param_groups[0]["params"]
        xp = params[0].device.xp
        found = [xp.zeros_like(p._array) if p._grad is None else p._grad._array for p in params]
        return xp.concatenate([gather(xp, [array]) for array in found], axis=None)

    def _move(self, t: Any, d: Any, where: str) -> None:
        """p <- p + t * d"""
        start = 0
        for param in self.param_groups[0]["params"]:
            p = gather(param.device.xp, [param._array])
            arithmetic(param.device.xp, param._array).add(p, d[start : start + p.size].reshape(p.shape), t)
            start += p.size
            wrote(param, where)


def unwrapped(value: Any) -> Any:
    """Kept tensors as arrays; the lists are new ones."""
    if isinstance(value, list):
        return [unwrapped(v) for v in value]
    return value._array[()] if isinstance(value, Tensor) else value


def wrapped(value: Any, device: Any) -> Any:
    """Arrays, and NumPy's numbers, as tensors to keep."""
    if isinstance(value, list):
        return [wrapped(v, device) for v in value]
    return Tensor._of(device.xp.asarray(value), device) if hasattr(value, "dtype") else value
