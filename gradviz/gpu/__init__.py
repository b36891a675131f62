"""The "cuda" devices, on CuPy. Imported when a cuda device is first asked for."""

from .backend import device_count as device_count
from .backend import open_device as open_device
from .backend import why_not as why_not
