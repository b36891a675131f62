"""Growing tensors at their borders."""

from __future__ import annotations

from gradviz.core.ops.pad_modes import pad as pad
