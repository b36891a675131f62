"""`StateDictDiff`: two state_dicts side by side, and what `load_state_dict` does with them, name by name.

    StateDictDiff(torch.load("model.pt"), model)          a file, and the model into which it should go
    StateDictDiff(before, after, names=("before", "after"))

A step of the picture loads one name: its numbers are copied, converted to the model's dtype, or refused. At the end
stands what PyTorch does: with a wrong shape, or names too few or too many under strict=True, it raises, and by then
every name that fits has already been copied.
Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html (load_state_dict)
"""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import numpy as np

from gradviz.core.summary import number as json_number
from gradviz.viz.measure import clean, clip, escape, width
from gradviz.viz.numbers import number
from gradviz.viz.plot import document, label, short
from gradviz.viz.theme import MONO, THEMES
from gradviz.widgets.base import View
from gradviz.widgets.replay import replay_html
from gradviz.widgets.tensors.state_dict_read import (
    MOST,
    Entry,
    Pair,
    flatten,
    pairs_of,
    plane,
    sample,
    side_for,
    title_of,
)

# verdict: glyph, words before loading, colour of the theme
VERDICTS = {
    "equal": ("=", "equal", "muted"),
    "differs": ("≠", "other numbers", "forward"),
    "cast": ("≈", "another dtype", "backward"),
    "shape": ("✗", "another shape", "bad"),
    "missing": ("?", "not saved", "bad"),
    "unexpected": ("+", "no place for it", "bad"),
}
ROWS = 24  # of the still picture
LINE = 26


class StateDictDiff(View):
    """What is saved beside what a model holds.

    Args:
        saved: a state_dict, what `torch.load` returned, or a module; of gradviz or of PyTorch. Nested mappings and
            lists (a whole checkpoint, an optimiser's state_dict) become dotted names.
        model: the same, into which `saved` would be loaded.
        strict: as in `load_state_dict`: whether names that are missing or have no place are errors.
        names: what the two sides are called.
        title: shown above.

    Nothing is loaded: both sides stay as they are. Raises TypeError for what is neither a module nor a mapping.
    """

    def __init__(
        self,
        saved: Any,
        model: Any,
        *,
        strict: bool = True,
        names: tuple[str, str] = ("saved", "model"),
        title: str = "Two state_dicts",
    ) -> None:
        if len(names) != 2:
            raise ValueError(f"names must be two, one for each side; got {len(names)}")
        self.names = (str(names[0]), str(names[1]))
        everything = pairs_of(flatten(saved, self.names[0]), flatten(model, self.names[1]))
        if not everything:
            raise ValueError("both sides are empty: there is nothing to compare")
        self.pairs = everything[:MOST]
        self.count = Counter(pair.verdict for pair in everything)
        self.left_out = len(everything) - len(self.pairs)
        self.strict = bool(strict)
        self.title = title

    # -- what loading would do ---------------------------------------------------------------------------------------
    def errors(self, strict: bool | None = None) -> list[str]:
        """Why `load_state_dict` would raise, in words; empty where it would not."""
        strict = self.strict if strict is None else strict
        wrong = ["shape", "missing", "unexpected"] if strict else ["shape"]
        words = {"shape": "of another shape", "missing": "missing", "unexpected": "unexpected"}
        return [f"{self.count[kind]} {words[kind]}" for kind in wrong if self.count[kind]]

    def summary(self) -> str:
        """How many names are equal, differ, or stop the loading."""
        told = [f"{self.count[kind]} {words}" for kind, (_, words, _) in VERDICTS.items() if self.count[kind]]
        total = sum(self.count.values())
        return f"{clean(self.title)}: {total} name{'s' * (total != 1)}: {', '.join(told)}"

    def outcome(self) -> str:
        """What loading comes to."""
        errors = self.errors()
        if not errors:
            return f"load_state_dict(strict={self.strict}) succeeds"
        return f"load_state_dict(strict={self.strict}) raises: {', '.join(errors)}. What fits has been copied by then."

    def step_text(self, pair: Pair) -> str:
        """What loading does with one name."""
        saved, model, who = pair.saved, pair.model, clean(self.names[1])[:40]
        size = _count(model)
        if pair.verdict == "missing":
            return f"not among the saved names: {who} keeps its own {size or 'value'}"
        if pair.verdict == "unexpected":
            return f"{who} has no such name: ignored"
        if pair.verdict == "shape":
            return f"{_shape(saved)} does not fit into {_shape(model)}: {who} keeps its own {size or 'value'}"
        if pair.verdict == "cast":
            lost = f"rounded by up to {number(pair.lost, 4)}" if pair.lost else "nothing is lost"
            return f"{size} converted to {_dtype(model)} from {_dtype(saved)}: {lost}"
        if not size:
            return "the same value" if pair.verdict == "equal" else "the saved value is taken"
        if pair.verdict == "equal":
            return f"{size} copied; they were the same to the last bit"
        return f"{size} copied; they were up to {number(pair.far, 4)} apart"

    # -- what it becomes ---------------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """Every name with its two sides, a sample of the numbers, and what loading does with it."""
        side = side_for(self.pairs)
        return {
            "format": "gradviz.state_dicts/1",
            "title": clean(self.title)[:200],
            "names": [clean(name)[:40] for name in self.names],
            "strict": self.strict,
            "errors": [self.errors(False), self.errors(True)],
            "note": f"{self.left_out} more names are not shown" if self.left_out else "",
            "rows": [self._row(pair, side) for pair in self.pairs],
        }

    def _row(self, pair: Pair, side: int) -> dict[str, Any]:
        return {
            "name": title_of(pair.name),
            "verdict": pair.verdict,
            "far": None if pair.far is None else json_number(pair.far),
            "saved": _packed(pair.saved, side),
            "model": _packed(pair.model, side),
            "after": _packed(pair.after, side),
            "said": self.step_text(pair),
        }

    def table(self) -> list[list[str]]:
        """One row for each name."""
        rows = [["name", *(clean(name)[:40] for name in self.names), "before", "largest difference", "loading"]]
        for pair in self.pairs:
            glyph, words, _ = VERDICTS[pair.verdict]
            far = "" if pair.far is None else number(pair.far, 4)
            rows.append(
                [
                    title_of(pair.name),
                    _about(pair.saved),
                    _about(pair.model),
                    f"{glyph} {words}",
                    far,
                    self.step_text(pair),
                ]
            )
        return rows

    def to_text(self) -> str:
        head, *rows = self.table()
        wide = [max(len(row[i]) for row in [head, *rows]) for i in range(4)]
        lines = [
            "  " + "  ".join([*(cell.ljust(w) for cell, w in zip(row[:4], wide, strict=True)), row[5]]).rstrip()
            for row in [head, *rows]
        ]
        more = [f"  … {self.left_out} more names"] if self.left_out else []
        return "\n".join([self.summary(), *lines, *more, f"  {self.outcome()}"])

    def to_html(self) -> str:
        """The two sides, that can be loaded name by name where scripts run."""
        return replay_html(
            "state_dict_diff",
            self.to_json(),
            self.to_svg(),
            self.to_text(),
            self.table(),
            caption="Names as a table",
        )

    def to_svg(self) -> str:
        """The names with their shapes on both sides, a mark between them, and what loading comes to."""
        colours = THEMES["light"]
        shown = self.pairs[:ROWS]
        middle = max([width(title_of(pair.name), 12, mono=True) for pair in shown] + [120])
        middle = min(middle, 300)
        left, right = 30 + middle + 20, 30 + middle + 210
        wide, tall = right + 330, 92 + LINE * len(shown) + 56
        out = [
            label(16, 28, clip(clean(self.title), wide - 32, 14), colours["ink"], 14, 'font-weight="600"'),
            *(
                label(at, 58, clip(clean(name), 150, 12), colours["muted"])
                for name, at in zip(self.names, (left, right), strict=True)
            ),
            label(right + 150, 58, "loading", colours["muted"]),
        ]
        for i, pair in enumerate(shown):
            glyph, words, colour = VERDICTS[pair.verdict]
            y = 68 + LINE * i
            soft = f"{colour}-soft" if f"{colour}-soft" in colours else "ground"
            band = f'x="10" y="{short(y)}" width="{short(wide - 20)}" height="{LINE - 3}" rx="5"'
            out.append(f'<rect {band} fill="{colours[soft]}"/>')
            mono = f'font-family="{escape(MONO)}"'
            name = clip(title_of(pair.name), middle, 12, mono=True)
            out.append(label(20, y + 16, name, colours["ink"], more=mono))
            for entry, at in ((pair.saved, left), (pair.model, right)):
                out.append(label(at, y + 16, clip(_about(entry), 150, 12), colours["ink"]))
            ink = colours[colour]
            out.append(label(right - 26, y + 16, glyph, ink, 14, 'font-weight="700" text-anchor="middle"'))
            out.append(label(right + 150, y + 16, words, ink))
        rest = len(self.pairs) + self.left_out - len(shown)
        ink = colours["bad" if self.errors() else "ink"]
        last = [f"… {rest} more names"] * bool(rest) + self.outcome().split(". ")
        for i, text in enumerate(last):
            out.append(label(16, 92 + LINE * len(shown) + 18 * i, clip(text, wide - 32, 12), ink))
        return document(out, wide, tall, self.summary())


