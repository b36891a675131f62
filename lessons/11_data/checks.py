"""Checks of lesson 11: normalisation with the right numbers, and a mirror image drawn at random."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import attempt

# -- 11.1 ----------------------------------------------------------------------------------------------------------
ALL = (0, 2, 3)  # samples, rows, columns: what is left is a number for each channel
ROUNDING = 2e-3  # wide enough for either kind of standard deviation, which differ by 0.04 % here
GROUPS: dict[tuple[int, ...], str] = {
    (1, 2, 3): "Each image has been normalised by itself: how bright it was is lost.",
    (2, 3): "Each channel of each image has been normalised by itself: how bright it was is lost.",
    (0,): "Every place in the image has numbers of its own. How many numbers should a channel have?",
    (0, 1, 2, 3): "All channels have been thrown together: one mean and one deviation for the three.",
    (0, 3): "Every row of pixels has numbers of its own. How many numbers should a channel have?",
    (0, 2): "Every column of pixels has numbers of its own. How many numbers should a channel have?",
}


def samples(count: int, size: tuple[int, int], shift: float, seed: int) -> Any:
    """Images whose channels differ in mean and spread, and whose brightness differs from image to image."""
    draw = torch.Generator().manual_seed(seed)
    light = 0.5 + torch.rand(count, 1, 1, 1, generator=draw)
    scale = torch.tensor([1.0, 0.4, 0.15]).reshape(3, 1, 1)
    ground = torch.tensor([0.5, 0.2, 0.8]).reshape(3, 1, 1)
    return light * (scale * torch.rand(count, 3, *size, generator=draw) + ground) + shift


def statistics(images: Any, dims: tuple[int, ...] = ALL) -> tuple[Any, Any]:
    return images.mean(dim=dims, keepdim=True), images.std(dim=dims, keepdim=True)


def scaled(images: Any, by: tuple[Any, Any]) -> Any:
    return (images - by[0]) / by[1]


def alike(a: Any, b: Any) -> bool:
    return bool(torch.allclose(a.double(), b.double(), rtol=ROUNDING, atol=ROUNDING))


def pair_of(got: Any, train: Any, test: Any) -> tuple[Any, Any]:
    """Two tensors of the right shapes, or what is wrong with what came back."""
    if not (isinstance(got, tuple | list) and len(got) == 2 and all(isinstance(part, torch.Tensor) for part in got)):
        kind = (
            "nothing" if got is None else "one tensor" if isinstance(got, torch.Tensor) else f"a {type(got).__name__}"
        )
        raise Wrong(f"It returned {kind}. It should return two tensors: the training images, and the test images.")
    for name, part, given in zip(("training", "test"), got, (train, test), strict=True):
        if part.shape != given.shape:
            raise Wrong(f"The {name} images went in as {tuple(given.shape)} and came out as {tuple(part.shape)}.")
    return got[0], got[1]


def diagnose(mine: Any, train: Any, test: Any) -> str:
    """What has been done to the training images instead."""
    mean, std = statistics(train)
    tries: list[tuple[Any, str]] = [
        (train, "The training images came back as they were."),
        (train - mean, "The mean is 0 in each channel, but the spread is what it was."),
        (train / std, "The spread is right in each channel, but the mean is not 0."),
        ((train - mean) / std**2, "The mean is right, but you divided by the variance."),
        (train - mean / std, "Only the mean has been divided: mind the brackets."),
        (scaled(train, statistics(torch.cat([train, test]))), "The test images have had a say in the numbers."),
        (scaled(train, statistics(test)), "The training images have been normalised with numbers of the test images."),
    ]
    tries += [(scaled(train, statistics(train, dims)), words) for dims, words in GROUPS.items()]
    for want, words in tries:
        if alike(mine, want):
            return words
    if not bool(torch.isfinite(mine).all()):
        return "The training images hold NaN or infinity."
    off = mine.mean(dim=ALL).abs().max().item()
    if off > ROUNDING:
        return f"A channel of the training images has the mean {off:.3g} (or minus that) afterwards."
    wide = mine.std(dim=ALL)
    far = wide[(wide - 1).abs().argmax()].item()
    return f"A channel of the training images has the standard deviation {far:.3g} afterwards."


@exercise(
    "11.1",
    "Normalise",
    hints=[
        "Three means and three deviations. Which of the four dimensions must be averaged away, and from which set?",
        "`train.mean(dim=(...), keepdim=True)` with all dimensions but that of the channels; the same two for `test`.",
    ],
)
def normalise(answer: Any) -> str:
    """Two hidden pairs of sets; the test set is brighter than the training set."""
    for count, size, seed in ((40, (5, 7), 0), (60, (6, 6), 1)):
        train, test = samples(count, size, 0.0, seed), samples(16, size, 0.3, seed + 10)
        kept = train.clone(), test.clone()
        got = attempt(answer, train, test)
        if not (torch.equal(train, kept[0]) and torch.equal(test, kept[1])):
            raise Wrong("The images that were handed in have been changed.")
        mine, theirs = pair_of(got, train, test)
        by = statistics(train)
        if not alike(mine, scaled(train, by)):
            raise Wrong(diagnose(mine, train, test))
        if not alike(theirs, scaled(test, by)):
            if alike(theirs, scaled(test, statistics(test))):
                raise Wrong("The training images are right. The test images were normalised with numbers of their own.")
            if alike(theirs, test):
                raise Wrong("The training images are right. The test images came back as they were.")
            raise Wrong("The training images are right, the test images are not.")
    return "Mean 0 and deviation 1 for each channel of the training set, and the same numbers for the test set."


# -- 11.2 ----------------------------------------------------------------------------------------------------------
DRAWS = 400


def picture() -> Any:
    """An image that is like none of its mirror images, and not square."""
    return torch.rand(3, 4, 6, generator=torch.Generator().manual_seed(5))


OTHERS: dict[str, Callable[[Any], Any]] = {
    "Top and bottom have been exchanged.": lambda image: image.flip(1),
    "Left and right have been exchanged, and top and bottom as well.": lambda image: image.flip(1, 2),
    "The order of the channels has been turned round: the colours are others.": lambda image: image.flip(0),
    "All three dimensions have been turned round.": lambda image: image.flip(0, 1, 2),
    "The columns have been moved round, not mirrored.": lambda image: image.roll(1, -1),
}


def shown(answer: Any, image: Any, p: float) -> Any:
    """One call, with a tensor of the right shape; the image handed in must stay as it is."""
    kept = image.clone()
    got = attempt(answer, image, p)
    if not torch.equal(image, kept):
        raise Wrong("The image that was handed in has been changed: the dataset would be spoilt.")
    if not isinstance(got, torch.Tensor):
        kind = "nothing" if got is None else f"a {type(got).__name__}"
        raise Wrong(f"With p={p} it returned {kind}. It should always return an image.")
    if got.shape != image.shape:
        raise Wrong(f"The image went in as {tuple(image.shape)} and came out as {tuple(got.shape)}.")
    return got


def turned(answer: Any, image: Any, p: float) -> list[bool]:
    """For each of many calls whether it mirrored; anything but image and mirror image is named."""
    mirrored = image.flip(2)
    made = []
    for _ in range(DRAWS):
        got = shown(answer, image, p)
        if not (torch.equal(got, image) or torch.equal(got, mirrored)):
            named = next((words for words, other in OTHERS.items() if torch.equal(got, other(image))), None)
            raise Wrong(named or "Sometimes only a part of the image is mirrored. It is all or nothing.")
        made.append(torch.equal(got, mirrored))
    return made


@exercise(
    "11.2",
    "Flip",
    hints=[
        "One random number from 0 to 1 for the whole image decides. How often is it below p?",
        "`torch.rand(1).item() < p`. To mirror, turn round the last dimension; `tensor.flip` makes a new tensor.",
    ],
)
def flip(answer: Any) -> str:
    """Always, never, and often enough in between; drawn anew, by torch; the image is left alone."""
    image = picture()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        always = shown(answer, image, 1.0)
        if torch.equal(always, image):
            raise Wrong("With p=1 the image came back as it was. It should be mirrored every time.")
        if not torch.equal(always, image.flip(2)):
            named = next((words for words, other in OTHERS.items() if torch.equal(always, other(image))), None)
            raise Wrong(named or "With p=1 it should return the mirror image, left and right exchanged.")
        if not all(turned(answer, image, 1.0)):
            raise Wrong("With p=1 some images came back as they were.")
        if any(turned(answer, image, 0.0)):
            raise Wrong("With p=0 some images were mirrored.")
        for p in (0.3, 0.8):
            torch.manual_seed(1)
            first = turned(answer, image, p)
            count, room = sum(first), 5 * math.sqrt(DRAWS * p * (1 - p))
            if count in (0, DRAWS):
                raise Wrong(f"With p={p} it does the same every time.")
            if abs(count - p * DRAWS) > room:
                raise Wrong(f"With p={p} it mirrored {count} of {DRAWS} images.")
            torch.manual_seed(1)
            if turned(answer, image, p) != first:
                raise Wrong("After the same torch.manual_seed other images are mirrored: it is not drawn by torch.")
    return "Left and right, as often as p says, and the stored image is left alone."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def with_dims(*dims: int) -> Callable[[Any, Any], Any]:
        return lambda train, test: (scaled(train, statistics(train, dims)), scaled(test, statistics(test, dims)))

    def own_numbers(train: Any, test: Any) -> Any:
        return scaled(train, statistics(train)), scaled(test, statistics(test))

    def together(train: Any, test: Any) -> Any:
        by = statistics(torch.cat([train, test]))
        return scaled(train, by), scaled(test, by)

    def variance(train: Any, test: Any) -> Any:
        mean, std = statistics(train)
        return (train - mean) / std**2, (test - mean) / std**2

    def centred(train: Any, test: Any) -> Any:
        mean, _ = statistics(train)
        return train - mean, test - mean

    def brackets(train: Any, test: Any) -> Any:
        mean, std = statistics(train)
        return train - mean / std, test - mean / std

    def test_left_alone(train: Any, test: Any) -> Any:
        return scaled(train, statistics(train)), test

    def in_place(train: Any, test: Any) -> Any:
        mean, std = statistics(train)
        return train.sub_(mean).div_(std), test.sub_(mean).div_(std)

    def from_test(train: Any, test: Any) -> Any:
        by = statistics(test)
        return scaled(train, by), scaled(test, by)

    def only_train(train: Any, test: Any) -> Any:
        return scaled(train, statistics(train))

    def to_one(train: Any, test: Any) -> Any:
        low, high = train.min(), train.max()
        return (train - low) / (high - low), (test - low) / (high - low)

    def maybe(make: Callable[[Any], Any]) -> Callable[[Any, float], Any]:
        return lambda image, p=0.5: make(image) if torch.rand(1).item() < p else image

    def other_way(image: Any, p: float = 0.5) -> Any:
        return image.flip(2) if torch.rand(1).item() > p else image

    def always(image: Any, p: float = 0.5) -> Any:
        return image.flip(2)

    def a_coin(image: Any, p: float = 0.5) -> Any:
        return image.flip(2) if p == 1 or (p > 0 and torch.rand(1).item() < 0.5) else image

    def writes(image: Any, p: float = 0.5) -> Any:
        if torch.rand(1).item() < p:
            image.copy_(image.flip(2).clone())
        return image

    def row_by_row(image: Any, p: float = 0.5) -> Any:
        return torch.where(torch.rand(image.shape[1], 1) < p, image.flip(2), image)

    def forgets_else(image: Any, p: float = 0.5) -> Any:
        return image.flip(2) if torch.rand(1).item() < p else None

    def by_python(image: Any, p: float = 0.5) -> Any:
        import random

        return image.flip(2) if random.random() < p else image

    return {
        "11.1": [
            with_dims(1, 2, 3), with_dims(2, 3), with_dims(0), with_dims(0, 1, 2, 3), with_dims(0, 3), own_numbers,
            together, variance, centred, brackets, test_left_alone, in_place, from_test, only_train, to_one,
            lambda train, test: (train, test), 3,
        ],
        "11.2": [
            maybe(lambda image: image.flip(1)), maybe(lambda image: image.flip(1, 2)),
            maybe(lambda image: image.flip(0)), maybe(lambda image: image.transpose(1, 2)), other_way, always, a_coin,
            writes, row_by_row, forgets_else, by_python, maybe(lambda image: image.roll(1, -1)),
            lambda image, p: image, 7,
        ],
    }  # fmt: skip
