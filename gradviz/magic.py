"""`%%torch`: a cell in which `import torch` means gradviz. `%load_ext gradviz` makes it known.

    %%torch
    import torch
    x = torch.ones(2, requires_grad=True)
    x.sum().backward()
    x.grad

IPython is not imported here: its shell is handed over when the extension is loaded.
"""

from __future__ import annotations

from typing import Any

from gradviz.alias import as_torch


def load_ipython_extension(shell: Any) -> None:
    """Makes `%%torch` known to an IPython shell; called by `%load_ext gradviz`."""

    def torch(line: str, cell: str) -> Any:
        """Runs the cell with gradviz under PyTorch's names; its last expression is the cell's output."""
        if line.strip():
            raise NotImplementedError(
                f"%%torch takes no argument, got {line.strip()!r}; the code starts on the next line"
            )
        with as_torch():
            return run(shell, cell)

    shell.register_magic_function(torch, magic_kind="cell", magic_name="torch")


def run(shell: Any, cell: str) -> Any:
    """Runs code in the shell's namespace as a cell would run, errors included, and returns its last expression.

    `shell.run_cell` would print an error itself and go on; here it is raised, so that the cell counts as failed.
    """
    import ast

    code = shell.transform_cell(cell)
    name = shell.compile.cache(code, shell.execution_count, raw_code=cell)
    tree = shell.transform_ast(ast.parse(code, filename=name))
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(shell.compile(tree, name, "exec"), shell.user_ns)
    if last is None:
        return None
    value = eval(shell.compile(ast.Expression(last.value), name, "eval"), shell.user_ns)
    return None if code.rstrip().endswith(";") else value