def _shape(entry: Entry | None) -> str:
    if entry is None:
        return "nothing"
    if entry.shape is None:
        return f"a {entry.dtype}"
    return f"({', '.join(map(str, entry.shape))}{',' if len(entry.shape) == 1 else ''})"


def _dtype(entry: Entry | None) -> str:
    return entry.dtype if entry else ""


def _count(entry: Entry | None) -> str:
    """How many numbers a tensor holds, in words; nothing for what is no tensor."""
    if entry is None or entry.shape is None:
        return ""
    count = int(np.prod(entry.shape, dtype=np.int64))
    return f"{count:,} number{'s' * (count != 1)}"


def _about(entry: Entry | None) -> str:
    if entry is None:
        return "–"
    return clean(entry.array or entry.dtype) if entry.shape is None else f"{_shape(entry)} {entry.dtype}"


def _packed(entry: Entry | None, side: int) -> dict[str, Any] | None:
    """A side as the page gets it: small tensors as numbers, a sample of large ones as float32 in base64."""
    if entry is None:
        return None
    if entry.shape is None:
        return {"about": _about(entry)}
    found = sample(entry.array, side)
    whole = plane(entry.shape)
    packed: dict[str, Any] = {"about": _about(entry), "size": list(found.shape), "whole": list(whole)}
    if found.dtype == np.float64:
        packed["numbers"] = [json_number(v) for v in found.reshape(-1).tolist()]
    else:
        packed["floats"] = base64.b64encode(found.astype("<f4").tobytes()).decode("ascii")
    return packed
