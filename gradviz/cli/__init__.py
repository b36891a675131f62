"""The `gradviz` command: `lab`, `test`, `doctor`, `lessons`."""

from __future__ import annotations

from gradviz.cli.commands import main

__all__ = ["main"]
