"""`ModuleTree`: what a model is made of. Each module with its class, settings, output shape, parameters and cost.

    ModuleTree(model)                       names, classes, parameters, train/eval, frozen
    ModuleTree(model, x)                    also output shapes, FLOPs and activation memory, from one run on a copy
    ModuleTree(model, x, mask=mask)         further arguments of forward by name

Modules of gradviz and of PyTorch. The model is left as it was: weights, buffers, gradients, train/eval, hooks, random
state. FLOPs count a multiplication and its addition as two, in matrix products, convolutions and attention
(https://docs.pytorch.org/docs/2.13/torch.utils.html#torch.utils.flop_counter). Activations are the outputs of the
innermost modules, without those that lie in their input's memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradviz.widgets.base import View
from gradviz.widgets.tensors import module_svg
from gradviz.widgets.tensors.module_read import Row, extra, hooks, kinds, modes, rows_of
from gradviz.widgets.tensors.module_run import Run, run
from gradviz.widgets.tensors.module_text import depth_for, table_of, totals
from gradviz.widgets.tensors.tensor_read import is_module
from gradviz.widgets.tensors.tensor_text import line

COLUMNS = (
    "settings",
    "output",
    "params",
    "share",
    "memory",
    "activations",
    "flops",
    "mode",
    "learns",
    "dtype",
    "device",
)
STANDARD = ("settings", "output", "params", "share", "flops", "mode", "learns")
MODES = ("eval", "train", "as is")
SHOWN = 24  # rows that are open at first, about
LISTED = 2500  # parameters told one by one


class ModuleTree(View):
    """The tree of a module and what each part of it costs.

    Args:
        module: a module of gradviz or PyTorch.
        inputs: what its forward is called with, once, on a copy; without them there are no shapes.
        depth: levels that are open at first; as many as fit in about 24 rows if not given.
        columns: of settings, output, params, share, memory, activations, flops, mode, learns, dtype, device.
        mode: how the copy runs: "eval", "train" or "as is".
        title: shown above; the class of the module if not given.
        kwargs: further arguments of forward.

    Raises:
        TypeError: of something that is not a module.
        ValueError: of columns or a mode that do not exist.
    """

    def __init__(
        self,
        module: Any,
        *inputs: Any,
        depth: int | None = None,
        columns: Sequence[str] | None = None,
        mode: str = "eval",
        title: str | None = None,
        **kwargs: Any,
    ) -> None:
        if not is_module(module) or isinstance(module, type):
            hint = " Call it on an instance: ModuleTree(Net())." if isinstance(module, type) else ""
            raise TypeError(f"ModuleTree shows modules (torch.nn.Module); got {type(module).__name__}.{hint}")
        unknown = [name for name in columns or () if name not in COLUMNS]
        if unknown:
            raise ValueError(f"ModuleTree has no column {unknown[0]!r}; choose of {', '.join(COLUMNS)}.")
        if mode not in MODES:
            raise ValueError(f"mode must be one of {', '.join(map(repr, MODES))}; got {mode!r}.")
        if depth is not None and depth < 0:
            raise ValueError(f"depth counts levels and must be 0 or more; got {depth}.")
        self.run: Run | None = run(module, inputs, kwargs, mode) if inputs or kwargs else None
        self.rows, self.left_out = rows_of(module, self.run)
        self.title = line(title) if title is not None else line(type(module).__name__)
        self.columns = list(columns) if columns is not None else _standard(self.run)
        self.depth = depth if depth is not None else fitting(self.rows)
        self._text = table_of(self.rows, self.run, depth if depth is not None else depth_for(self.rows))
        self._json = self._made()
        self.run = None  # the copy may go

    def _made(self) -> dict[str, Any]:
        root = self.rows[0]
        groups: dict[tuple[str, ...], int] = {}
        rows = [self._row(row, groups) for row in self.rows]
        listed = sum(len(row.params) for row in self.rows)
        if listed > LISTED:
            for made in rows:
                made.pop("p", None)
        return {
            "format": "gradviz.module/1",
            "title": self.title,
            "totals": totals(root, self.run),
            "facts": {
                "params": root.total, "trainable": root.trainable, "bytes": root.bytes, "grads": root.grads,
                "buffers": root.buffers, "flops": root.flops, "memory": root.memory,
            },
            "ran": self.run is not None and not self.run.error,
            "counted": self.run is not None and self.run.counted,
            "note": self._note(listed),
            "error": self._error(),
            "columns": self.columns,
            "depth": self.depth,
            "kinds": [list(names) for names in groups],
            "rows": rows,
        }  # fmt: skip

    def _row(self, row: Row, groups: dict[tuple[str, ...], int]) -> dict[str, Any]:
        """A row for the page: short keys, and nothing that is empty."""
        dtypes, devices = kinds(row)
        made: dict[str, Any] = {
            "n": "", "c": line(row.kind), "u": -1, "s": row.signature,
            "x": line(extra(row.module), 160), "own": row.own, "all": row.total, "learn": row.trainable,
            "b": row.bytes, "g": row.grads, "f": row.buffers, "m": modes(row),
            "d": groups.setdefault((", ".join(dtypes), ", ".join(devices)), len(groups)),
        }  # fmt: skip
        if row.parent is not None:
            made |= {"n": line(row.name), "u": row.parent.at}
        if row.calls:
            shapes = list(dict.fromkeys(call.made for call in row.calls))
            made |= {"o": line(" or ".join(shapes[:3]), 120), "i": line(row.calls[0].given, 120), "k": len(row.calls)}
        made |= {"fl": row.flops, "a": row.memory, "h": hooks(row.module)}
        made |= {"lazy": row.lazy, "bad": row.failed, "p": [_parameter(p) for p in row.params]}
        made = {key: value for key, value in made.items() if value not in ("", 0, [], False) or key in ("n", "u", "s")}
        return made if row.same is None else {**made, "same": row.same.at}

    def _note(self, listed: int) -> str:
        notes = []
        if self.left_out:
            notes.append(f"{len(self.rows):,} places are shown and {self.left_out:,} are left out")
        if listed > LISTED:
            notes.append(f"to keep this page small, the {listed:,} parameters and buffers are counted, but not listed")
        if self.run is not None and self.run.silent:
            silent = self.run.silent
            notes.append(
                f"{silent} hook{'s' if silent > 1 else ''} did not run, for hooks may keep what they are given"
            )
        if any(row.lazy for row in self.rows):
            ran = self.run is not None and not self.run.error
            notes.append("lazy modules are still lazy: their shapes are those of a copy that ran" if ran
                         else "lazy modules have no shapes yet")  # fmt: skip
        if self.run is not None and not self.run.counted:
            notes.append("FLOPs are not counted: torch.utils.flop_counter is missing")
        return ". ".join(note[0].upper() + note[1:] for note in notes) + "." if notes else ""

    def _error(self) -> str:
        if self.run is None or not self.run.error:
            return ""
        where = next((row for row in self.rows if row.failed), None)
        place = (
            f" in {where.path if where.parent is not None else 'forward'} ({where.kind})" if where is not None else ""
        )
        return line(f"The forward pass stopped{place}: {self.run.error}", 400)

    def note(self) -> str:
        """What the view leaves out, in a sentence or two; nothing when that is nothing."""
        return str(self._json["note"])

    def to_json(self) -> dict[str, Any]:
        """Every row, as short keys: see frontend/src/views/module_tree.ts."""
        return self._json

    def to_svg(self) -> str:
        """The tree as it is first shown, as a picture."""
        return module_svg.draw(self._json)

    def to_html(self) -> str:
        """The picture, its table, and the script that makes it a tree to walk in where scripts run."""
        from gradviz.widgets.replay import replay_html

        return replay_html(
            "module_tree", self._json, self.to_svg(), self.to_text(), self.table(), caption="Modules as a table"
        )

    def table(self) -> list[list[str]]:
        """A row for each module."""
        return module_svg.table(self._json)

    def to_text(self) -> str:
        """The text twin: the totals, and the table that `gradviz.viz.summary_info.summary` prints."""
        parts = [f"{self.title}: {self._json['totals']}", self._json["error"], self._text, self._json["note"]]
        return "\n".join(part for part in parts if part)


def _parameter(made: Mapping[str, Any]) -> list[Any]:
    """name, shape, elements, dtype, and letters: b buffer, f frozen, g has a gradient, l lazy; where else it is."""
    flags = (
        ("b" if made["buffer"] else "" if made["learns"] else "f") + ("g" if made["grad"] else "") + "l" * made["lazy"]
    )
    short = [line(made["name"]), made["shape"], made["count"], made["dtype"], flags]
    return [*short, line(made["shared"])] if made["shared"] else short


def _standard(run: Run | None) -> list[str]:
    """The columns that have something to say."""
    return [name for name in STANDARD if run is not None or name not in ("output", "flops")]


def fitting(rows: Sequence[Row]) -> int:
    """The deepest level at which everything down to it fits in about 24 rows; repeated neighbours count once."""
    counts: dict[int, int] = {}
    hidden: set[int] = set()
    for row in rows:
        if row.parent is not None and row.parent.at in hidden:
            hidden.add(row.at)
            continue
        siblings = row.parent.children if row.parent is not None else [row]
        k = siblings.index(row) if len(siblings) < 64 else 0
        if k and siblings[k - 1].signature == row.signature:
            hidden.add(row.at)
            continue
        counts[row.depth] = counts.get(row.depth, 0) + 1
    total, depth = 0, 0
    for level in sorted(counts):
        total += counts[level]
        if level > 1 and total > SHOWN:
            break
        depth = level
    return depth
