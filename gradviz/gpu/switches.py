"""The switches of torch.backends.cudnn, where the engines read them: `gradviz.backends.cudnn` puts itself here."""

from __future__ import annotations

import types
from typing import Any

# What holds before that module is imported: its own defaults.
cudnn: Any = types.SimpleNamespace(
    enabled=True, benchmark=False, benchmark_limit=None, deterministic=False, allow_tf32=True
)


def use(holder: Any) -> None:
    """Read the switches from this module from here on."""
    global cudnn
    cudnn = holder
