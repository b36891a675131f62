"""The switches of torch.backends, where the engines read them: `gradviz.backends` puts its own here.

Whether float32 may be multiplied in TF32 is in `gradviz.core.precision`.
"""

from __future__ import annotations

import types
from typing import Any

# What holds before that module is imported: its own defaults.
cudnn: Any = types.SimpleNamespace(enabled=True, benchmark=False, benchmark_limit=None, deterministic=False)
# Whether cuBLAS may round parts of a sum to 16 bits: `torch.backends.cuda.matmul.allow_*_reduced_precision_reduction`.
reduced = {"fp16": True, "bf16": True}


def use(holder: Any) -> None:
    """Read the switches from this module from here on."""
    global cudnn
    cudnn = holder
