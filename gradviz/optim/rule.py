"""Rule: the optimisers whose step is one formula, applied to each parameter by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from gradviz.core import events
from gradviz.core.clock import user_line, wrote, wrote_all
from gradviz.core.device import CPU
from gradviz.core.dtype import float32, get_default_dtype
from gradviz.core.tensor import Tensor

from . import blockwise, scaled
from .batch import Batch, Plan
from .optimizer import Optimizer, check_capture, evaluated
from .options import check_implementation, check_ranges, not_captured, number
from .update import SMALL, Arithmetic, arithmetic, gather

# A batch of small arrays is closed when it has this many elements: its temporaries then stay in the cache.
FULL = 16384
# What PyTorch's first versions did not save, and what it then meant.
LATER = {
    "foreach": None, "fused": None, "maximize": False, "capturable": False, "differentiable": False, "amsgrad": False,
    "nesterov": False, "momentum": 0, "centered": False,
}  # fmt: skip


class Rule(Optimizer):
    """Base class of most optimisers. A subclass names what it keeps and writes `_rule`, the mathematics.

    Small parameters with the same number of steps are worked on together, as one long array, since most formulas treat
    each element by itself; `foreach=False` asks for one at a time. The numbers are the same.
    """

    numbers: ClassVar[tuple[str, ...]] = ("step",)  # kept as one number for each parameter; the count of steps first
    elementwise: ClassVar[bool] = True
    kernel: ClassVar[str] = ""  # what devices call a kernel that changes many parameters at once, where they have one
    ahead: ClassVar[bool] = False  # the rule takes such numbers as they are after the step
    own_decay: ClassVar[bool] = False  # the rule sees to weight_decay itself
    capturable: ClassVar[bool] = False  # it can count its steps on a device
    # What PyTorch's error for another device lists, and whether "xla" is among its devices: one by one, and `foreach`.
    captures: ClassVar[tuple[tuple[str, bool], ...]] = (
        ("params and state_steps", True),
        ("params and state_steps", False),
    )
    _step_supports_amp_scaling = False  # whether a GradScaler leaves the dividing and the skipping to this optimiser

    def __init_subclass__(cls, **options: Any) -> None:
        """A rule of one's own is not what the kernel of the class above does."""
        super().__init_subclass__(**options)
        if "_rule" in cls.__dict__ and "kernel" not in cls.__dict__:
            cls.kernel = ""

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self._check_options(defaults)
        check_implementation(type(self).__name__, defaults, self.capturable)
        super().__init__(params, defaults)
        self._plans: dict[int, Plan] = {}  # by the place of their group
        if defaults.get("fused"):
            self._step_supports_amp_scaling = True

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient; returns what `closure` returned."""
        loss = evaluated(closure)
        if self.numbers:
            check_capture(self)
        if self._step_supports_amp_scaling and scaled.skips(self):
            return loss
        where = user_line()
        for place, group in enumerate(self.param_groups):
            names, lr = self._kept(group), group["lr"]
            if isinstance(lr, Tensor) and lr.device is CPU:
                lr = lr.item()
            for batch in self._batches(place, group, names):
                self._change(batch, names, group, lr)
                wrote_all(batch.params, where)
        return loss

    # -- what a subclass says --------------------------------------------------------------------------------------
    def _kept(self, group: dict[str, Any]) -> tuple[str, ...]:
        """The names of the arrays that are kept beside each parameter."""
        raise NotImplementedError

    def _rule(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        """Change `p` by its gradient `g` and what is `kept` (arrays, and the numbers), all in place but `g`."""
        raise NotImplementedError

    def _advanced(self, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> dict[str, Any]:
        """What the numbers besides the count are after this step."""
        return {}

    def _initial(self, name: str, group: dict[str, Any]) -> float:
        """What a kept array or number is filled with at first."""
        return 0.0

    # -- parameters and their state --------------------------------------------------------------------------------
    def _batches(self, place: int, group: dict[str, Any], names: tuple[str, ...]) -> Iterable[Batch]:
        """The parameters with gradients, those that can be changed together in one batch."""
        together = self.elementwise and group.get("foreach") is not False
        if self.numbers or not together:
            return self._sorted(group, names, together)
        params = [param for param in group["params"] if param._grad is not None]
        kept: list[list[Any]] = []  # where the state is, and what is in it
        if names:
            states = [self.state[param] for param in params]
            if any(state.get(names[0]) is None for state in states):
                return self._sorted(group, names, together)
            kept = [states, *([state[name]._array for state in states] for name in names)]
        plan = self._plans.get(place)
        if plan is None or not plan.fits(params, kept):
            batches = list(self._sorted(group, names, together))
            if any(param.device is not CPU for param in params):
                return batches
            plan = self._plans[place] = Plan(batches, names, params, kept)
        return plan.batches

    def _sorted(self, group: dict[str, Any], names: tuple[str, ...], together: bool) -> Iterator[Batch]:
        """The batches, with the state of each parameter made where it is new, and its step counted."""
        params, numbers = group["params"], self.numbers
        together = together and len(set(map(id, params))) == len(params)
        first = (*numbers, *names, None)[0]
        at_once = together and self._kernel(group)
        batches: dict[Any, Batch] = {}
        state, fresh, alike = None, False, ()
        for param in params:
            if param._grad is None:
                continue
            array, device = param._array, param.device
            if first is not None:
                state = self.state[param]
                fresh = state.get(first) is None
                if fresh:
                    self._begin(param, group, names)
                if numbers:
                    counted = state["step"]
                    if counted.device is CPU:
                        if group.get("capturable") and not group.get("fused"):
                            raise AssertionError(not_captured(*self.captures[bool(group.get("foreach"))]))
                        step = counted._array
                        step[...] = step.item() + 1
                        alike = tuple([state[name]._array.item() for name in numbers])
                    else:  # counted where the step is taken
                        alike = ()
            has_kernel = at_once and device is not CPU and at_once in device.forwards
            size = array.size
            if not together or ((size > SMALL or (numbers and not alike)) and not has_kernel):
                batch = Batch(fresh)
                batch.add(param, array, state)
                yield batch
                continue
            key = (array.dtype.num, device, fresh, alike)
            found = batches.get(key)
            if found is None:
                found = batches[key] = Batch(fresh)
            found.params.append(param)
            found.arrays.append(array)
            if state is not None:
                found.states.append(state)
            found.size += size
            if found.size >= FULL and not has_kernel:
                yield batches.pop(key)
        yield from batches.values()

    def _begin(self, param: Any, group: dict[str, Any], names: tuple[str, ...]) -> None:
        """Make the state of a parameter."""
        self._check(param)
        state, array, xp = self.state[param], param._array, param.device.xp
        # On the CPU, so that a step never waits for another device, unless all of it is to happen there.
        place = param.device if self._counts_there(group) else CPU
        kind = float32 if self.capturable and group.get("fused") else get_default_dtype()
        for name in self.numbers:
            state[name] = Tensor._of(place.xp.full((), self._initial(name, group), dtype=kind.numpy), place)
        for name in names:
            value = self._initial(name, group)
            state[name] = Tensor._of(
                xp.full_like(array, complex(value, value) if array.dtype.kind == "c" else value), param.device
            )

    def _counts_there(self, group: dict[str, Any]) -> bool:
        """Whether steps are counted where the parameters are."""
        return self.capturable and bool(group.get("capturable") or group.get("fused"))

    def _check_options(self, options: dict[str, Any]) -> None:
        """Refuse values out of their range."""
        check_ranges(options)

    def _check(self, param: Any) -> None:
        """Refuse a parameter that the formula is not made for."""

    # -- one update ------------------------------------------------------------------------------------------------
    def _change(self, batch: Batch, names: tuple[str, ...], group: dict[str, Any], lr: Any) -> None:
        params, arrays = batch.params, batch.arrays
        device = params[0].device
        xp = device.xp
        before = [array.copy() for array in arrays] if events.watching else None
        if device is not CPU:
            device.enter()
            if before is None and self._by_kernel(batch, names, group, lr):
                return
        counted = bool(self.numbers) and batch.states[0]["step"].device is not CPU
        if counted and len(params) > 1:  # each has a count of its own
            for i, param in enumerate(params):
                single = Batch(batch.fresh)
                single.add(param, arrays[i], batch.states[i])
                self._change(single, names, group, lr)
            return
        if isinstance(lr, Tensor):
            lr = lr._array.reshape(()) if counted and lr.device is device else lr.item()
        if self._step_supports_amp_scaling:
            scaled.divide(self, params)
        p, g = batch.gather(xp, arrays), gather(xp, [param._grad._array for param in params])
        stored = {name: batch.kept(name) for name in names if name in batch.states[0]} if names else {}
        kept: dict[str, Any] = {name: batch.gather(xp, own, name) for name, own in stored.items()}
        for name in self.numbers:
            kept[name] = batch.states[0][name]._array[()]
        if self.numbers:
            kept["step"] = batch.states[0]["step"]._array if counted else kept["step"].item()
        undo = scaled.mask(self, device) if self._step_supports_amp_scaling else None
        old: dict[int, tuple[Any, Any]] = {}
        if undo is not None:
            changed = (p, *(kept[name] for name in stored), *(kept[name] for name in self.numbers if counted))
            old = {id(x): (x, xp.array(x)) for x in changed}
        if counted:
            kept["step"] += 1
        F = batch.F
        if F is None:
            F = batch.F = arithmetic(xp, arrays[0])
        kept["fresh"] = batch.fresh
        if p.size >= blockwise.LARGE and self.elementwise and blockwise.fits((p, g, *(kept[name] for name in stored))):
            blockwise.update(lambda p, g, kept: self._update(F, p, g, kept, group, lr), p, g, kept, stored)
        else:
            self._update(F, p, g, kept, group, lr)
        for now, then in old.values():
            scaled.keep(xp, undo, now, then)
        batch.scatter(p, arrays)
        for name, own in stored.items():
            batch.scatter(kept[name], own, name)
        for name in self.numbers[1:]:
            for array in batch.kept(name):
                array[...] = kept[name]
        for param, old, array in zip(params, before or (), arrays, strict=False):
            events.emit(events.OptimizerStep(self, param, old, array))

    def _update(self, F: Arithmetic, p: Any, g: Any, kept: dict[str, Any], group: dict[str, Any], lr: Any) -> None:
        """The rule, after what all rules have in common."""
        if group.get("maximize"):
            g = -g
        decay = number(group["weight_decay"]) if "weight_decay" in group and not self.own_decay else 0
        if decay != 0:
            if group.get("decoupled_weight_decay"):
                F.scale(p, 1 - lr * decay)
            else:
                g = F.sum(g, p, decay)
        self._rule(F, p, g, kept, group, lr)

    def _kernel(self, group: dict[str, Any]) -> str:
        """What devices call a kernel for this group; nothing where its options ask for another way."""
        return self.kernel if group.get("foreach") is not False and group.get("fused") is not False else ""

    def _by_kernel(self, batch: Batch, names: tuple[str, ...], group: dict[str, Any], lr: Any) -> bool:
        """Whether the device has a kernel for the step, which has then been taken."""
        device = batch.params[0].device
        step = device.forwards.get(self._kernel(group))
        if step is None:
            return False
        stored = {name: batch.kept(name) for name in names if name in batch.states[0]}
        grads, decay = [param._grad._array for param in batch.params], number(group.get("weight_decay", 0))
        skip, scale, count = None, None, self._count(batch)
        if self._step_supports_amp_scaling:
            skip, scale = scaled.flag(self, device), scaled.factor(self, device)
        numbers = {n: batch.kept(n) for n in self.numbers} if isinstance(count, list) else {}
        host, then = ({}, {}) if numbers else self._on_host(batch, count, group, lr)
        if not step(
            batch.arrays, grads, stored, group, lr=lr, decay=decay, fresh=batch.fresh, found=skip, scale=scale,
            count=count, numbers=numbers, host=host,
        ):  # fmt: skip
            return False
        for name, value in then.items():
            for array in batch.kept(name):
                array[...] = value
        if scale is not None:
            for param in batch.params:
                wrote(param._grad)
        return True

    def _on_host(
        self, batch: Batch, count: Any, group: dict[str, Any], lr: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """The numbers besides the count as this step takes them, and what they are after it."""
        if len(self.numbers) < 2:
            return {}, {}
        now = {name: batch.states[0][name].item() for name in self.numbers[1:]}
        then = self._advanced({**now, "step": count}, group, lr)
        return (then if self.ahead else now), then

    def _count(self, batch: Batch) -> Any:
        """The number of this step, or the arrays in which a device counts the steps before it."""
        if not self.numbers:
            return 0
        first = batch.states[0]["step"]
        return first._array.item() if first.device is CPU else batch.kept("step")

    def __setstate__(self, state: dict[str, Any]) -> None:
        known = {name for group in self.__dict__.get("param_groups", ()) for name in group}
        super().__setstate__(state)
        self._plans = {}
        for group in self.param_groups:
            for name, meant in LATER.items():
                if name in known:
                    group.setdefault(name, meant)
            if "decoupled_weight_decay" in known:
                group.setdefault("decoupled_weight_decay", self.defaults["decoupled_weight_decay"])
        for own in self.state.values():
            if "step" in own and not isinstance(own["step"], Tensor):
                own["step"] = Tensor._of(CPU.xp.full((), float(own["step"]), dtype=get_default_dtype().numpy))
