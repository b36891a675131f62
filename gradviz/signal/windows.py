"""Windows: weights that fade out towards both ends of a stretch of a signal (torch.signal.windows)."""

from ..core.op import SPACES

__all__ = sorted(SPACES["signal.windows"])
globals().update(SPACES["signal.windows"])
