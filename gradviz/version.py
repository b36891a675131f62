"""The one place where the version stands: packaging, the command line and `gradviz.__version__` read it here."""

from __future__ import annotations

__version__ = "0.1.0"
# What PyTorch's version module says besides: no part of this is compiled for a GPU, which is reached through CuPy.
cuda = hip = git_version = None
debug = False
