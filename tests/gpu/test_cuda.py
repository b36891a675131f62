"""torch.cuda's calls on two stand-in GPUs: devices, generators, streams, memory, moves, other libraries' arrays.

gradviz.cuda and gradviz.gpu are the real ones, CuPy is tests/gpu/stand_in.py: no GPU code is executed.
"""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz import nn
from gradviz.gpu import memory
from gradviz.gpu.philox import Philox
from tests.strict_device import StrictArray
from tests.strict_machine import here

from .run_kernel import needs_compiler
from .stand_in import CAPACITY

pytestmark = [needs_compiler, pytest.mark.usefixtures("machine")]
cuda = torch.cuda


# -- devices -----------------------------------------------------------------------------------------------------------
def test_which_device_is_current() -> None:
    assert (cuda.is_available(), cuda.device_count(), cuda.current_device()) == (True, 2, 0)
    assert not cuda.is_initialized()
    assert str(torch.ones(1, device="cuda").device) == "cuda:0"
    assert cuda.is_initialized()
    with cuda.device(1):
        assert cuda.current_device() == 1
        assert str(torch.ones(1).cuda().device) == "cuda:1"
        assert str(torch.ones(1).cuda(0).device) == "cuda:0"
        with cuda.device(-1):
            assert cuda.current_device() == 1
    assert cuda.current_device() == 0
    cuda.set_device("cuda:1")
    assert str(torch.zeros(1, device=torch.device("cuda")).device) == "cuda:1"
    with cuda.device_of(torch.ones(1, device="cuda:0")):
        assert cuda.current_device() == 0
    with cuda.device_of(torch.ones(1)):
        assert cuda.current_device() == 1
    (torch.ones(2, device="cuda:0") + 1).sum()
    assert cuda.current_device() == 1  # computing elsewhere does not move it


def test_names_of_devices() -> None:
    assert (repr(torch.device("cuda")), str(torch.device("cuda"))) == ("device(type='cuda')", "cuda")
    assert repr(torch.ones(1, device="cuda").device) == "device(type='cuda', index=0)"
    assert torch.ones(1, device="cuda").device != torch.device("cuda")
    assert torch.ones(1, device="cuda").device == torch.device("cuda:0") == torch.device("cuda", 0)
    assert torch.ones(1, device=1).get_device() == 1
    for wrong, text in (("cuda:2", "invalid device ordinal"), ("cuda:x", "Invalid device string: 'cuda:x'")):
        with pytest.raises(RuntimeError, match=text):
            torch.ones(1, device=wrong)
    with pytest.raises(RuntimeError, match="Invalid device, must be cuda device"):
        torch.ones(1).cuda("cpu")
    with pytest.raises(ValueError, match="Expected a cuda device, but got: cpu"):
        cuda.get_device_name("cpu")
    with torch.device("cuda:1"):
        assert torch.ones(2).device.index == torch.tensor([1]).device.index == torch.rand(2).device.index == 1


def test_what_a_device_is() -> None:
    assert cuda.get_device_name() == cuda.get_device_properties(1).name == "Stand-in GPU"
    assert cuda.get_device_capability("cuda:1") == (8, 0)
    assert cuda.get_arch_list() == ["sm_80"]
    assert cuda.is_bf16_supported()
    assert cuda.get_device_properties(0).total_memory == CAPACITY == cuda.mem_get_info(1)[1]
    assert not cuda.can_device_access_peer(0, 1)


# -- tensors -----------------------------------------------------------------------------------------------------------
def test_moves_are_recorded() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    (x.cuda(0) ** 3).to("cuda:1", non_blocking=True).mul(2).cpu().sum().backward()
    assert x.grad.tolist() == [6.0, 24.0]
    y = torch.ones(2, device="cuda", requires_grad=True)
    assert y.to("cuda:0") is y
    assert y.to("cuda:1").grad_fn.name() == "ToCopyBackward0"
    (y.to("cuda:1") * 3).sum().backward()
    assert (str(y.grad.device), y.grad.tolist()) == ("cuda:0", [3.0, 3.0])


