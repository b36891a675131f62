"""Fetching: from the keys of one batch to the batch, with the failing sample named when its dataset raises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradviz.core.tensor import Tensor

from ..dataset import IterableDataset, gatherer
from .collate import collate_tensor_fn, default_collate, default_collate_fn_map

Fetch = Callable[[Any], Any]
_ALL = object()


class State:
    """What all workers of a loader look at: which pass is on, and whether to stop."""

    def __init__(self) -> None:
        self.epoch = 0
        self.stopped = False


class StoppedError(Exception):
    """The loader is no longer used: the batch need not be finished."""


def fetcher(batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool, dataset: Any, state: State) -> Fetch:
    """The function that turns keys into data for this kind of dataset; a stream's raises StopIteration at its end."""
    if isinstance(dataset, IterableDataset):
        return _from_stream(dataset, batched, collate_fn, drop_last, state)
    return _from_map(dataset, collate_fn, state) if batched else _one_by_one(dataset, collate_fn)


def _one_by_one(dataset: Any, collate_fn: Callable[[Any], Any]) -> Fetch:
    def fetch(index: Any) -> Any:
        try:
            return collate_fn(dataset[index])
        except Exception as error:
            error.add_note(f"This happened while loading sample {index!r} of {type(dataset).__name__}.")
            raise

    return fetch


def _from_map(dataset: Any, collate_fn: Callable[[Any], Any], state: State) -> Fetch:
    plain = collate_fn is default_collate and default_collate_fn_map.get(Tensor) is collate_tensor_fn
    gather = gatherer(dataset) if plain else None
    many = getattr(dataset, "__getitems__", None)

    def fetch(indices: Sequence[Any]) -> Any:
        if gather is not None and (batch := gather(indices)) is not None:
            return batch
        samples: list[Any] = []
        at: Any = _ALL
        try:
            if callable(many):
                samples = many(indices)
            else:
                for at in indices:
                    if state.stopped:
                        raise StoppedError
                    samples.append(dataset[at])
            at = _ALL
            return collate_fn(samples)
        except Exception as error:
            place = f"the batch of samples {list(indices)!r}" if at is _ALL else f"sample {at!r}"
            error.add_note(f"This happened while loading {place} of {type(dataset).__name__}.")
            raise

    return fetch


def _from_stream(dataset: Any, batched: bool, collate_fn: Callable[[Any], Any], drop_last: bool, state: State) -> Fetch:
    stream = iter(dataset)
    taken = 0
    ended = False

    def take() -> Any:
        nonlocal taken, ended
        if state.stopped:
            raise StoppedError
        try:
            item = next(stream)
        except StopIteration:
            ended = True
            raise
        except Exception as error:
            error.add_note(f"This happened while loading item {taken} of the stream {type(dataset).__name__}.")
            raise
        taken += 1
        return item

    def fetch(keys: Any) -> Any:
        if ended:
            raise StopIteration
        if not batched:
            return collate_fn(take())
        samples: list[Any] = []
        for _ in keys:
            try:
                samples.append(take())
            except StopIteration:
                break
        if not samples or (drop_last and len(samples) < len(keys)):
            raise StopIteration
        return collate_fn(samples)

    return fetch
