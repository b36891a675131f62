"""Random programs of 5 to 30 statements, run under PyTorch and under gradviz: every value, gradient and error agrees.

The statements make views, write in place through them and through their bases, index, promote types, leave and enter
no_grad, detach and differentiate. A statement that raises must raise the same error in both, and the program goes on.
"""

from __future__ import annotations

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import gradviz

from .same import first_sentence

# {x} and {y} are variables there are, {n} is a new one.
VIEWS = """
    {n} = {x}[0] | {n} = {x}[1:] | {n} = {x}[..., ::2] | {n} = {x}[:, 1] | {n} = {x}.t() | {n} = {x}.view(-1)
    {n} = {x}.reshape(-1) | {n} = {x}.unsqueeze(0) | {n} = {x}.squeeze() | {n} = {x}.diagonal() | {n} = {x}.detach()
    {n} = {x}.narrow(0, 0, 1) | {n} = {x}.select(-1, 0) | {n} = {x}.chunk(2)[0] | {n} = {x}.unbind()[0]
    {n} = {x}.expand(2, *{x}.shape) * 1 | {n} = {x}.transpose(0, -1) | {n} = {x}[None] | {n} = {x}[-1]
    {n} = {x}.view_as({x})
"""
MAKES = """
    {n} = {x} * {y} | {n} = {x} + {y} | {n} = {x} - 1.5 | {n} = 2 / ({x} * {x} + 1) | {n} = {x}.clone()
    {n} = {x}.sum(0) | {n} = torch.relu({x}) | {n} = torch.where({x} > 0, {x}, {y}) | {n} = {x}.exp()
    {n} = {x}[{x} > 0] | {n} = {x}[[0, 1]] | {n} = ({x} @ {y}) * 1 | {n} = {x}.float() | {n} = torch.cat([{x}, {y}])
    {n} = torch.stack([{x}, {y}]) | {n} = {x}.mean() | {n} = {x} > 0.1 | {n} = {x}.long()
    {n} = torch.maximum({x}, {y}) | {n} = {x}.tanh() | {n} = {x} ** 2 | with torch.no_grad(): {n} = {x} * 2
    {n} = {x}.cumsum(0) | {n} = {x}.flip(0)
"""
WRITES = """
    {x}.mul_({y}) | {x}.add_(1) | {x}[0] = {y} | {x}[..., 0] = 2.0 | {x} += {y} | {x}.copy_({y}) | {x}.zero_()
    {x}.fill_(0.5) | {x}.relu_() | {x}.sigmoid_() | {x}[{x} > 0.3] = 0.1 | {x}[[0]] = {y}
    {x}.masked_fill_({x} > 0, 0.5) | {x}.t_() | {x}.unsqueeze_(0) | {x}.squeeze_() | {x}.clamp_(-1, 1) | {x}.div_(2)
    {x}[1:] *= 3 | {x}.sub_({y}, alpha=2) | {x}.exp_() | {x}[...] = {y} | {x}.fill_({y}.sum())
    {x}.addcmul_({y}, {y}) | {x}[:, 0] = {y}[0] | {x}.tanh_() | {x}[0].add_({y})
    with torch.no_grad(): {x}.mul_(0.5) | {x}.data.mul_(0.5) | {x}.pow_(2) | {x}[0, 1] = 7
"""
ASKS = """
    {n} = {x}.detach().clone().requires_grad_() | {x}.sum().backward(retain_graph=True)
    torch.autograd.grad({x}.sum(), a, allow_unused=True, retain_graph=True)
"""


def _statements(text: str) -> list[str]:
    return [s.strip() for line in text.strip().split("\n") for s in line.split("|")]


VIEWS_, MAKES_, WRITES_, ASKS_ = (_statements(text) for text in (VIEWS, MAKES, WRITES, ASKS))
START = ("a", "w", "c", "b")


