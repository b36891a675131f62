"""`autocast`: inside it, operations choose their own type; the switches behind it; and what own Functions need.

The table of which operation runs in which type is `gradviz.core.autocast`. Settings are those of the running context: a
widget's message that arrives on another thread, or another thread's training loop, is not cast.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np

from gradviz.core.autocast import DEFAULTS, Settings, now, put
from gradviz.core.dtype import DTYPES, dtype
from gradviz.core.tensor import Tensor

LOWER = (DTYPES["bfloat16"], DTYPES["float16"])
# What is found in the torch namespace too.
PUBLIC = (
    "autocast", "autocast_decrement_nesting", "autocast_increment_nesting", "clear_autocast_cache",
    "get_autocast_dtype", "is_autocast_cache_enabled", "is_autocast_enabled", "set_autocast_cache_enabled",
    "set_autocast_dtype", "set_autocast_enabled",
)  # fmt: skip


# -- switches ------------------------------------------------------------------------------------------------------
def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast for a kind of device ("cpu", "cuda", ...).

    https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.autocast_mode.is_autocast_available
    """
    return device_type in DEFAULTS or _refuse_unless_known(device_type)


def _refuse_unless_known(device_type: str) -> bool:
    if device_type in ("meta", "vulkan", "opengl", "opencl", "ideep", "fpga", "lazy", "ve", "mkldnn"):
        return False
    raise RuntimeError(
        "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, vulkan, "
        "mps, meta, hpu, mtia, privateuseone device type at start of device string: "
        f"{device_type}"
    )


def _known(device_type: Any, name: str) -> str:
    if not isinstance(device_type, str):
        raise TypeError(f"{name}(): argument 'device_type' (position 1) must be str, not {type(device_type).__name__}")
    if not is_autocast_available(device_type):
        dtypes = name.endswith("dtype")
        where = "unknown device type for autocast in get_autocast_dispatch_key_from_device_type"
        raise RuntimeError("unsupported scalarType" if dtypes else where)
    return device_type


def is_autocast_enabled(device_type: str | None = None) -> bool:
    """Whether autocast is on for a kind of device; without one, for "cuda", as in PyTorch."""
    return ("cuda" if device_type is None else _known(device_type, "is_autocast_enabled")) in now().enabled


def set_autocast_enabled(device_type: Any, enabled: bool | None = None) -> None:
    """Turns autocast on or off for a kind of device; with one argument, for "cuda"."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    own, state = {_known(device_type, "set_autocast_enabled")}, now()
    put(state._replace(enabled=state.enabled | own if enabled else state.enabled - own))


def get_autocast_dtype(device_type: str) -> dtype:
    """The lower precision on a kind of device: bfloat16 on the CPU and float16 on a GPU unless set otherwise."""
    return now().lower(_known(device_type, "get_autocast_dtype"))


def set_autocast_dtype(device_type: str, dtype: dtype) -> None:
    """Sets the lower precision on a kind of device."""
    state = now()
    put(state._replace(dtypes=tuple({**dict(state.dtypes), _known(device_type, "set_autocast_dtype"): dtype}.items())))


def is_autocast_cache_enabled() -> bool:
    """Whether the casts of weights are kept while autocast is on."""
    return now().cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Turns the keeping of weights' casts on or off."""
    put(now()._replace(cache_enabled=bool(enabled)))


def clear_autocast_cache() -> None:
    """Forgets the casts of weights."""
    cache = now().cache
    if cache is not None:
        cache.clear()


def autocast_increment_nesting() -> int:
    """Counts one block of autocast more; returns how many are open."""
    return _nest(1)


def autocast_decrement_nesting() -> int:
    """Counts one block of autocast less; returns how many are open."""
    return _nest(-1)


def _nest(step: int) -> int:
    state = now()
    put(state._replace(nesting=state.nesting + step))
    return state.nesting + step


