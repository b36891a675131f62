"""Checks of lesson 15: a run that is resumed to the last bit, and the names of a state_dict repaired."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import gradviz as torch
from gradviz.teach.check import Unfinished, Wrong, exercise

nn = torch.nn
STEPS = 5


def build(seed: int) -> tuple[Any, Any]:
    """A model with dropout and its optimizer with momentum."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 1))
    return model, torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)


def train(model: Any, optimizer: Any) -> list[float]:
    """Five steps on data drawn as they are needed; their losses."""
    losses = []
    for _ in range(STEPS):
        x = torch.randn(8, 3)
        loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def tried(what: str, function: Any, *arguments: Any) -> Any:
    """Call the learner's function; an error of theirs is named, not thrown."""
    try:
        return function(*arguments)
    except Exception as error:
        text = str(error).strip().splitlines()
        raise Wrong(f"{what} raised {type(error).__name__}: {text[0] if text else 'no text'}") from error


def through_a_file(checkpoint: Any) -> Any:
    """What comes back from a file."""
    file = io.BytesIO()
    tried("Saving what `pack` returned", torch.save, checkpoint, file)
    file.seek(0)
    try:
        return torch.load(file)
    except pickle.UnpicklingError as error:
        raise Wrong("What `pack` returned holds more than tensors, numbers and containers: load refuses it.") from error


@exercise(
    "15.1",
    "Resume bit for bit",
    hints=[
        "Three things decide the next loss. Models and optimizers both have `state_dict()` and `load_state_dict()`.",
        "The third is the state of the random numbers: `torch.get_rng_state()` and `torch.set_rng_state(...)`.",
    ],
)
def resume(answer: Any) -> str:
    """Train, pack, train on; unpack into new objects and train on from there. The losses tell what is missing."""
    if not (isinstance(answer, tuple | list) and len(answer) == 2 and all(callable(one) for one in answer)):
        raise Wrong("Hand in both functions: `check('15.1', (pack, unpack))`.")
    kept = torch.get_rng_state()
    try:
        return compare(*answer)
    finally:
        torch.set_rng_state(kept)


def compare(pack: Any, unpack: Any) -> str:
    """The next five losses of the run that went on, and of the one that was resumed."""
    model, optimizer = build(0)
    train(model, optimizer)
    random = torch.get_rng_state()
    checkpoint = tried("`pack`", pack, model, optimizer)
    if checkpoint is None or checkpoint is ...:
        raise Unfinished("`pack` returns nothing yet.")
    if not torch.equal(random, torch.get_rng_state()):
        raise Wrong("`pack` draws random numbers: saving should leave the run as it is.")
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    loaded = through_a_file(checkpoint)
    want = train(model, optimizer)

    def again(help_random: bool) -> tuple[list[float], Any]:
        other, its_optimizer = build(1)
        tried("`unpack`", unpack, loaded, other, its_optimizer)
        state = {name: value.clone() for name, value in other.state_dict().items()}
        if help_random:
            torch.set_rng_state(random)
        return train(other, its_optimizer), state

    got, state = again(help_random=False)
    if got == want:
        return "Five losses, equal to the last bit."
    helped, _ = again(help_random=True)
    off = [name for name in weights if not torch.equal(weights[name], state[name])]
    if off:
        raise Wrong(f"After `unpack` the model has other weights than the one that was saved, first in `{off[0]}`.")
    if helped == want:
        raise Wrong("Weights and optimizer are back. The first loss differs because other random numbers are drawn.")
    first = next(k for k in range(STEPS) if helped[k] != want[k])
    both = "" if got[0] == want[0] else " The random numbers are not back either."
    raise Wrong(
        f"The weights are back. Given the right random numbers, {first} of the five losses would be equal and then "
        f"they part: something that the update step remembers is missing.{both}"
    )


@exercise(
    "15.2",
    "Names with a prefix",
    hints=[
        "A dictionary comprehension: a new name and the same tensor for each pair of `received.items()`.",
        "Only the beginning of a name goes, and only once: `str.removeprefix`.",
    ],
)
def prefix(answer: Any) -> str:
    """Names first, then the tensors."""
    if answer is ...:
        raise Unfinished("Still to do: `repaired`.")
    if not isinstance(answer, Mapping):
        raise Wrong(f"`repaired` should be a dictionary; it is a {type(answer).__name__}.")
    want = {"encoder.weight": torch.ones(4, 2), "module.bias": torch.zeros(4)}
    names = [str(name) for name in answer]
    if len(names) != 2:
        raise Wrong(f"Two tensors were received, and `repaired` holds {len(names)}.")
    for name in names:
        if name.startswith("module.") and name != "module.bias":
            raise Wrong(f"`{name}` still has the prefix.")
    if "bias" in names:
        raise Wrong("One prefix too many has gone: in the plain model a layer may be called `module` itself.")
    if set(names) != set(want):
        odd = next(name for name in names if name not in want)
        raise Wrong(f"`{odd}` is no name of the plain model. `str.lstrip` takes letters away, not a word.")
    for name, value in want.items():
        if not isinstance(answer[name], torch.Tensor) or not torch.equal(answer[name], value):
            raise Wrong(f"The name `{name}` is right, but it should lead to the tensor that was received.")
    return "The plain model would take it, with strict=True."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""

    def weights(model: Any, optimizer: Any) -> Any:
        return {"model": model.state_dict()}

    def weights_back(saved: Any, model: Any, optimizer: Any) -> None:
        model.load_state_dict(saved["model"])

    def no_random(model: Any, optimizer: Any) -> Any:
        return {"model": model.state_dict(), "optimizer": optimizer.state_dict()}

    def no_random_back(saved: Any, model: Any, optimizer: Any) -> None:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])

    def no_optimizer(model: Any, optimizer: Any) -> Any:
        return {"model": model.state_dict(), "random": torch.get_rng_state()}

    def no_optimizer_back(saved: Any, model: Any, optimizer: Any) -> None:
        model.load_state_dict(saved["model"])
        torch.set_rng_state(saved["random"])

    def whole(model: Any, optimizer: Any) -> Any:
        return {"model": model, "optimizer": optimizer}

    def nothing(saved: Any, model: Any, optimizer: Any) -> None: ...

    one, zero = torch.ones(4, 2), torch.zeros(4)
    received = {"module.encoder.weight": one, "module.module.bias": zero}
    return {
        "15.1": [
            (weights, weights_back), (no_random, no_random_back), (no_optimizer, no_optimizer_back),
            (whole, nothing), (weights, nothing), weights,
        ],
        "15.2": [
            received,
            {name.lstrip("module."): value for name, value in received.items()},
            {name.replace("module.", ""): value for name, value in received.items()},
            {"encoder.weight": one}, {"encoder.weight": zero, "module.bias": zero}, list(received),
        ],
    }  # fmt: skip
