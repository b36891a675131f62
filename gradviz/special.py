"""Special functions of mathematics (torch.special)."""

from .core.op import SPACES

__all__ = sorted(SPACES["special"])
globals().update(SPACES["special"])
