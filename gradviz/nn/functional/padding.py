"""Growing tensors at their borders."""

from __future__ import annotations

from gradviz.core.ops.layers.pad import pad as pad
