"""`torch.fft`: discrete Fourier transforms of real and complex numbers."""

from .core.op import SPACES as _SPACES

globals().update(_SPACES["fft"])
__all__ = sorted(_SPACES["fft"])  # pyright: ignore[reportUnsupportedDunderAll]
