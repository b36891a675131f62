"""The switches of autocast for one kind of device, as PyTorch spelled them before they took the device by name."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from . import autocast_mode as switches

# older name -> the switch, the device type, and how a call of it is written in the warning
OLDER: dict[str, tuple[str, str, str]] = {}
for _place, _type in (("cpu", "cpu"), ("gpu", "cuda"), ("ipu", "ipu"), ("xla", "xla")):
    OLDER[f"get_autocast_{_place}_dtype"] = ("get_autocast_dtype", _type, "")
    OLDER[f"set_autocast_{_place}_dtype"] = ("set_autocast_dtype", _type, "dtype")
    if _place != "gpu":
        OLDER[f"is_autocast_{_place}_enabled"] = ("is_autocast_enabled", _type, "")
        OLDER[f"set_autocast_{_place}_enabled"] = ("set_autocast_enabled", _type, "enabled")


def older(name: str) -> Callable[..., Any]:
    """The function of this older name: the switch, with a DeprecationWarning."""
    switch, device_type, takes = OLDER[name]
    asks = ", ".join(filter(None, (f"'{device_type}'", takes)))

    def call(*value: Any) -> Any:
        warnings.warn(
            f"torch.{name}({takes}) is deprecated. Please use torch.{switch}({asks}) instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return getattr(switches, switch)(device_type, *value)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f'`{switch}` for "{device_type}"; warns that it is deprecated.'
    return call


globals().update({name: older(name) for name in OLDER})
PUBLIC = tuple(OLDER)
