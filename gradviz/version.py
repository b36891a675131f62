"""The one place where the version stands: packaging, the command line and `gradviz.__version__` read it here."""

from __future__ import annotations

__version__ = "0.1.0"
