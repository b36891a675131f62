"""`torch.linalg`: decompositions, solutions, inverses and norms of matrices and batches of matrices."""

from .core.op import SPACES as _SPACES
from .core.ops.linalg.matrices import LinAlgError as LinAlgError

globals().update(_SPACES["linalg"])
__all__ = ["LinAlgError", *sorted(_SPACES["linalg"])]  # pyright: ignore[reportUnsupportedDunderAll]
