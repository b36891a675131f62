"""`GradScaler`: multiply the loss so that small float16 gradients survive, divide again before the step, adapt.

    scale(loss) * 65536  ->  backward  ->  unscale_: g / 65536, all finite?  ->  step, or skip it  ->  update the scale

    inf or NaN found:        scale <- scale * backoff_factor, and the step is skipped
    growth_interval steps    scale <- scale * growth_factor
    without one:

Scale, counter and finding are tensors of one element on the device of the loss, and nothing here reads them, so a GPU
is not waited for; only `step` of an optimiser that cannot skip by itself asks whether an inf was found.
Micikevicius et al., "Mixed precision training", 2018.
"""

from __future__ import annotations

import inspect
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from gradviz.core.device import as_device
from gradviz.core.dtype import DTYPES
from gradviz.core.mode import no_grad
from gradviz.core.op import FUNCTIONS
from gradviz.core.tensor import Tensor

from .unscale import unscale_, update_scale_

FLOAT16, FLOAT32, FLOAT64, INT32 = (DTYPES[name] for name in ("float16", "float32", "float64", "int32"))
# Hears of each `update`: (scaler, scale before, scale after, counter, what was found), all tensors of one element.
Watcher = Callable[["GradScaler", Tensor, Tensor, Tensor, Tensor | None], None]