# -- the block -----------------------------------------------------------------------------------------------------
class autocast:
    """Inside, each operation runs in a type that suits it: products in 16 bits, sums and exponentials in 32.

    Example::

        with torch.autocast("cuda", dtype=torch.float16):
            loss = loss_fn(model(x), y)
        scaler.scale(loss).backward()          # outside: each gradient has the type of its forward operation

    Also a decorator; blocks nest, and `enabled=False` turns it off inside. `dtype`: torch.float16 or torch.bfloat16, by
    default `get_autocast_dtype(device_type)`. `cache_enabled`: cast each weight once per outermost block.
    https://docs.pytorch.org/docs/2.13/amp.html#torch.autocast
    """

    def __init__(
        self, device_type: str, dtype: dtype | None = None, enabled: bool = True, cache_enabled: bool | None = None
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        if enabled and device_type == "cuda":
            from gradviz import cuda

            if not cuda.is_available():
                warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=2)
                enabled = False
        elif enabled and self.fast_dtype not in LOWER:
            warnings.warn(
                f"In {device_type.upper()} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{device_type.upper()} Autocast only supports dtypes of {LOWER[0]}, {LOWER[1]} currently.",
                stacklevel=2,
            )
            enabled = False
        self._enabled = enabled
        self._before: list[Settings] = []  # of each time it was entered: one object may be entered again inside

    def __enter__(self) -> Self:
        state = now()
        self._before.append(state)
        enabled = state.enabled - {self.device} | ({self.device} if self._enabled else set())
        dtypes = tuple({**dict(state.dtypes), self.device: self.fast_dtype}.items())
        cache = {} if state.cache is None else state.cache
        put(Settings(enabled, dtypes, bool(self._cache_enabled), state.nesting + 1, cache))
        return self

    def __exit__(self, *exc: object) -> Literal[False]:
        before, state = self._before.pop(), now()
        if state.nesting <= 1 and state.cache is not None:
            state.cache.clear()
        own = {self.device}
        enabled = state.enabled | own if self.device in before.enabled else state.enabled - own
        dtypes = {**dict(state.dtypes), self.device: before.lower(self.device)}
        put(Settings(enabled, tuple(dtypes.items()), before.cache_enabled, state.nesting - 1, state.cache))
        return False

    def __call__(self, func: Any) -> Any:
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. "
                f"Did you mean to use autocast as a context manager? For example:\n"
                f"    with torch.autocast(device_type=...):\n"
                f"        output = model(input)"
            )

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return func(*args, **kwargs)

        return decorated


# -- own Functions -------------------------------------------------------------------------------------------------
def _cast(value: Any, device_type: str, dtype: dtype) -> Any:
    """Tensors of 16- and 32-bit floats on this kind of device, and those in containers, in another type."""
    if isinstance(value, Tensor):
        able = value.is_floating_point() and value.device.type == device_type and value.dtype is not DTYPES["float64"]
        return value.to(dtype) if able else value
    if isinstance(value, (str, bytes, np.ndarray)):
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        made = (_cast(v, device_type, dtype) for v in value)
        return type(value)(made) if isinstance(value, (list, tuple)) else made
    return value


def _check_device_type(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtype | None = None) -> Any:
    """Decorator for the `forward` of an own Function: what autocast does there.

    With `cast_inputs` the tensors that come in are cast to that type where autocast is on, and forward runs with it
    off. Otherwise forward's operations are cast as anywhere. Not in an autocast block it does nothing.
    https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.custom_fwd
    """
    _check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        ctx, on = args[0], is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = on and cast_inputs is None
        if cast_inputs is None or not on:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            inputs, named = (_cast(x, device_type, cast_inputs) for x in (args[1:], kwargs))
            return fwd(ctx, *inputs, **named)

    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorator for the `backward` of an own Function: it runs with autocast as it was in `forward`.

    https://docs.pytorch.org/docs/2.13/amp.html#torch.amp.custom_bwd
    """
    _check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated
