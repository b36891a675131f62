"""What the older spellings `torch.cpu.amp` and `torch.cuda.amp` share: each is `torch.amp` for one kind of device."""

from __future__ import annotations

import warnings
from typing import ClassVar

from .grad_scaler import GradScaler


def deprecated(kind: str, old: str, new: str) -> None:
    """Warn whoever called the older spelling, in PyTorch's words."""
    warnings.warn(
        f"`torch.{kind}.amp.{old}` is deprecated. Please use `torch.amp.{new}` instead.", FutureWarning, stacklevel=3
    )


class OlderGradScaler(GradScaler):
    """`torch.amp.GradScaler(kind, ...)`; warns that it is deprecated."""

    kind: ClassVar[str]

    def __init__(
        self, init_scale: float = 2.0**16, growth_factor: float = 2.0, backoff_factor: float = 0.5,
        growth_interval: int = 2000, enabled: bool = True,
    ) -> None:  # fmt: skip
        deprecated(self.kind, "GradScaler(args...)", f"GradScaler('{self.kind}', args...)")
        super().__init__(self.kind, init_scale, growth_factor, backoff_factor, growth_interval, enabled)
