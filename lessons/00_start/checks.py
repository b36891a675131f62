"""Checks of lesson 00: the lights, a first tensor, a first slope."""

from __future__ import annotations

from typing import Any

import gradviz as torch
from gradviz.teach.check import Wrong, exercise
from gradviz.teach.compare import close, number


@exercise(
    "00.1",
    "Press the button in the self-test",
    hints=[
        "Run the cell that makes `lights`, press the button in the picture it shows, then run this check again.",
        "Nothing happens on a press? Reload the page, restart the kernel, and run the cells again from the top.",
    ],
    live=True,
)
def lights(answer: Any) -> str | None:
    """The click arrived, and no light is red."""
    from gradviz.widgets import SelfTest

    if not isinstance(answer, SelfTest):
        msg = "This check wants the self-test itself: `lights = SelfTest()`."
        raise Wrong(msg)
    if not answer.pressed:
        return None
    if not answer.echoed:
        msg = "The browser answered, but with another number than Python had sent. Run the cell and press again."
        raise Wrong(msg)
    broken = [light.name for light in answer.lights if light.state == "broken"]
    if broken:
        raise Wrong(f"Not every light is on: {', '.join(broken)}. The repair is written beside each ✗.")
    return "Your click went from the browser to Python and back."


@exercise(
    "00.2",
    "A tensor of 1., 2., 3.",
    hints=[
        "`torch.tensor(...)` makes a tensor from a list.",
        "A list of numbers with a decimal point gives a floating-point tensor.",
    ],
)
def numbers(answer: Any) -> str:
    """A one-dimensional float tensor with these three values."""
    if not isinstance(answer, torch.Tensor):
        raise Wrong(f"That is a {type(answer).__name__}, not a tensor.")
    if tuple(answer.shape) != (3,):
        raise Wrong(f"It should be a row of three numbers, shape (3,). Yours has shape {tuple(answer.shape)}.")
    if not answer.dtype.is_floating_point:
        raise Wrong(f"Shape and kind fit, but the numbers are whole numbers ({answer.dtype}).")
    if answer.tolist() != [1.0, 2.0, 3.0]:
        msg = "Three floating-point numbers, but not these three in this order."
        raise Wrong(msg)
    return "Three floating-point numbers, in order."


@exercise(
    "00.3",
    "The slope of t³ at 2",
    hints=[
        "Make `y` from `t` first: `y = t * t * t`. Then go backward from `y`.",
        "After `y.backward()` the slope waits in the tensor you started from.",
    ],
)
def slope(answer: Any) -> str:
    """3 t² at t = 2."""
    if answer is None:
        msg = "`backward()` itself returns nothing: it leaves the slope in the leaf."
        raise Wrong(msg)
    value = number(answer, "slope")
    if close(value, 8.0):
        msg = "That is the value of t³, not its slope."
        raise Wrong(msg)
    if not close(value, 12.0):
        raise Wrong(f"{value:g} is not the slope of t³ at t = 2.")
    return "3 t², with t = 2."


def wrong_answers() -> dict[str, list[Any]]:
    """Answers that must be red; the tests run them."""
    from gradviz.widgets import SelfTest

    false_echo = SelfTest()
    false_echo.press(echo=-1)
    broken = SelfTest()
    broken.press(echo=broken.nonce)
    broken.lights = [broken.lights[0]._replace(state="broken"), *broken.lights[1:]]
    return {
        "00.1": ["pressed", true_class(), false_echo, broken],
        "00.2": [
            [1.0, 2.0, 3.0],
            torch.tensor([1, 2, 3]),
            torch.tensor([[1.0, 2.0, 3.0]]),
            torch.tensor([3.0, 2.0, 1.0]),
        ],
        "00.3": [8.0, 4.0, None, "12", torch.tensor([12.0, 12.0])],
    }


def true_class() -> Any:
    """The class instead of an instance: a frequent slip."""
    from gradviz.widgets import SelfTest

    return SelfTest
