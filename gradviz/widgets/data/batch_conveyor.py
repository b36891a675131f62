"""`BatchConveyor`: which rows a DataLoader puts into which batch, epoch by epoch, before it is used.

    loader = DataLoader(dataset, batch_size=4, shuffle=True)
    BatchConveyor(loader, epochs=2)              what `for batch in loader` will do from here
    BatchConveyor(loader, seed=0)                what it does after torch.manual_seed(0)
    BatchConveyor(loader, seed=[0, 1, 2])        three seeds to choose from, for a sampler of your own

Copies of the sampler and the generators are run; yours do not move. Rows are read once each, from a copy of the dataset
(above 64 MB from the dataset itself), to be shown as thumbnails or numbers; the collate function is called on the rows
of up to 40 batches of an epoch, to see what it makes of them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gradviz.utils.data import BatchSampler, DataLoader, IterableDataset, default_collate
from gradviz.viz.measure import clean
from gradviz.widgets.base import View
from gradviz.widgets.cnn import pictures
from gradviz.widgets.data import conveyor_svg, loader_trace, sample_read
from gradviz.widgets.data.conveyor_facts import Epoch, epoch_of, meet_again, words
from gradviz.widgets.data.loader_trace import MOST_STREAM
from gradviz.widgets.optim.descent import undisturbed
from gradviz.widgets.replay import replay_html
from gradviz.widgets.timeline import Timeline, name_of

MOST_EPOCHS, MOST_SEEDS = 6, 8
MOST_CARDS = 160  # rows of a dataset that is shown whole
MOST_READ = 400  # rows that are read to be shown
MOST_COLLATED = 40  # batches of an epoch that are collated to see what comes out
NAME = 14  # characters of a key
EXCERPT = 120  # characters of an error

DEPENDS = {
    "default": "The order comes from torch's default generator: whatever else draws from it (a random transform, "
    "dropout) changes the next order.",
    "own": "The order comes from a generator of its own: nothing else that draws changes it.",
    "python": "The order comes from Python's random: torch.manual_seed does not fix it.",
    "numpy": "The order comes from NumPy's random: torch.manual_seed does not fix it.",
}


class BatchConveyor(View):
    """The rows of a dataset, on their way through the sampler into batches.

    Args:
        loader: a DataLoader, with any dataset, sampler, batch sampler and collate function. It is not changed.
        epochs: passes to show, up to 6.
        seed: None: from where the generators stand now. A number: as after ``torch.manual_seed(seed)``, with the
            generators of the loader and its samplers seeded alike. Several numbers (up to 8): one can be chosen.
        set_epoch: call ``sampler.set_epoch(k)`` before epoch k, as a loop with a DistributedSampler does.
        classes: names of the classes; the dataset's own `classes` if it has them.
        mean, std: what a Normalize used, to be undone for the thumbnails.
        title: shown above the picture.
        timeline: move together with other views; a step is a row.

    Of a stream (IterableDataset) the items are taken from a copy, at most 200 an epoch; what it holds beyond cannot be
    known. Source: https://docs.pytorch.org/docs/2.13/data.html
    """

    def __init__(
        self,
        loader: DataLoader[Any],
        epochs: int = 2,
        *,
        seed: int | Sequence[int] | None = None,
        set_epoch: bool = False,
        classes: Sequence[Any] | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        title: str | None = None,
        timeline: Timeline | str | None = None,
    ) -> None:
        if not isinstance(loader, DataLoader):
            raise TypeError(
                f"BatchConveyor shows a DataLoader; got {type(loader).__name__}. Wrap a dataset in one: "
                "DataLoader(dataset, batch_size=4, shuffle=True)."
            )
        if isinstance(epochs, bool) or not isinstance(epochs, int) or not 1 <= epochs <= MOST_EPOCHS:
            raise ValueError(f"BatchConveyor: epochs must be a whole number from 1 to {MOST_EPOCHS}; got {epochs!r}.")
        self.seeds = _seeds(seed)
        self.title = title or "Which rows are in which batch"
        self.timeline = name_of(timeline)
        self.stream = isinstance(loader.dataset, IterableDataset)
        self.batched = loader.batch_size is not None or loader.batch_sampler is not None
        self.count: int | None = None
        self.depends: list[str] = []
        self.recipe: loader_trace.Recipe | None = None
        self.runs: list[list[Epoch]] = []
        self.keys: list[str] = []  # of the rows, where they are no row numbers
        with undisturbed():
            self.data = sample_read.reader(loader.dataset) if not self.stream else _stream_copy(loader.dataset)
            if self.stream:
                items = self._trace_stream(loader, epochs)
            else:
                self.count = _length(loader.dataset)
                items = self._read(self._trace_map(loader, epochs, set_epoch))
            self.ids = list(items)
            self.cards = sample_read.Cards(items.values(), classes or _classes(loader.dataset), mean, std)
            self.collated = [self._collated(run, loader, items) for run in self.runs]
        self.template = self._template(loader)
        self.size, self.drop_last = loader.batch_size, bool(loader.drop_last)
        whole = all(epoch.whole for run in self.runs for epoch in run)
        cut = type(loader.batch_sampler) is BatchSampler and loader.batch_size is not None
        self.recut = whole and cut and not self.stream
        if not self.recut:
            self.recipe = None
        self.notes = self._notes(loader, set_epoch)

    # -- what happens ----------------------------------------------------------------------------------------------
    def _trace_map(self, loader: Any, epochs: int, set_epoch: bool) -> list[Any]:
        """The runs; returns the keys by the number of their row, where the keys are no row numbers."""
        made = [loader_trace.passes(loader, epochs, seed, set_epoch) for seed in self.seeds]
        self.depends = loader_trace.sources(loader)
        count = self.count
        names: dict[Any, tuple[int, Any]] = {}
        drawn = [key for run in made for one in run for key in (*one.keys, *one.dropped)]
        if count is not None and all(_is_row(key, count) for key in drawn):
            self.recipe = loader_trace.recipe(loader)
            self.runs = [[epoch_of(one, lambda key: int(key) % count, count) for one in run] for run in made]
            return []
        for key in drawn:
            names.setdefault(loader_trace.hashed(key), (len(names), key))

        def number(key: Any) -> int:
            return names[loader_trace.hashed(key)][0]

        self.runs = [[epoch_of(one, number, count, named=False) for one in run] for run in made]
        return [key for _, key in names.values()]

    def _trace_stream(self, loader: Any, epochs: int) -> dict[int, Any]:
        items: dict[int, Any] = {}
        for seed in self.seeds:
            made, found = loader_trace.stream_passes(loader, self.data, epochs, seed)
            self.runs.append([epoch_of(one, int, None) for one in made])
            for key, item in found.items():
                items.setdefault(key, item)
        return items

    def _read(self, keys: list[Any]) -> dict[int, Any]:
        """The samples that are shown, by the number of their row."""
        if self.count is not None and self.count <= MOST_CARDS and not keys:
            wanted = list(range(self.count))
        else:
            shown = (at for run in self.runs for epoch in run for at in epoch.steps)
            wanted = sorted(list(dict.fromkeys(shown))[:MOST_READ])
        made = {}
        for at in wanted:
            key = keys[at] if keys else at
            try:
                made[at] = self.data[key]
            except Exception as error:
                error.add_note(f"This happened while BatchConveyor was reading sample {key!r} of the dataset.")
                raise
        if keys:
            self.keys = [clean(keys[at])[:NAME] for at in wanted]
        return made

    def _collated(self, run: Sequence[Epoch], loader: Any, items: dict[int, Any]) -> list[list[str]]:
        """What the collate function makes of each batch, in words; of an error its first line."""
        if self.data is None:
            return [[] for _ in run]
        made = []
        for epoch in run:
            told = []
            for batch in epoch.batches()[:MOST_COLLATED]:
                if not all(at in items for at in batch):
                    break
                samples = [items[at] for at in batch]
                try:
                    told.append(sample_read.shapes(loader.collate_fn(samples if self.batched else samples[0])))
                except Exception as error:
                    first = (str(error).splitlines() or [""])[0]
                    told.append(f"✗ {type(error).__name__}: {clean(first)[:EXCERPT]}")
            made.append(told)
        return made

    def _template(self, loader: Any) -> str | None:
        """What default_collate makes of n rows, with `n` for how many; None where that cannot be said of any n."""
        told = {
            text.replace(f"[{len(batch)},", "[n,").replace(f"[{len(batch)}]", "[n]")
            for run, words_ in zip(self.runs, self.collated, strict=True)
            for epoch, texts in zip(run, words_, strict=True)
            for batch, text in zip(epoch.batches(), texts, strict=False)
        }
        return told.pop() if loader.collate_fn is default_collate and len(told) == 1 else None

    def _notes(self, loader: Any, set_epoch: bool) -> list[str]:
        made = [DEPENDS[name] for name in self.depends]
        run = self.runs[0]
        same = len(run) > 1 and all(epoch.steps == run[0].steps for epoch in run)
        can = [one for one in (loader.sampler, loader.batch_sampler) if callable(getattr(one, "set_epoch", None))]
        if can and not set_epoch and same:
            made.append("The sampler has set_epoch: call it before each epoch, or all epochs have the same order.")
        if any(epoch.reordered for epoch in run):
            made.append("The batch sampler changes the order that its sampler gives.")
        if not all(epoch.whole for epoch in run):
            made.append(f"Shown are the first {len(run[0].sizes)} batches of each epoch; the counts are of all.")
        if any(not epoch.ended for epoch in run):
            made.append(f"The stream has more than {MOST_STREAM} items; what comes later is not known.")
        if self.stream and loader.num_workers and loader.drop_last:
            made.append("What the workers drop at the end of their streams is not known.")
        return [*made, *([self.cards.note] if self.cards.note else [])]

    # -- as data, picture, text ------------------------------------------------------------------------------------
    def to_json(self) -> dict[str, Any]:
        """The rows, and for each seed and epoch the rows in the order of the batches."""
        return {
            "format": "gradviz.batch_conveyor/1",
            "title": clean(self.title)[:200],
            "stream": self.stream,
            "batched": self.batched,
            "count": self.count,
            "ids": self.ids,
            "keys": self.keys or None,
            "classes": self.cards.classes,
            "letters": self.cards.letters,
            "labels": self.cards.labels,
            "texts": self.cards.texts if self.cards.pixels is None else None,
            "images": None if self.cards.pixels is None else pictures.packed(self.cards.pixels),
            "seeds": self.seeds,
            "runs": [
                [
                    {**epoch.to_json(), "collated": told}
                    for epoch, told in zip(run, self.collated[i], strict=True)
                ]
                for i, run in enumerate(self.runs)
            ],
            "template": self.template,
            "size": self.size,
            "drop_last": self.drop_last,
            "recut": self.recut,
            "recipe": None if self.recipe is None else asdict(self.recipe),
            "notes": self.notes,
            "timeline": self.timeline,
        }  # fmt: skip

    def to_svg(self) -> str:
        """Every batch of every epoch with its rows, for the first seed."""
        return conveyor_svg.draw(self)

    def to_html(self) -> str:
        """The picture, its table, and the script that lets the rows move where scripts run."""
        return replay_html(
            "batch_conveyor", self.to_json(), self.to_svg(), self.to_text(), self.table(), caption="Batches as a table"
        )

    def label_of(self, at: int) -> str:
        """The class of a row, or nothing."""
        if at not in self._place:
            return ""
        k = self.cards.labels[self._place[at]]
        return "" if k < 0 else self.cards.classes[k]

    @property
    def _place(self) -> dict[int, int]:
        return {at: i for i, at in enumerate(self.ids)}

    def key_of(self, at: int) -> str:
        """How a row is called: its number, or its key."""
        place = self._place.get(at)
        return str(at) if place is None or not self.keys else self.keys[place]

    def table(self) -> list[list[str]]:
        """A row for each batch of the first seed: epoch, batch, its rows, their classes, what collate makes of it."""
        rows = [["epoch", "batch", "rows", "classes", "collated"]]
        for e, epoch in enumerate(self.runs[0]):
            told = self.collated[0][e]
            for b, batch in enumerate(epoch.batches()):
                names = " ".join(self.label_of(at) for at in batch)
                said = told[b] if b < len(told) else ""
                rows.append([str(e + 1), str(b), " ".join(self.key_of(at) for at in batch), names.strip(), said])
            if epoch.dropped_shown:
                left = " ".join(self.key_of(at) for at in epoch.steps[-epoch.dropped_shown :])
                rows.append([str(e + 1), "dropped", left, "", ""])
        return rows

    def summary(self) -> str:
        """One line: how many rows, batches, epochs."""
        first = self.runs[0][0]
        of = "a stream" if self.stream else f"{self.count} rows" if self.count is not None else "rows by key"
        size = f" of {self.size}" if self.size else ""
        seed = "" if self.seeds[0] is None else f", seed {self.seeds[0]}"
        noun = "batch" if first.facts.batches == 1 else "batches"
        return f"{clean(self.title)[:200]}: {of}, {first.facts.batches} {noun}{size} in an epoch{seed}"

    def to_text(self) -> str:
        """The text twin: each epoch's batches as row numbers, then what is dropped, repeated or never seen."""
        lines = [self.summary()]
        run = self.runs[0]
        for e, epoch in enumerate(run):
            held = " | ".join(" ".join(self.key_of(at) for at in batch) for batch in epoch.batches())
            lines.append(f"epoch {e + 1}: {held}" + ("" if epoch.whole else " | …"))
            lines.append(f"  {words(epoch.facts, self.batched)}")
            if e and run[e - 1].whole and epoch.whole:
                lines.append(f"  {meet_again(run[e - 1], epoch, e)}")
        return "\n".join([*lines, *self.notes])


