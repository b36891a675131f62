"""The package opt_einsum, which would choose an order for einsum; not used here (torch.backends.opt_einsum)."""

from __future__ import annotations

enabled = False
strategy: str | None = None


def is_available() -> bool:
    """Whether it is in use: never."""
    return False
