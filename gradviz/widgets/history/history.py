"""`watch`: what happens to every parameter and activation during training, iteration by iteration, as plain numbers.

    with watch(model, optimizer) as history:
        for x, y in loader:
            optimizer.zero_grad(); loss(model(x), y).backward(); optimizer.step()
    GradFlow(history)

Without an optimizer the loop says itself when an iteration is over:

    history = watch(model)
    for ...:
        loss.backward()
        with torch.no_grad():
            for p in model.parameters(): p -= lr * p.grad; p.grad = None
        history.step()

An iteration is one step of the optimizer. Watching reads and never writes: no hook on the model, no draw of a random
number, no tensor kept. Memory is bounded: at most `keep` iterations are held (histograms of at most 64); when there
would be more, every second one is let go and from then on twice as many are passed over, at no cost.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, Self

from gradviz.core import events
from gradviz.core.tensor import Tensor
from gradviz.nn.parameter import is_lazy
from gradviz.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from gradviz.widgets.history.history_activations import Activations
from gradviz.widgets.history.history_bins import distribution
from gradviz.widgets.history.history_data import KINDS, PARAMETER
from gradviz.widgets.history.history_data import History as History
from gradviz.widgets.history.history_data import Iteration as Iteration
from gradviz.widgets.history.history_measure import array_of, gradient, kinds_of, named_of, weight


class Watch(History):
    """A history that is being written: see `watch`."""

    def __init__(
        self, named: dict[str, Tensor], module: Any, optimizer: Any, every: int, keep: int, activations: bool,
        histograms: tuple[str, ...],
    ) -> None:  # fmt: skip
        super().__init__()
        self.stride = self._spacing = every
        self.open = True
        self._keep, self._histograms = keep, histograms
        self._params, self.kinds = named, kinds_of(module)
        self._optimizer = weakref.ref(optimizer) if optimizer is not None else None
        self._heard = Activations(module, "activations" in histograms) if activations else None
        self._by_hand = optimizer is None  # until an optimizer steps
        self._row: Iteration | None = None
        self._before: dict[str, Any] = {}
        self._listening = False
        self._passed = False  # whether the iteration has had a backward pass, by hand
        self._forward = True  # whether it has not begun one
        me = weakref.ref(self)
        self._listener = _told(me, "_hear")
        before, after = _told(me, "_stepping"), _told(me, "_stepped")
        self._handles = [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]
        self._end = weakref.finalize(self, _undo, self._handles, self._listener)
        self._begin()

    # -- an iteration ----------------------------------------------------------------------------------------------
    def step(self, gradients: Any = None) -> None:
        """End an iteration by hand, in a loop without an optimizer, after its parameters were changed.

        Args:
            gradients: those the step used, where they are not in `.grad`: a list like the parameters, or by name.
        """
        if not self.open:
            raise RuntimeError("this history is closed: call watch() again to go on watching")
        if self._row is not None:
            if gradients is not None:
                self._gradients(self._by_name(gradients))
            elif not self._passed:
                self._gradients()
        self._finish()

    def close(self) -> None:
        """Stop watching; what was measured stays."""
        if self.open:
            self.open = False
            self._end()
            self._params, self._heard, self._row, self._before = {}, None, None, {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self) -> None:
        """Before an iteration that will be kept: note the parameters as they are, and start to listen."""
        self._row, self._before, self._passed, self._forward = None, {}, False, True
        if self.count % self.stride:
            return
        self._row = Iteration(self.count)
        self._before = {name: array_of(p).copy() for name, p in self._params.items() if not is_lazy(p)}
        if self._heard is not None or self._by_hand:
            self._listen()

    def _finish(self) -> None:
        """The parameters have been changed: measure the change, keep the iteration, begin the next."""
        row = self._row
        self._quiet()
        if row is not None:
            for name, p in self._params.items():
                if not is_lazy(p):
                    self.shapes.setdefault(name, list(p.shape))
                    facts = dict.fromkeys(PARAMETER)
                    facts.update(row.parameters.get(name, {}))
                    facts.update(weight(array_of(p), self._before.get(name)))
                    row.parameters[name] = facts
                    if self._wanted("parameters"):
                        was = self._before.get(name, array_of(p))
                        row.histograms["parameters", name] = distribution(was)
            if self._heard is not None:
                row.activations, spread = self._heard.taken()
                self.order = self._heard.order
                if self._wanted("activations"):
                    row.histograms.update({("activations", name): one for name, one in spread.items()})
            self.rows.append(row)
            self._thin(self._keep)
        self.count += 1
        self._begin()

    def _wanted(self, kind: str) -> bool:
        return kind in self._histograms and self._row is not None and self._row.index % self._spacing == 0

    def _gradients(self, given: Mapping[str, Any] | None = None) -> None:
        """Measure the gradients as they are now."""
        assert self._row is not None
        for name, p in self._params.items():
            g = given.get(name) if given is not None else p.grad
            if g is None or is_lazy(p):
                continue
            array = array_of(g)
            self._row.parameters[name] = gradient(array)
            if self._wanted("gradients"):
                self._row.histograms["gradients", name] = distribution(array)

    def _by_name(self, gradients: Any) -> dict[str, Any]:
        if isinstance(gradients, Mapping):
            unknown = set(gradients) - set(self._params)
            if unknown:
                raise KeyError(f"no parameter is called {min(unknown)!r}; there are {', '.join(self._params)[:300]}")
            return dict(gradients)
        listed = list(gradients)
        if len(listed) != len(self._params):
            raise ValueError(f"step() was given {len(listed)} gradients for {len(self._params)} parameters")
        return dict(zip(self._params, listed, strict=True))

    # -- what is heard ---------------------------------------------------------------------------------------------
    def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            events.listen(self._listener)

    def _quiet(self) -> None:
        if self._listening:
            self._listening = False
            events.unlisten(self._listener)

    def _hear(self, event: Any) -> None:
        kind = type(event)
        if kind is events.BackwardEnd:
            if self._by_hand and self._row is not None and any(p.grad is not None for p in self._params.values()):
                self._passed = True
                self._gradients()
        elif kind is events.BackwardBegin:
            self._forward = False
            if not self._by_hand:  # the rest of the iteration goes on unheard, at full speed
                self._quiet()
        elif self._heard is not None and self._forward:
            self._heard(event)

    def _mine(self, optimizer: Any) -> bool:
        if self._optimizer is not None:
            return self._optimizer() is optimizer
        own = {id(p) for p in self._params.values()}
        return any(id(p) in own for group in optimizer.param_groups for p in group["params"])

    def _stepping(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._mine(optimizer):
            self._by_hand = False
            if self._row is not None:
                self._row.parameters = {}
                self._gradients()

    def _stepped(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        if self._mine(optimizer):
            if self._row is not None and (args[1:] or kwargs):  # a closure made the gradients anew
                self._gradients()
            self._finish()


def _told(me: weakref.ref[Watch], method: str) -> Any:
    """A hook that does not keep its watch alive, and that stops the watch, not the run, when it fails."""

    def call(*args: Any) -> None:
        watch = me()
        if watch is None or not watch.open:
            return
        try:
            getattr(watch, method)(*args)
        except Exception as error:
            watch.close()
            warnings.warn(f"watching stopped: {type(error).__name__}: {error}", stacklevel=2)

    return call


def _undo(handles: list[Any], listener: Any) -> None:
    for handle in handles:
        handle.remove()
    with contextlib.suppress(KeyError):  # not listening
        events.unlisten(listener)


def watch(
    what: Any,
    optimizer: Any = None,
    *,
    every: int = 1,
    keep: int = 256,
    activations: bool = True,
    histograms: bool | str | Sequence[str] = False,
) -> Watch:
    """Measure every parameter and activation at each iteration, until `close()` or the end of the `with` block.

    Args:
        what: a module; or parameters, as a list, as pairs (name, tensor), or as a dict.
        optimizer: whose steps are the iterations. Without one it is any that changes a parameter that is watched; in a
            loop without optimizers call `step()` on what is returned.
        every: measure one of so many iterations; the others cost nothing.
        keep: hold at most so many iterations.
        activations: also measure activations; only a module has them. They are those of the forward passes until the
            iteration's first backward.
        histograms: True, or which of "parameters", "gradients", "activations".

    Parameters are measured as the iteration begins, which is where its gradients were taken, and non-finite values in
    them as it ends. Gradients are measured as the optimizer finds them: after clipping, unscaling and accumulation.
    Without an optimizer they are those that the last backward left. Norms are computed in double precision. `ratio` is
    the norm of the update by the norm of the parameter before it.
    """
    named, module = named_of(what)
    if not named:
        raise ValueError(f"watch(): the {type(what).__name__} has no parameters, so there is nothing to watch")
    if optimizer is not None and not hasattr(optimizer, "param_groups"):
        raise TypeError(
            f"watch(): the optimizer is of type {type(optimizer).__name__}\n"
            "It must be a subclass of gradviz.optim.Optimizer; for one of your own call history.step()."
        )
    for name, value in (("every", every), ("keep", keep)):
        if isinstance(value, bool) or not isinstance(value, int) or value < (1 if name == "every" else 2):
            raise ValueError(
                f"watch(): {name} must be a whole number, at least {1 if name == 'every' else 2}; got {value!r}"
            )
    wanted = (histograms,) if isinstance(histograms, str) else histograms or ()
    heard = activations and module is not None
    wanted = tuple(kind for kind in KINDS if heard or kind != "activations") if wanted is True else tuple(wanted)
    for kind in wanted:
        if kind not in KINDS:
            raise ValueError(f"watch(): histograms of {kind!r} are not known; there are {', '.join(KINDS)}")
    if "activations" in wanted and not heard:
        raise ValueError("watch(): histograms of activations need a module, and activations=True")
    return Watch(named, module, optimizer, every, keep, heard, wanted)


def snapshot(what: Any) -> History:
    """A history of one iteration: the gradients and parameters as they are now."""
    named, module = named_of(what)
    made, row = History(), Iteration(0)
    made.kinds = kinds_of(module)
    for name, p in named.items():
        if is_lazy(p):
            continue
        made.shapes[name] = list(p.shape)
        facts = {**dict.fromkeys(PARAMETER), **weight(array_of(p), None)}
        if p.grad is not None:
            facts.update(gradient(array_of(p.grad)))
        row.parameters[name] = facts
    made.rows, made.count = [row], 1
    return made