MIXED = [
    "a + b", "torch.add(a, b)", "a @ b.mT", "torch.where(a > 0, a, b)", "torch.cat([a, b])", "a.add_(b)", "a < b",
    "torch.addmm(a, b, b.mT @ b)", "F.linear(a, b)", "F.embedding(i, a)", "F.mse_loss(a, b)", "torch.stack([a, b])",
    "F.cross_entropy(a, i)", "F.conv1d(a[None], b[None])", "F.layer_norm(a, (3,), b[0])", "torch.lerp(a, b, 0.5)",
    "a.masked_fill(b > 0, 1.0)", "torch.gather(a, 1, j)", "a.index_select(0, i)", "a.scatter(1, j, 1.0)",
    "F.batch_norm(a, b[0], b[0])", "torch.einsum('ij,kj->ik', a, b)", "torch.maximum(a, b)", "a.index_add(0, i, b)",
    "torch.bmm(a[None], b[None].mT)", "F.binary_cross_entropy_with_logits(a, b)", "torch.dot(a[0], b[0])",
    "a.addcmul(b, b)",
    "torch.take_along_dim(a, j, 1)", "F.nll_loss(a, i)", "F.prelu(a, b[0])", "torch.clamp(a, b)", "a * b[0]",
]  # fmt: skip


@pytest.mark.parametrize("there", ["cpu", "cuda:1"])
@pytest.mark.parametrize("expression", MIXED)
def test_tensors_of_two_devices_are_refused(expression: str, there: str) -> None:
    names = {
        "a": torch.ones(2, 3, device="cuda:0"), "b": torch.ones(2, 3, device=there), "torch": torch, "F": nn.functional,
        "i": torch.tensor([0, 1], device=there), "j": torch.tensor([[0, 1, 1], [1, 0, 0]], device=there),
    }  # fmt: skip
    with pytest.raises(RuntimeError, match="Expected all tensors to be on the same device") as error:
        eval(expression, names)
    assert {"cuda:0", there} <= set(str(error.value).replace("!", "").replace(",", "").split())


def test_numbers_of_the_cpu_may_join() -> None:
    a, two = torch.ones(3, device="cuda"), torch.tensor(2.0)
    assert (a * two).tolist() == (two * a).tolist() == [2.0] * 3
    assert a.clone().mul_(two).device.index == 0
    assert torch.where(a > 0, a, two).tolist() == [1.0] * 3
    with pytest.raises(RuntimeError, match="found at least two devices, cpu and cuda:0"):
        torch.ones(3) + two.cuda()


def test_indices_of_the_cpu_may_join() -> None:
    a = torch.arange(6, device="cuda").reshape(2, 3)
    assert a[torch.tensor([1])].tolist() == [[3, 4, 5]]
    assert a[torch.tensor([True, False])].tolist() == [[0, 1, 2]]
    a[torch.tensor([0])] = 7
    assert a[0].tolist() == [7, 7, 7]


def test_numbers_leave_by_way_of_the_cpu() -> None:
    x = torch.ones(2, device="cuda")
    with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy\. Use Tensor\.cpu"):
        x.numpy()
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy"):
        np.asarray(x)
    assert x.cpu().numpy().tolist() == x.numpy(force=True).tolist() == x.tolist() == [1.0, 1.0]
    x.requires_grad_()
    with pytest.raises(RuntimeError, match="attempting to assign a gradient with device type 'cpu' to a tensor with"):
        x.grad = torch.ones(2)


def test_modules_and_optimisers_move() -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).to("cuda:1")
    assert {str(v.device) for v in net.state_dict().values()} == {"cuda:1"}
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(4, 2, device="cuda:1")).pow(2).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    moments = [own["exp_avg"] for own in state["state"].values()]
    assert {str(m.device) for m in moments} == {"cuda:1"}
    assert {str(own["step"].device) for own in state["state"].values()} == {"cpu"}
    home = copy.deepcopy(net).cpu()
    again = torch.optim.Adam(home.parameters())
    again.load_state_dict(state)
    assert {str(own["exp_avg"].device) for own in again.state.values()} == {"cpu"}
    assert not net.cpu().state_dict()["0.weight"].is_cuda


