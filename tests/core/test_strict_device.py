"""Every operation on the strict stand-in device gives the CPU's values, gradients and second gradients."""

from __future__ import annotations

import numpy as np
import pytest

import gradviz as torch
from tests.oracle.same import Sample, same_on_device
from tests.oracle.samples import params
from tests.strict_device import StrictArray, strict


@pytest.mark.parametrize("row", params(skip=("random",)))
@np.errstate(all="ignore")
def test_operation_runs_on_a_device_that_is_not_numpy(row: Sample) -> None:
    same_on_device(row, strict())


@pytest.mark.parametrize(
    "misuse",
    [
        lambda x: np.asarray(x),
        lambda x: np.sum(x),
        lambda x: np.exp(x),
        lambda x: x + np.ones(3),
        lambda x: np.ones(3) + x,
        lambda x: strict().xp.where(x > 0, x, np.zeros(3)),
        lambda x: strict().xp.sum(x, where=x > 0),
        lambda x: x[np.array([0, 1])],
        lambda x: strict().xp.erf(x),
        lambda x: hash(x),
    ],
    ids="asarray function ufunc mixing left where keyword index name hash".split(),  # noqa: SIM905
)
def test_the_stand_in_refuses_numpy(misuse: object) -> None:
    x = StrictArray(np.ones(3))
    with pytest.raises((TypeError, AttributeError)):
        misuse(x)  # type: ignore[operator]


def test_tensors_live_on_the_device_they_were_made_on() -> None:
    x = torch.ones(3, device=strict(), requires_grad=True)
    y = (x * 2).sum()
    y.backward()
    assert type(x._array) is StrictArray
    assert type(x.grad._array) is StrictArray
    assert x.grad.device is strict()
    assert x.grad.cpu().tolist() == [2.0, 2.0, 2.0]


def test_devices_do_not_mix() -> None:
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device"):
        torch.ones(3, device=strict()) + torch.ones(3)


def test_gradients_cross_devices() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x.to(strict()) ** 3).sum().to("cpu").backward()
    assert x.grad.tolist() == [3.0, 12.0]
    (first,) = torch.autograd.grad((x.to(strict()) ** 3).sum().to("cpu"), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert second.tolist() == [6.0, 12.0]