@st.composite
def programs(draw: Any, most: int = 30) -> list[str]:
    """Statements over variables that exist; newer variables are used more."""
    names, lines = list(START), []
    for i in range(draw(st.integers(5, most))):
        kind = draw(st.sampled_from((VIEWS_, VIEWS_, MAKES_, WRITES_, WRITES_, WRITES_, ASKS_)))
        code = draw(st.sampled_from(kind))
        x, y = (names[-1 - min(draw(st.integers(0, 6)), len(names) - 1)] for _ in "xy")
        # What is written must not lie in the memory it is computed from: then the order of elements would matter.
        lines.append(code.format(x=x, y=f"({y} * 1)" if kind is WRITES_ else y, n=f"v{i}"))
        if "{n}" in code:
            names.append(f"v{i}")
    return lines


class Machine:
    """One library running a program line by line."""

    def __init__(self, torch: Any) -> None:
        rng = np.random.default_rng(0)
        numbers = {"a": rng.standard_normal((3, 4)), "w": rng.standard_normal(4), "c": rng.standard_normal((3, 4))}
        self.torch = torch
        self.names: dict[str, Any] = {"torch": torch, **{k: torch.tensor(v) for k, v in numbers.items()}}
        self.names["a"].requires_grad_()
        self.names["w"].requires_grad_()
        self.names["b"] = self.names["a"] * 1

    def do(self, line: str) -> str:
        """Run a line; the error it raised, as its type and first sentence."""
        try:
            exec(compile(line, "<program>", "exec"), self.names)
        except Exception as error:
            # Which of several overwritten values is named first is not part of the promise.
            return f"{type(error).__name__}: {first_sentence(str(error)).partition(': [torch.')[0]}"
        finally:
            for t in self.tensors().values():
                with contextlib.suppress(RuntimeError):
                    t.grad_fn  # PyTorch brings a view's place in the graph up to date when it is asked for
        return ""

    def tensors(self) -> dict[str, Any]:
        return {k: v for k, v in self.names.items() if isinstance(v, self.torch.Tensor)}

    def state(self, grads: bool) -> dict[str, Any]:
        """What can be seen of every variable."""
        seen = {}
        for name, t in self.tensors().items():
            seen[name] = (str(t.dtype), t.detach().numpy().copy(), t.requires_grad, t.is_leaf, t._version, t._is_view())
            if grads and (t.is_leaf or t.retains_grad) and t.grad is not None:
                seen[name + ".grad"] = (str(t.grad.dtype), t.grad.detach().numpy().copy())
        return seen

    def backward(self) -> str:
        """Differentiate everything that can be."""
        wanted = [t for t in self.tensors().values() if t.requires_grad and not t.is_leaf]
        if not wanted:
            return ""
        self.names["loss"] = sum((t * t).sum().double() for t in wanted)
        return self.do("loss.backward()")


def agree(program: list[str], torch: Any) -> None:
    """Run a program under both and compare after every line, and the gradients at the end."""
    theirs, ours = Machine(torch), Machine(gradviz)
    for i, line in enumerate([*program, ""]):
        want, got = (m.do(line) if line else m.backward() for m in (theirs, ours))
        context = "\n".join([*program[: i + 1], f"PyTorch: {want}", f"gradviz: {got}"])
        if "[[0]] =" in line or want.startswith(
            "IndexError"
        ):  # several things are wrong at once: which is said first is not part of the promise
            want, got = ("refused" if text else "" for text in (want, got))
        assert want == got or (want and got and want.startswith(got)), context
        last = i == len(program) and not want
        try:
            wants = theirs.state(last)
        except RuntimeError:  # one of several views of one operation, whose base was written: PyTorch refuses to see it
            return
        gots = ours.state(last)
        assert wants.keys() == gots.keys(), context
        for name, (kind, value, *rest) in wants.items():
            assert (kind, *rest) == (gots[name][0], *gots[name][2:]), (
                f"{context}\n{name}: {gots[name]}, PyTorch {wants[name]}"
            )
            np.testing.assert_allclose(gots[name][1], value, rtol=1e-5, atol=1e-6, err_msg=f"{context}\n{name}")


@pytest.mark.oracle
@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs())
def test_random_program(program: list[str]) -> None:
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        agree(program, torch)
