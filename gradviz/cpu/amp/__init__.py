"""The older spellings of `torch.amp` for device type "cpu" (torch.cpu.amp)."""

from .autocast_mode import autocast as autocast
from .grad_scaler import GradScaler as GradScaler