def test_parameters_begin_alike_on_every_device() -> None:
    def made(device: str) -> list[Any]:
        torch.manual_seed(3)
        layers = nn.Linear(3, 4, device=device), nn.Conv2d(2, 3, 3, device=device), nn.LSTM(3, 2, device=device)
        return [p.tolist() for layer in layers for p in layer.parameters()]

    assert made("cuda:1") == made("cpu")


def test_files_remember_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.BytesIO()
    torch.save({"x": torch.ones(2, device="cuda:1"), "d": torch.device("cuda:1")}, file)

    def load(where: Any) -> str:
        file.seek(0)
        return str(torch.load(file, map_location=where, weights_only=False)["x"].device)

    assert load(None) == "cuda:1"
    assert load("cpu") == load(torch.device("cpu")) == load(lambda storage, _: storage.cpu()) == "cpu"
    assert load("cuda:0") == load({"cuda:1": "cuda:0"}) == load(lambda storage, _: storage.cuda(0)) == "cuda:0"
    assert load("cuda") == "cuda:0"
    assert pickle.loads(pickle.dumps(torch.ones(2, device="cuda:1"))).device.index == 1
    assert pickle.loads(pickle.dumps(torch.device("cuda"))) == torch.device("cuda")


def test_pinned_memory() -> None:
    x = torch.arange(6.0).reshape(2, 3).T
    pinned = x.pin_memory()
    assert (x.is_pinned(), pinned.is_pinned(), pinned.pin_memory() is pinned) == (False, True, True)
    assert pinned.tolist() == x.tolist()
    assert torch.zeros(3, pin_memory=True).is_pinned()
    assert torch.rand(4, pin_memory=True)[1:].is_pinned()
    here.reset()
    assert pinned.contiguous().pin_memory().to("cuda", non_blocking=True).tolist() == x.tolist()
    assert here.waits == {"get": 1}  # only to look at it
    here.reset()
    back = torch.ones(2, device="cuda").to("cpu", non_blocking=True)
    assert (back.is_pinned(), dict(here.waits)) == (True, {})
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        torch.ones(1, device="cuda").pin_memory()


def test_what_backward_needs_is_kept_in_pinned_memory() -> None:
    x = torch.ones(3, device="cuda", requires_grad=True)
    with torch.autograd.graph.save_on_cpu(pin_memory=True):
        y = (x * x).exp()
    y.sum().backward()
    np.testing.assert_allclose(x.grad.tolist(), [2 * np.e] * 3, rtol=1e-6)


def test_a_loader_pins_its_batches() -> None:
    data = [(torch.ones(2) * i, {"label": i, "name": "n"}) for i in range(4)]
    for x, rest in torch.utils.data.DataLoader(data, batch_size=2, pin_memory=True):
        assert x.is_pinned()
        assert rest["label"].is_pinned()
        assert rest["name"] == ["n", "n"]


def test_other_libraries_arrays() -> None:
    x = torch.arange(6.0, device="cuda:1").reshape(2, 3)
    told = x.__cuda_array_interface__
    assert (told["shape"], told["typestr"], told["data"][0]) == ((2, 3), "<f4", x.data_ptr())
    with pytest.raises(AttributeError, match="Can't get __cuda_array_interface__ on non-CUDA tensor"):
        _ = torch.ones(1).__cuda_array_interface__
    with pytest.raises(RuntimeError, match="Can't get __cuda_array_interface__ on Variable that requires grad"):
        _ = torch.ones(1, device="cuda", requires_grad=True).__cuda_array_interface__
    theirs = StrictArray(np.ones(3, np.float32))
    shared = torch.as_tensor(theirs, device="cuda")
    assert shared.data_ptr() == theirs.data.ptr
    assert torch.as_tensor(theirs, device="cuda")[0] == 1