def _seeds(seed: Any) -> list[int | None]:
    if seed is None:
        return [None]
    found = list(seed) if isinstance(seed, Sequence | range) and not isinstance(seed, str) else [seed]
    for one in found:
        if isinstance(one, bool) or not isinstance(one, int) or not 0 <= one < 2**53:
            raise ValueError(f"BatchConveyor: a seed is a whole number from 0 to 2**53 - 1; got {one!r}.")
    if not 1 <= len(found) <= MOST_SEEDS:
        raise ValueError(f"BatchConveyor takes one seed or up to {MOST_SEEDS}; got {len(found)}.")
    return list(dict.fromkeys(found))


def _length(dataset: Any) -> int | None:
    try:
        return len(dataset)
    except (TypeError, NotImplementedError):
        return None


def _is_row(key: Any, count: int) -> bool:
    return hasattr(key, "__index__") and not isinstance(key, bool) and -count <= int(key) < count


def _classes(dataset: Any) -> Any:
    """The names of the classes that a dataset, or the one it is a part of, has."""
    while dataset is not None:
        if getattr(dataset, "classes", None) is not None:
            return dataset.classes
        dataset = getattr(dataset, "dataset", None)
    return None


def _stream_copy(dataset: Any) -> Any:
    try:
        return copy.deepcopy(dataset)
    except Exception as error:
        raise TypeError(
            "BatchConveyor takes items from a copy of the stream, so that yours is not used up, and "
            f"{type(dataset).__name__} cannot be copied: {error}. Let its __iter__ make the iterator."
        ) from error
