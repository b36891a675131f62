"""The stream that numbers are drawn from: its state is laid out as PyTorch's, is saved, forked, copied and shared."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

import gradviz
from gradviz.core.random import fork_rng

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    gradviz.manual_seed(0)
    torch.manual_seed(0)


def test_the_random_module() -> None:
    for library in (gradviz, torch):
        library.random.manual_seed(5)
        state = library.random.get_rng_state()
        drawn = library.rand(3).tolist()
        library.random.set_rng_state(state)
        assert library.rand(3).tolist() == drawn
        assert library.random.initial_seed() == library.initial_seed() == 5
        with library.random.fork_rng():
            library.manual_seed(7)
            inside = library.randn(3).tolist()
        after = library.rand(2).tolist()
        if library is gradviz:
            ours = (drawn, inside, after)
    assert ours[0] == drawn
    assert ours[1] == pytest.approx(inside, abs=1e-6)
    assert ours[2] == after
    assert gradviz.random.default_generator is gradviz.default_generator
    assert gradviz.default_generator.device == gradviz.device("cpu")
    with gradviz.random.fork_rng(enabled=False):
        gradviz.manual_seed(9)
    assert gradviz.initial_seed() == 9
    gradviz.random.seed()
    assert gradviz.initial_seed() != 9


def test_state_is_laid_out_as_in_torch() -> None:
    assert gradviz.get_rng_state().numpy().tobytes() == torch.get_rng_state().numpy().tobytes()
    gradviz.rand(700), torch.rand(700)
    assert gradviz.get_rng_state().numpy().tobytes() == torch.get_rng_state().numpy().tobytes()
    assert gradviz.get_rng_state().dtype is gradviz.uint8


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625])
def test_a_state_of_torch_continues_here(drawn: int) -> None:
    torch.rand(drawn), torch.randn(3)
    gradviz.set_rng_state(gradviz.from_numpy(torch.get_rng_state().numpy()))
    assert gradviz.randn(5).tolist() == pytest.approx(torch.randn(5).tolist())
    torch.set_rng_state(torch.from_numpy(gradviz.get_rng_state().numpy()))
    assert gradviz.rand(700).tolist() == torch.rand(700).tolist()


def test_generator_copies_continue_alike() -> None:
    generator = gradviz.Generator().manual_seed(7)
    gradviz.randn(3, generator=generator)
    copies = [generator.clone_state(), copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))]
    expected = gradviz.randn(5, generator=generator).tolist()
    for each in copies:
        assert each.initial_seed() == 7
        assert gradviz.randn(5, generator=each).tolist() == expected
    assert repr(generator) == "Generator(device='cpu', seed=7)"


def test_a_new_generator_has_torchs_seed() -> None:
    assert gradviz.Generator().initial_seed() == torch.Generator().initial_seed()


def test_seed_makes_a_new_stream() -> None:
    first = gradviz.seed()
    drawn = gradviz.rand(4).tolist()
    assert gradviz.seed() != first
    gradviz.manual_seed(first)
    assert gradviz.rand(4).tolist() == drawn


def test_fork_rng_leaves_the_stream_as_it_was() -> None:
    expected = gradviz.rand(3).tolist()
    gradviz.manual_seed(0)
    with fork_rng():
        gradviz.rand(100)
    assert gradviz.rand(3).tolist() == expected


def test_threads_share_one_stream_without_losing_numbers() -> None:
    found: list[float] = []

    def draw() -> None:
        for _ in range(200):
            found.extend(gradviz.rand(5).tolist())

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == sorted(torch.rand(4000).tolist())