class OptState(Enum):
    """How far an optimiser has come since the last `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


def _fresh() -> dict[str, Any]:
    return {"stage": OptState.READY, "found_inf_per_device": {}}


class _Copies:
    """Copies of a tensor on other devices, one for each, made when asked for."""

    def __init__(self, original: Tensor) -> None:
        self.original = original
        self.by_device: dict[Any, Tensor] = {}

    def get(self, device: Any) -> Tensor:
        found = self.by_device.get(device)
        if found is None:
            found = self.by_device[device] = self.original.to(device=device, non_blocking=True, copy=True)
        return found


class GradScaler:
    """Keeps the gradients of a float16 run in range by scaling its loss.

        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)             # only where gradients are looked at or clipped before the step
        scaler.step(optimizer)                 # skipped where a gradient is inf or NaN
        scaler.update()

    `device`: "cuda" or "cpu". The scale begins at `init_scale`, is multiplied by `backoff_factor` after a skipped step
    and by `growth_factor` after `growth_interval` steps in a row without one. With `enabled=False` all of it does
    nothing but `step`. https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.GradScaler
    """

    def __init__(
        self, device: str = "cuda", init_scale: float = 2.0**16, growth_factor: float = 2.0,
        backoff_factor: float = 0.5, growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        self._device = device
        self._enabled = enabled
        self._watchers: tuple[Watcher, ...] = ()
        if enabled and device == "cuda":
            from gradviz import cuda

            if not cuda.is_available():
                warnings.warn(
                    "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2
                )
                self._enabled = False
        if not self._enabled:
            return
        if growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._init_scale, self._init_growth_tracker = init_scale, 0
        # Made when the first loss shows which device they belong on.
        self._scale: Tensor | None = None
        self._growth_tracker: Tensor | None = None
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval = growth_interval
        self._per_optimizer_states: dict[int, dict[str, Any]] = defaultdict(_fresh)

    # -- the three calls of a training step ------------------------------------------------------------------------
    def scale(self, outputs: Any) -> Any:
        """A loss, or several in lists, tuples and iterables of them, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale_on(outputs).to(device=outputs.device, non_blocking=True)
        copies: list[_Copies] = []  # one for all outputs, made with the first

        def scaled(value: Any) -> Any:
            if isinstance(value, Tensor):
                if not copies:
                    copies.append(_Copies(self._scale_on(value)))
                return value * copies[0].get(value.device)
            if isinstance(value, Iterable):
                made = map(scaled, value)
                return type(value)(made) if isinstance(value, (list, tuple)) else made
            raise ValueError("outputs must be a Tensor or an iterable of Tensors")

        return scaled(outputs)

    def unscale_(self, optimizer: Any) -> None:
        """Divides an optimiser's gradients by the scale, in place, and notes whether one is inf or NaN.

        `step` does it where it has not been done. Once per optimiser and step, after the last backward; a second call
        raises RuntimeError, a float16 gradient ValueError: the parameters of a run with a scaler are float32.
        """
        if not self._enabled:
            return
        scale, _ = self._made("unscale_")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        inverse = scale.double().reciprocal().float()
        state["found_inf_per_device"] = self._unscale_grads_(optimizer, inverse, self._zero(scale), False)
        state["stage"] = OptState.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step(*args, **kwargs)` with unscaled gradients, unless one is inf or NaN; returns its result.

        An optimiser made with `fused=True` divides and skips by itself: then no device is waited for.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        self._made("step")
        state = self._per_optimizer_states[id(optimizer)]
        if state["stage"] is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if getattr(optimizer, "_step_supports_amp_scaling", False):
            return self._fused_step(optimizer, state, args, kwargs)
        if state["stage"] is OptState.READY:
            self.unscale_(optimizer)
        if len(state["found_inf_per_device"]) == 0:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        result = self._maybe_opt_step(optimizer, state, *args, **kwargs)
        state["stage"] = OptState.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapts the scale to what was found since the last call, or sets it; once at the end of each step."""
        if not self._enabled:
            return
        scale, tracker = self._made("update")
        before = scale.detach().clone() if self._watchers else scale
        found: Tensor | None = None
        if new_scale is not None:
            self._set_scale(scale, new_scale)
        else:
            found_infs = [
                found_inf.to(device=scale.device, non_blocking=True)
                for state in self._per_optimizer_states.values()
                for found_inf in state["found_inf_per_device"].values()
            ]
            if len(found_infs) == 0:
                raise AssertionError("No inf checks were recorded prior to update.")
            found = found_infs[0]
            for other in found_infs[1:]:
                found += other
            update_scale_(scale, tracker, found, self._growth_factor, self._backoff_factor, self._growth_interval)
        self._per_optimizer_states = defaultdict(_fresh)
        for watcher in self._watchers:
            watcher(self, before, scale, tracker, found)

    # -- their parts -----------------------------------------------------------------------------------------------
    def _scale_on(self, outputs: Tensor) -> Tensor:
        """The scale, made on the device of the first output where there is none yet."""
        if self._scale is None:
            self._lazy_init_scale_growth_tracker(outputs.device)
        assert self._scale is not None
        return self._scale

    def _lazy_init_scale_growth_tracker(self, dev: Any) -> None:
        if self._growth_tracker is not None:
            raise AssertionError("_growth_tracker initialized before _scale")
        full = FUNCTIONS["full"]
        self._scale = full((), float(self._init_scale), dtype=FLOAT32, device=dev)
        self._growth_tracker = full((), self._init_growth_tracker, dtype=INT32, device=dev)

    def _made(self, name: str) -> tuple[Tensor, Tensor]:
        """Scale and counter; AssertionError before the first `scale`."""
        for field in ("_scale", "_growth_tracker"):
            if getattr(self, field) is None:
                raise AssertionError(
                    f"Attempted {name} but {field} is None.  This may indicate your script did not use "
                    "scaler.scale(loss or outputs) earlier in the iteration."
                )
        assert self._scale is not None
        assert self._growth_tracker is not None
        return self._scale, self._growth_tracker

    @staticmethod
    def _zero(like: Tensor) -> Tensor:
        zero: Tensor = FUNCTIONS["full"]((), 0.0, dtype=FLOAT32, device=like.device)
        return zero

    def _unscale_grads_(
        self, optimizer: Any, inv_scale: Tensor, found_inf: Tensor, allow_fp16: bool
    ) -> dict[Any, Tensor]:
        """Multiply all gradients by `inv_scale`; what was found, on each device that has some."""
        inverses, findings = _Copies(inv_scale), _Copies(found_inf)
        lists: dict[tuple[Any, Any], list[Tensor]] = defaultdict(list)
        with no_grad():
            for group in optimizer.param_groups:
                for param in group["params"]:
                    if not isinstance(param, Tensor):
                        raise AssertionError(f"expected param to be torch.Tensor, got {type(param).__name__}")
                    if param.grad is None:
                        continue
                    if param.grad.dtype is FLOAT16 and not allow_fp16:
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    lists[param.grad.device, param.grad.dtype].append(param.grad)
            for (device, _), grads in lists.items():
                unscale_(grads, findings.get(device), inverses.get(device))
        return findings.by_device

    def _maybe_opt_step(self, optimizer: Any, state: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The step, unless something was found; to know that, the device is waited for."""
        if not sum(found.item() for found in state["found_inf_per_device"].values()):
            return optimizer.step(*args, **kwargs)
        return None

    def _fused_step(self, optimizer: Any, state: dict[str, Any], args: Any, kwargs: Any) -> Any:
        """The step of an optimiser that is told scale and finding, and divides and skips by itself."""
        old = "grad_scaler" in inspect.signature(optimizer.step).parameters
        if old:
            warnings.warn(
                "GradScaler is going to stop passing itself as a keyword argument to the passed "
                "optimizer. In the near future GradScaler registers `grad_scale: Tensor` and "
                "`found_inf: Tensor` to the passed optimizer and let the optimizer use them directly.",
                FutureWarning,
                stacklevel=3,
            )
            kwargs = {**kwargs, "grad_scaler": self}
        else:
            if state["stage"] is OptState.READY:
                self._check_inf_per_device(optimizer)
            scale, _ = self._made("step")
            found = [f.to(scale.device, non_blocking=True) for f in state["found_inf_per_device"].values()]
            own = getattr(optimizer, "grad_scale", None)
            if state["stage"] is not OptState.UNSCALED:
                own = scale * (1 if own is None else own)
            optimizer.grad_scale, optimizer.found_inf = own, sum(found)
        try:
            return optimizer.step(*args, **kwargs)
        finally:
            state["stage"] = OptState.STEPPED
            if not old:
                del optimizer.grad_scale, optimizer.found_inf

    def _check_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        """Note whether a gradient is inf or NaN, leaving all as they are."""
        scale, _ = self._made("_check_inf_per_device")
        one: Tensor = FUNCTIONS["full"]((), 1.0, dtype=FLOAT32, device=scale.device)
        found = self._unscale_grads_(optimizer, one, self._zero(scale), True)
        self._per_optimizer_states[id(optimizer)]["found_inf_per_device"] = found
        return found

    def _found_inf_per_device(self, optimizer: Any) -> dict[Any, Tensor]:
        found: dict[Any, Tensor] = self._per_optimizer_states[id(optimizer)]["found_inf_per_device"]
        return found

    def _set_scale(self, scale: Tensor, new_scale: Any) -> None:
        if isinstance(new_scale, float):
            scale.fill_(new_scale)
            return
        fits = as_device(new_scale.device).type == self._device and new_scale.numel() == 1
        if not fits or new_scale.requires_grad:
            raise AssertionError(
                "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with "
                "requires_grad=False."
            )
        scale.copy_(new_scale)

    # -- what it is set to -----------------------------------------------------------------------------------------
    def _get_scale_async(self) -> Tensor | None:
        return self._scale

    def get_scale(self) -> float:
        """The scale as a number, 1.0 where disabled. A GPU is waited for."""
        if not self._enabled:
            return 1.0
        return float(self._init_scale) if self._scale is None else float(self._scale.item())

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by when it grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Sets what the scale is multiplied by when it grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after a skipped step."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Sets what the scale is multiplied by after a skipped step."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many steps in a row the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Sets after how many steps in a row the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else int(self._growth_tracker.item())

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    # -- saving ----------------------------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Scale, factors, interval and counter as numbers; empty where disabled. Call it after `update`."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a `state_dict()`."""
        if not self._enabled:
            return
        if len(state_dict) == 0:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale = state_dict["scale"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval, self._init_growth_tracker = state_dict["growth_interval"], state_dict["_growth_tracker"]
        if self._scale is not None:
            self._scale.fill_(self._init_scale)
        if self._growth_tracker is not None:
            self._growth_tracker.fill_(self._init_growth_tracker)

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_watchers": ()}
        if self._enabled:
            if len(self._per_optimizer_states) != 0:
                raise AssertionError(
                    "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after "
                    "scaler.update()."
                )
            state |= {"_init_scale": self.get_scale(), "_init_growth_tracker": self._get_growth_tracker()}
            state |= {"_scale": None, "_growth_tracker": None}
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
