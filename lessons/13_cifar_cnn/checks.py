"""Checks of lesson 13: the size before the last layer, an accuracy on unseen images, the most confused class."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise
from gradviz.teach.compare import attempt, number

nn = torch.nn
GOAL = 0.45


@exercise(
    "13.1",
    "What goes into the last layer",
    hints=[
        "Follow the rows: the first convolution has stride 2, the others keep the size, and two poolings halve it.",
        "Rows times columns times channels of what the last pooling returns.",
    ],
)
def inputs(answer: Any) -> str:
    """The number, from the layers themselves."""
    said = number(answer, "inputs")
    body = nn.Sequential(
        nn.Conv2d(3, 16, 5, stride=2, padding=2), nn.Conv2d(16, 32, 3, padding=1), nn.MaxPool2d(2),
        nn.Conv2d(32, 32, 3, padding=1), nn.MaxPool2d(2),
    )  # fmt: skip
    _, channels, rows, columns = body(torch.zeros(1, 3, 64, 64)).shape
    want = channels * rows * columns
    if said == want:
        return "Four times as many as before: twice the rows and twice the columns."
    if said == want // 4:
        raise Wrong("That is the number for 32 by 32.")
    if said == rows * columns:
        raise Wrong("Those are the places of one map. How many maps are there?")
    if said == want // 2:
        raise Wrong("Both sides of the image are doubled.")
    if said in (want * 4, want * 16):
        raise Wrong("One halving is missing: the first convolution halves too, and so does each pooling.")
    raise Wrong("Too many." if said > want else "Too few.")


@exercise(
    "13.2",
    "Reach the threshold",
    hints=[
        "A few epochs of `Adam` with a rate of about 0.002 on `loader` are enough for the network of this lesson.",
        "Each step: zero_grad, loss, backward, step. Do you train the parameters of `mine`, and not those of `net`?",
    ],
)
def threshold(answer: Any) -> str:
    """The share of right answers in evaluation mode."""
    if not (isinstance(answer, tuple | list) and len(answer) == 3):
        raise Wrong('Hand in the network with the test images and labels: `check("13.2", (mine, test_x, test_y))`.')
    net, images, labels = answer
    if net is ...:
        raise Unfinished("Still to do: `mine`.")
    if not isinstance(net, nn.Module):
        raise Wrong(f"`mine` should be a network; it is a {type(net).__name__}.")
    if len(images) < 1000 or len(images) != len(labels):
        raise Wrong(f"An accuracy from {len(images)} images says little: use all the test images.")
    was = net.training
    net.eval()
    try:
        with torch.no_grad():
            scores = net(images)
    except Exception as error:
        raise Wrong(f"The network raised {type(error).__name__} on the test images: {error}") from error
    finally:
        net.train(was)
    if tuple(scores.shape) != (len(images), 10):
        raise Wrong(f"Ten scores for each image, please; the network returns {tuple(scores.shape)}.")
    if not torch.isfinite(scores).all():
        raise Wrong("Some scores are not finite: the rate was too large for this network.")
    share = (scores.argmax(1) == labels).float().mean().item()
    if share >= GOAL:
        return f"{share:.0%} of the test images are right."
    if share < 0.2:
        raise Wrong(f"{share:.0%} are right: hardly more than guessing. Has `mine` been trained at all?")
    raise Wrong(f"{share:.0%} are right. It learns; it needs more steps, or a better rate.")


CASES = [
    ([0, 0, 0, 1, 1, 1, 2, 2, 2, 2], [0, 1, 2, 1, 1, 1, 2, 2, 2, 0], 0),
    ([0, 1, 2, 3, 3, 3, 3, 3, 4], [3, 3, 3, 3, 3, 5, 6, 3, 4], 3),
    ([7, 7, 7, 8, 8, 9, 9, 9, 9], [1, 2, 7, 8, 9, 9, 9, 9, 8], 7),
]


@exercise(
    "13.3",
    "The most confused class",
    hints=[
        "Which samples are wrong? `labels != guesses` is true there, and `labels[...]` of it are their true classes.",
        "Count each class among them (`torch.bincount`), and take the place of the largest count.",
    ],
)
def confused(answer: Any) -> str:
    """Hidden labels and guesses; the usual mix-ups are named."""
    for labels, guesses, want in CASES:
        pair = torch.tensor(labels), torch.tensor(guesses)
        found = number(attempt(answer, *pair), "what it returns")
        if found == want:
            continue
        wrong = [(a, b) for a, b in zip(labels, guesses, strict=True) if a != b]
        taken = [b for _, b in wrong]
        if found == max(set(taken), key=taken.count):
            raise Wrong("That is the class that others are most often taken for: a column, not a row.")
        if found == len(wrong):
            raise Wrong("That is how many mistakes there are, not the class that has most of them.")
        if found == max(sorted(set(labels)), key=labels.count):
            raise Wrong("That is the commonest class. Count the mistakes alone.")
        raise Wrong("On a hidden example that is not the class with the most mistakes in its row.")
    return "Right on all the hidden examples."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    draw = torch.Generator().manual_seed(0)
    images, labels = torch.randn(1000, 3, 32, 32, generator=draw), torch.arange(1000) % 10
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
    five = nn.Sequential(nn.Flatten(), nn.Linear(3072, 5))

    def column(labels: Any, guesses: Any) -> Any:
        return torch.bincount(guesses[labels != guesses]).argmax().item()

    def commonest(labels: Any, guesses: Any) -> Any:
        return torch.bincount(labels).argmax().item()

    def how_many(labels: Any, guesses: Any) -> Any:
        return (labels != guesses).sum().item()

    def right(labels: Any, guesses: Any) -> Any:
        return torch.bincount(labels[labels == guesses]).argmax().item()

    return {
        "13.1": [512, 64, 1024, 8192, 32768, 3, None],
        "13.2": [
            (plain, images, labels), (five, images, labels), (plain, images[:20], labels[:20]), (0.7, images, labels),
            plain, (plain, images[:, :1], labels),
        ],
        "13.3": [column, commonest, how_many, right, 3],
    }  # fmt: skip