# -- numbers drawn -----------------------------------------------------------------------------------------------------
DRAWS = [
    ("torch.rand(7, device=d)", lambda t: t.uniform(7, np.float32)),
    ("torch.rand(5, device=d, dtype=torch.float64)", lambda t: t.uniform(5, np.float64)),
    ("torch.randn(9, device=d)", lambda t: t.normal(9, np.float32)),
    ("torch.randn(9, device=d, dtype=torch.float16)", lambda t: t.normal(9, np.float16)),
    ("torch.randn(3, device=d, dtype=torch.complex64)", lambda t: t.normal(3, np.complex64)),
    ("torch.randint(-5, 5, (8,), device=d)", lambda t: t.integers(8, -5, 5)),
    ("torch.randint(2**40, (8,), device=d)", lambda t: t.integers(8, 0, 2**40)),
    ("torch.randperm(12, device=d)", lambda t: t.permutation(12)),
    ("torch.empty(6, device=d).bernoulli_(0.3)", lambda t: t.bernoulli(6, 0.3)),
    ("torch.bernoulli(torch.full((6,), 0.4, device=d))", lambda t: t.bernoulli_each(np.full(6, 0.4, np.float32))),
    ("torch.empty(6, device=d).uniform_(2, 3)", lambda t: t.uniform(6, np.float32, 2, 3)),
    ("torch.empty(6, device=d).normal_(1, 2)", lambda t: t.normal(6, np.float32, 1, 2)),
    ("torch.empty(6, device=d).exponential_(0.5)", lambda t: t.exponential(6, np.float32, 0.5)),
    ("torch.empty(6, device=d).cauchy_()", lambda t: t.cauchy(6, np.float32)),
    ("torch.empty(6, device=d).geometric_(0.2)", lambda t: t.geometric(6, np.float32, 0.2)),
    ("torch.empty(6, device=d).log_normal_()", lambda t: t.log_normal(6, np.float32)),
    ("torch.empty(6, device=d, dtype=torch.int64).random_()", lambda t: t.natural(6, np.int64)),
    ("torch.empty(6, device=d, dtype=torch.int8).random_()", lambda t: t.natural(6, np.int8)),
    (
        "torch.multinomial(torch.ones(2, 4, device=d), 3)",
        lambda t: t.multinomial(np.ones((2, 4), np.float32), 3, False),
    ),
]


@pytest.mark.parametrize("d", ["cuda:0", "cuda:1"])
@pytest.mark.parametrize(("expression", "twin"), DRAWS, ids=[row[0] for row in DRAWS])
def test_what_a_device_draws_its_twin_draws(expression: str, twin: Any, d: str) -> None:
    torch.manual_seed(11)
    draws = Philox(11)
    for _ in range(2):
        drawn = eval(expression, {"torch": torch, "d": d})
        assert str(drawn.device) == d
        want = twin(draws)
        assert drawn.cpu().numpy().astype(want.dtype).ravel().tobytes() == want.tobytes()


def test_dropout_draws_on_the_device() -> None:
    cuda.manual_seed(5)
    here.reset()
    out = nn.functional.dropout(torch.ones(1000, device="cuda"), 0.25)
    assert not here.waits.keys() - {"asarray of host data"}
    kept = Philox(5).bernoulli(1000, 0.75)
    np.testing.assert_allclose(out.tolist(), kept / 0.75, rtol=1e-6)


def test_seeds_and_states() -> None:
    torch.manual_seed(1)
    both = [torch.rand(3, device=d).tolist() for d in ("cuda:0", "cuda:1")]
    assert both[0] == both[1]  # as in PyTorch, every device gets the same seed
    state, ours = cuda.get_rng_state(), cuda.get_rng_state_all()
    assert (state.dtype, tuple(state.shape), str(state.device)) == (torch.uint8, (16,), "cpu")
    first = torch.rand(5, device="cuda").tolist()
    cuda.set_rng_state(state)
    assert torch.rand(5, device="cuda").tolist() == first
    cuda.set_rng_state_all(ours)
    assert torch.rand(5, device="cuda").tolist() == first
    with torch.random.fork_rng(devices=[0]):
        torch.rand(100, device="cuda")
    second = torch.rand(5, device="cuda").tolist()
    cuda.set_rng_state(state)
    assert [torch.rand(5, device="cuda").tolist() for _ in range(2)] == [first, second]
    cuda.manual_seed(8)
    assert (cuda.initial_seed(), torch.initial_seed()) == (8, 1)
    with pytest.raises(RuntimeError, match="RNG state is wrong size"):
        cuda.set_rng_state(torch.zeros(5, dtype=torch.uint8))


