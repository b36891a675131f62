"""Run the code cells of a lesson in this process, as a notebook would: what each cell prints and shows, as text."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterable
from typing import Any


def run_cell(source: str, names: dict[str, Any]) -> tuple[str, Any]:
    """Run one cell; what it printed, and the value of its last line (None if that is no expression)."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with contextlib.redirect_stdout(printed):
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    return printed.getvalue(), value


def run_cells(sources: Iterable[str], names: dict[str, Any]) -> list[tuple[str, Any]]:
    """Run the cells one after the other in one namespace."""
    return [run_cell(source, names) for source in sources]


def code_of(notebook: Any) -> list[str]:
    """The sources of the code cells."""
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]
