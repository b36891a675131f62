"""torch.cuda without a GPU: what a PyTorch that was built for the CPU answers, and the same errors with a reason."""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

import pytest

import gradviz
from gradviz.gpu.backend import why_not

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.*")
if torch.cuda.is_available() or not why_not():
    pytest.skip("this machine has a GPU", allow_module_level=True)

ANSWERS = """
c.is_available() | c.device_count() | c.is_initialized() | c.memory_allocated() | c.memory_reserved() | c.memory_stats()
c.max_memory_allocated() | c.max_memory_reserved() | c.memory_allocated(0) | c.empty_cache() | c.manual_seed(0)
c.manual_seed_all(3) | c.seed() | c.seed_all() | c.get_rng_state_all() | c.set_rng_state_all([]) | c.get_arch_list()
c.set_rng_state(torch.zeros(16, dtype=torch.uint8)) | c.get_gencode_flags() | c.is_bf16_supported() | c.set_device(-1)
c.has_half | c.OutOfMemoryError is torch.OutOfMemoryError | issubclass(c.OutOfMemoryError, RuntimeError)
repr(torch.device('cuda')) | repr(torch.device('cuda:1')) | torch.device('cuda', 1).index | str(torch.device('cuda:3'))
torch.device('cuda:1') == torch.device('cuda', 1) | torch.device('cuda') == torch.device('cuda:0')
torch.device(torch.device('cuda:1')).index | {torch.device('cuda:1'): 1}[torch.device('cuda', 1)]
torch.ones(2).is_cuda | torch.ones(2).get_device() | torch.ones(2).is_pinned() | repr(c.FloatTensor)
isinstance(torch.ones(2), c.FloatTensor) | torch.ones(2, pin_memory=False).tolist()
[c.device(i).idx for i in (0, -1, 'cuda:1', None)] | c.device_of(torch.ones(1)).idx | [type(c.stream(None)).__name__]
"""
ERRORS = """
c.current_device() | c.get_device_name() | c.get_device_name(0) | c.get_device_properties(0) | c.get_device_capability()
c.Stream() | c.Event() | c.Event(enable_timing=True) | c.current_stream() | c.default_stream() | c.synchronize()
c.init()
c.mem_get_info() | c.get_rng_state() | c.initial_seed() | c.can_device_access_peer(0, 1) | c.CUDAGraph()
c.graph_pool_handle() | c.is_current_stream_capturing() | c.set_per_process_memory_fraction(0.5) | c.device('cpu')
torch.ones(3, device='cuda') | torch.ones(3).cuda() | torch.ones(3).to('cuda:1') | torch.ones(3).cuda('cpu')
torch.ones(3).cuda(0) | torch.ones(3, device=0) | torch.device(1) | torch.empty(3, device=torch.device('cuda'))
torch.rand(2, device='cuda') | torch.tensor([1], device='cuda:0') | torch.arange(3, device='cuda')
torch.nn.Linear(2, 2).cuda() | torch.nn.Linear(2, 2).to('cuda') | torch.nn.Linear(2, 2, device='cuda')
torch.ones(3).pin_memory() | torch.ones(3, pin_memory=True) | torch.tensor([1], pin_memory=True)
torch.rand(3, pin_memory=True) | torch.randperm(3, pin_memory=True) | torch.ones(2).new_zeros(2, pin_memory=True)
torch.device('cuda:-1') | torch.device('cuda:x') | torch.device('cuda:01') | torch.ones(2).__cuda_array_interface__
torch.ones(2).cuda(non_blocking=True) | torch.as_tensor([1.0], device='cuda') | torch.full((2,), 1, device='cuda')
"""


def rows(text: str) -> list[str]:
    return [row.strip() for line in text.strip().splitlines() for row in line.split("|")]


def outcome(expression: str, library: Any) -> tuple[str, Any]:
    try:
        return "value", eval(expression, {"torch": library, "c": library.cuda})
    except Exception as error:  # to be compared
        return "error", error


@pytest.mark.parametrize("expression", rows(ANSWERS))
def test_answers(expression: str) -> None:
    (how, theirs), (kind, ours) = outcome(expression, torch), outcome(expression, gradviz)
    assert (how, kind) == ("value", "value"), (theirs, ours)
    assert ours == theirs


@pytest.mark.parametrize("expression", rows(ERRORS))
def test_errors(expression: str) -> None:
    (how, theirs), (kind, ours) = outcome(expression, torch), outcome(expression, gradviz)
    assert (how, kind) == ("error", "error"), (theirs, ours)
    assert isinstance(ours, type(theirs))
    assert str(ours) == str(theirs)


@pytest.mark.parametrize(
    "expression", ["torch.ones(3).cuda()", "c.Stream()", "c.init()", "torch.ones(2, pin_memory=True)"]
)
def test_errors_say_why_and_what_to_install(expression: str) -> None:
    _, error = outcome(expression, gradviz)
    notes = "\n".join(error.__notes__)
    assert "gradviz[cuda12]" in notes
    wanted = "CuPy is not installed" if importlib.util.find_spec("cupy") is None else "finds no usable NVIDIA driver"
    assert wanted in notes


CALLS = [
    "is_available", "device_count", "current_device", "set_device", "get_device_name", "get_device_properties",
    "get_device_capability", "synchronize", "memory_allocated", "memory_reserved", "max_memory_allocated",
    "max_memory_reserved", "reset_peak_memory_stats", "memory_stats", "memory_summary", "mem_get_info", "empty_cache",
    "manual_seed", "manual_seed_all", "get_rng_state", "set_rng_state", "get_rng_state_all", "set_rng_state_all",
    "seed", "seed_all", "initial_seed", "is_initialized", "init", "current_stream", "default_stream", "set_stream",
    "stream",
    "can_device_access_peer", "is_bf16_supported", "get_arch_list", "get_gencode_flags", "is_current_stream_capturing",
    "set_per_process_memory_fraction", "make_graphed_callables", "device_of", "is_tf32_supported",
]  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_parameters_have_the_same_names_and_defaults(name: str) -> None:
    theirs, ours = (inspect.signature(getattr(library.cuda, name)).parameters for library in (torch, gradviz))
    if name == "make_graphed_callables":  # refused, whatever it is given
        assert list(ours)[:2] == list(theirs)[:2]
        return
    assert list(ours) == list(theirs)
    assert [p.default for p in ours.values()] == [p.default for p in theirs.values()]
