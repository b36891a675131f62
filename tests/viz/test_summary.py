"""summary prints torchsummary's table and leaves the model as it was."""

from __future__ import annotations

import pytest

import gradviz as torch
from gradviz.viz import make_dot, summary

TABLE = """\
----------------------------------------------------------------
        Layer (type)               Output Shape         Param #
================================================================
            Conv2d-1            [-1, 8, 26, 26]              80
              ReLU-2            [-1, 8, 26, 26]               0
           Flatten-3                 [-1, 5408]               0
            Linear-4                   [-1, 10]          54,090
================================================================
Total params: 54,170
Trainable params: 54,170
Non-trainable params: 0
----------------------------------------------------------------
Input size (MB): 0.00
Forward/backward pass size (MB): 0.12
Params size (MB): 0.21
Estimated Total Size (MB): 0.33
----------------------------------------------------------------
"""


def network():
    nn = torch.nn
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 26 * 26, 10))


def test_the_table(capsys):
    assert summary(network(), input_size=(1, 28, 28)) is None
    assert capsys.readouterr().out == TABLE


def test_the_model_and_the_random_numbers_are_left_alone(capsys):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout())
    model[1].eval()
    before = {k: v.tolist() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    summary(model, (3,), batch_size=16)
    assert {k: v.tolist() for k, v in model.state_dict().items()} == before
    assert [m.training for m in model] == [True, False, True]
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(m._forward_hooks for m in model.modules())
    assert "[16, 4]" in capsys.readouterr().out


def test_frozen_and_shared_parameters_are_counted_once(capsys):
    shared = torch.nn.Linear(3, 3)
    model = torch.nn.Sequential(shared, shared)
    shared.bias.requires_grad_(False)
    summary(model, (3,))
    out = capsys.readouterr().out
    assert "Total params: 12\nTrainable params: 9\nNon-trainable params: 3" in out
    assert out.count("Linear-") == 2


def test_several_inputs_and_a_model_that_is_one_layer(capsys):
    class Both(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = torch.nn.Linear(3, 2), torch.nn.Linear(4, 2)

        def forward(self, x, y):
            return self.first(x) + self.second(y)

    summary(Both(), [(3,), (4,)])
    assert "Linear-2" in capsys.readouterr().out
    summary(torch.nn.Linear(3, 2), (3,))
    assert "Linear-1" in capsys.readouterr().out


def test_hooks_go_even_when_the_model_fails():
    model = torch.nn.Sequential(torch.nn.Linear(3, 4))
    with pytest.raises(RuntimeError):
        summary(model, (5,))
    assert not model[0]._forward_hooks
    assert model.training


def test_make_dot_draws_our_graphs_as_it_draws_torchs():
    x = torch.ones(3, requires_grad=True)
    dot = make_dot((torch.tanh(x) * 2).sum(), params={"x": x}, show_saved=True)
    assert [name in dot.source for name in ("SumBackward0", "MulBackward0", "TanhBackward0", "AccumulateGrad")] == [
        True
    ] * 4
    assert dot.source.count("fillcolor=lightblue") == 1
    assert dot.source.count("fillcolor=orange") == 1