def test_generators() -> None:
    g = torch.Generator("cuda:1").manual_seed(4)
    assert isinstance(g, torch.Generator)
    assert str(g.device) == "cuda:1"
    drawn = torch.rand(6, device="cuda:1", generator=g)
    assert drawn.tolist() == Philox(4).uniform(6, np.float32).tolist()
    assert g.get_offset() == 8
    again = g.clone_state()
    assert (
        torch.rand(3, device="cuda:1", generator=g).tolist() == torch.rand(3, device="cuda:1", generator=again).tolist()
    )
    g.set_offset(0)
    assert torch.rand(6, device="cuda:1", generator=g).tolist() == drawn.tolist()
    with pytest.raises(RuntimeError, match="offset must be a multiple of 4"):
        g.set_offset(3)
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found 'cpu'"):
        torch.rand(2, device="cuda", generator=torch.Generator())
    assert pickle.loads(pickle.dumps(g)).get_offset() == 8


# -- streams, events, memory -------------------------------------------------------------------------------------------
def test_streams_and_events() -> None:
    side = cuda.Stream()
    default = cuda.current_stream()
    assert default == cuda.default_stream() != side
    start, end = cuda.Event(enable_timing=True), cuda.Event(enable_timing=True)
    with cuda.stream(side):
        assert cuda.current_stream() == side
        start.record()
        torch.ones(3, device="cuda") * 2
        end.record()
    assert cuda.current_stream() == default
    default.wait_stream(side)
    side.wait_event(end)
    torch.ones(2, device="cuda").record_stream(side)
    cuda.synchronize()
    assert side.query()
    assert end.query()
    assert start.elapsed_time(end) > 0
    for events, text in (
        ((cuda.Event(), end), "created with argument 'enable_timing=True'"),
        ((cuda.Event(enable_timing=True), end), "must be recorded before"),
    ):
        with pytest.raises(ValueError, match=text):
            events[0].elapsed_time(events[1])
    other = cuda.Stream("cuda:1")
    with other:
        assert (cuda.current_device(), cuda.current_stream()) == (1, other)
    assert cuda.current_device() == 0
    with cuda.stream(None):
        pass


def test_memory_is_counted() -> None:
    assert (cuda.memory_allocated(), cuda.memory_stats()) == (0, {})
    x = torch.zeros(1000, device="cuda")
    assert cuda.memory_allocated() == 4096
    y = torch.zeros(2000, device="cuda")
    assert cuda.memory_allocated() == 4096 + 8192
    del y
    assert (cuda.memory_allocated(), cuda.max_memory_allocated()) == (4096, 12288)
    assert cuda.memory_reserved() == cuda.max_memory_reserved() == 12288
    assert cuda.memory_allocated(1) == 0
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == 4096
    cuda.empty_cache()
    assert cuda.memory_reserved() == 4096
    stats = cuda.memory_stats()
    assert stats["allocation.all.current"] == 1
    assert stats["allocated_bytes.all.freed"] == 8192
    assert "Allocated memory" in cuda.memory_summary()
    assert x.sum().item() == 0


def test_memory_is_given_back_after_the_program_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """When modules are emptied arrays are still there, and an error would be told of each."""
    x = torch.zeros(1000, device="cuda")
    account = memory.accounts[0]
    monkeypatch.setattr(memory, "accounts", None)
    del x
    assert account.allocated.current == 0


def test_no_more_memory() -> None:
    torch.ones(1, device="cuda")
    with pytest.raises(cuda.OutOfMemoryError, match=r"CUDA out of memory\. Tried to allocate 512\.00 MiB\. GPU 0 has"):
        torch.zeros(2**27, device="cuda")
    assert issubclass(torch.OutOfMemoryError, RuntimeError)
    assert torch.OutOfMemoryError is cuda.OutOfMemoryError
    assert cuda.memory_stats()["num_ooms"] == 1
    assert cuda.memory_stats()["allocation.all.current"] == 0
    assert cuda.max_memory_allocated() == 512


# -- what went wrong is told late --------------------------------------------------------------------------------------
