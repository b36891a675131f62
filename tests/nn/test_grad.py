"""nn.grad: the gradients of convolutions, and their own gradients, against PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

from .both import both


@pytest.mark.parametrize("what", ["input", "weight"])
@pytest.mark.parametrize("dims", [1, 2, 3])
def test_gradients_of_convolutions(dims: int, what: str) -> None:
    def program(lib: Any) -> Any:
        x, w = lib.rand(2, 4, *(5, 6, 7)[:dims]), lib.rand(6, 2, *(2, 3, 2)[:dims])
        settings = (2, 1, 1, 2)
        g = lib.rand(getattr(lib.nn.functional, f"conv{dims}d")(x, w, None, *settings).shape, requires_grad=True)
        function = getattr(lib.nn.grad, f"conv{dims}d_{what}")
        sizes = (x.shape, w, g) if what == "input" else (x, list(w.shape), g)
        found = function(*sizes, *settings)
        found.pow(2).sum().backward()
        with lib.no_grad():
            plain = function(*sizes, stride=2, padding=1, groups=2)
        return found, g.grad, plain.requires_grad, plain

    both(program)
