"""Logs for TensorBoard, written and read (torch.utils.tensorboard).

with SummaryWriter("runs/first") as writer:
    writer.add_scalar("loss", loss, step)

read("runs/first").scalars["loss"].values
"""

try:
    import tensorboard as _tensorboard  # noqa: F401
except ImportError as error:
    raise ImportError(
        "gradviz.utils.tensorboard needs the tensorboard package: pip install 'gradviz[tensorboard]'"
    ) from error

from .file_writer import FileWriter
from .reader import Histogram, Log, Scalars, read, runs
from .records import RecordWriter
from .writer import SummaryWriter

__all__ = ["FileWriter", "Histogram", "Log", "RecordWriter", "Scalars", "SummaryWriter", "read", "runs"]
