"""Intel's library for neural networks, oneDNN, which is not used here (torch.backends.mkldnn)."""

from __future__ import annotations

enabled = False
deterministic = False


def is_available() -> bool:
    """Whether it is in use: never."""
    return False
