"""`gradviz lessons`: one module for each of its sub-commands."""

from __future__ import annotations

from gradviz.cli.lessons.commands import main

__all__ = ["main"]
