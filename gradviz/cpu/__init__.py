"""The CPU in the words of the modules for GPUs (torch.cpu)."""

from . import amp as amp
from .streams import current_device as current_device
from .streams import device_count as device_count
from .streams import is_available as is_available
from .streams import synchronize as synchronize
