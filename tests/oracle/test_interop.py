"""Tensors and the world around them: NumPy, buffers, DLPack, pickles, copies, Python's own conversions."""

from __future__ import annotations

import array
import copy
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import gradviz

from .same import check_errors

torch = pytest.importorskip("torch")

# One expression per line, run here and in torch: the results, or the errors, must be equal.
SAME = """
np.sin(L.ones(2))
np.add(L.ones(2), 1)
np.sqrt(L.tensor(4.0))
np.exp(L.tensor([1, 2]))
np.isfinite(L.ones(2))
np.ones(2) * L.ones(2)
L.ones(2) * np.ones(2)
L.ones(2) + np.float64(1)
np.float64(1) + L.ones(2)
np.float32(2) * L.ones(2)
L.ones(2) * np.float32(2)
np.int64(2) * L.ones(2)
L.ones(2) / np.int64(2)
np.ones((2, 2)) @ L.ones(2, 2)
L.ones(2, 2) @ np.ones((2, 2))
np.ones(3) == L.ones(3)
L.ones(3) == np.ones(3)
L.ones(3) < np.ones(3)
np.asarray(L.ones(2))
np.array(L.ones(2), dtype=np.float64)
np.asarray(L.ones(2, requires_grad=True))
np.asarray(L.ones(2, dtype=L.bfloat16))
np.concatenate([L.ones(2), L.ones(2)])
np.stack([L.ones(2), L.zeros(2)])
np.dot(L.ones(2), L.ones(2))
L.from_numpy(np.ones(3)[::-1])
L.from_numpy(np.ones((4, 4))[::2, 1:])
L.from_numpy(np.ones((4, 3)).T).stride()
L.from_numpy([1, 2])
L.from_numpy(np.array(['a']))
L.from_numpy(np.array([1, 2], dtype=object))
L.from_numpy(np.array([1, 2], dtype='>i4'))
L.from_numpy(np.array(3.0))
L.from_numpy(np.float64(3))
L.from_numpy(np.zeros((0, 3)))
L.from_numpy(np.array([1], dtype=np.uint16))
L.from_numpy(np.array([1], dtype=np.complex128))
L.as_tensor(np.ones(2))
L.as_tensor(np.ones(2), dtype=L.float32)
L.as_tensor([1, 2.5])
L.as_tensor(3)
L.asarray([1, 2])
L.asarray(np.ones(2), copy=True)
L.asarray(L.ones(2), requires_grad=True)
L.asarray([1, 2], copy=False)
L.asarray(np.ones(2), dtype=L.float32, copy=False)
L.asarray(3.5)
L.asarray(np.float32(3.5))
L.asarray(bytearray(b'abcd'), dtype=L.uint8)
L.asarray(array.array('f', [1, 2]))
L.asarray('abc')
L.asarray(None)
L.frombuffer(bytearray(range(8)), dtype=L.int32)
L.frombuffer(bytearray(9), dtype=L.int32)
L.frombuffer(bytearray(range(8)), dtype=L.int32, offset=4)
L.frombuffer(bytearray(range(8)), dtype=L.int32, count=1)
L.frombuffer(bytearray(8), dtype=L.int32, count=3)
L.frombuffer(bytearray(8), dtype=L.int32, offset=9)
L.frombuffer(bytearray(8), dtype=L.int32, offset=-1)
L.frombuffer(bytearray(0), dtype=L.int32)
L.frombuffer(bytearray(8), dtype=L.int32, count=0)
L.frombuffer([1], dtype=L.int32)
L.frombuffer(bytearray(8), dtype=L.float32, requires_grad=True)
L.frombuffer(array.array('i', [1, 2, 3]), dtype=L.int32)
memoryview(L.ones(2))
bytes(L.tensor([1, 2]))
bytearray(L.tensor([1, 2]))
L.ones(2, requires_grad=True).numpy()
L.ones(2, requires_grad=True).numpy(force=True)
L.ones(2, dtype=L.bfloat16).numpy()
L.ones(2, dtype=L.bfloat16).tolist()
L.tensor(3).numpy()
L.tensor(3).tolist()
L.zeros(2, 0).tolist()
L.tensor([True, False]).tolist()
L.tensor([1 + 2j]).tolist()
L.tensor([[1, 2], [3, 4]]).tolist()
L.from_dlpack(np.ones(2))
L.from_dlpack(L.ones(2))
L.from_dlpack(np.array([True]))
L.from_dlpack(3)
L.from_dlpack(L.ones(2, requires_grad=True))
L.utils.dlpack.from_dlpack(L.utils.dlpack.to_dlpack(L.arange(3)))
L.ones(2, requires_grad=True).__dlpack__()
tuple(map(int, L.ones(2).__dlpack_device__()))
np.from_dlpack(L.ones(2))
len(L.ones(3, 2))
len(L.tensor(1))
list(L.arange(3))
iter(L.tensor(1))
[x for x in L.ones(2, 2)]
3 in L.arange(5)
7 in L.arange(5)
L.tensor(3) in L.arange(5)
1.5 in L.ones(2)
'a' in L.arange(5)
None in L.arange(5)
[1] in L.ones(2, 2)
L.ones(2) in L.ones(2, 2)
list(reversed(L.arange(3)))
reversed(L.tensor(1))
bool(L.tensor(0.0))
bool(L.tensor([]))
bool(L.ones(2))
bool(L.ones(1, 1))
int(L.tensor(2.7))
int(L.tensor([[3]]))
int(L.ones(2))
int(L.tensor(True))
int(L.tensor(float('nan')))
int(L.tensor(float('inf')))
int(L.tensor(1 + 2j))
int(L.tensor(1 + 0j))
float(L.tensor(3))
float(L.tensor(1 + 2j))
float(L.tensor(1 + 0j))
float(L.ones(2))
float(L.tensor([]))
complex(L.tensor(3.0))
complex(L.tensor(1 + 2j))
[10, 20, 30][L.tensor(1)]
[10, 20, 30][L.tensor([1])]
[10, 20, 30][L.tensor(1.0)]
[10, 20, 30][L.tensor(True)]
[10, 20, 30][L.tensor([0, 1])]
range(L.tensor(3))
L.tensor(3).__index__()
L.tensor(3.0).__index__()
L.tensor([1, 2]).__index__()
L.tensor([[1.5]]).item()
L.ones(2).item()
L.tensor([]).item()
L.tensor(1.5, dtype=L.float16).item()
L.tensor(1.5, dtype=L.bfloat16).item()
L.tensor(True).item()
L.tensor(2j).item()
round(L.tensor(2.7))
abs(L.tensor(-2))
divmod(L.tensor(7), L.tensor(3))
pow(L.tensor(2.0), 3)
math.floor(L.tensor(2.7))
math.ceil(L.tensor(2.2))
math.trunc(L.tensor(2.2))
math.sqrt(L.tensor(4.0))
sum([L.ones(2), L.ones(2)])
max(L.tensor([1, 3, 2]))
sorted(L.tensor([3, 1, 2]))
any(L.tensor([0, 1]))
L.ones(2) + 'a'
L.ones(2) + None
L.Tensor(2, 3).shape
L.Tensor([1, 2])
L.Tensor([[1, 2], [3, 4]])
L.Tensor()
L.Tensor(3).shape
L.Tensor((2, 3))
L.Tensor(L.Size([2, 3])).shape
L.Tensor(3.5)
L.Tensor(np.ones(2))
L.Tensor(L.ones(2))
L.Tensor('a')
L.Tensor([1, 2], dtype=L.int64)
L.Tensor([1, 2], device='cpu')
L.Tensor(2, 3, device='cpu').shape
L.Tensor([True, False])
L.Tensor(range(3))
L.FloatTensor([1, 2])
L.LongTensor([1, 2])
L.LongTensor([1.5, 2.7])
L.LongTensor(3).shape
L.ByteTensor([1, 2])
L.BoolTensor([1, 0])
L.DoubleTensor([1, 2])
L.HalfTensor([1, 2])
L.IntTensor([1, 2])
L.ShortTensor([1, 2])
L.CharTensor([1, 2])
L.BFloat16Tensor([1, 2])
L.FloatTensor(2, 3).shape
L.LongTensor(np.array([1.5, 2]))
L.FloatTensor(L.ones(2))
L.LongTensor()
isinstance(L.ones(2), L.FloatTensor)
isinstance(L.ones(2), L.LongTensor)
isinstance(L.arange(2), L.LongTensor)
isinstance(L.ones(2).double(), L.DoubleTensor)
isinstance(L.nn.Parameter(L.ones(2)), L.FloatTensor)
isinstance(3, L.FloatTensor)
L.FloatTensor
L.FloatTensor.dtype
L.ones(2).type()
L.ones(2).type(L.LongTensor)
L.ones(2).type('torch.LongTensor')
L.ones(2).type('foo')
L.ones(2).type(L.int32)
L.tensor([1, 2]).new([3, 4])
L.tensor([1.0, 2]).new(2, 3).shape
L.tensor([1, 2]).new()
L.tensor(np.float32(3))
L.tensor([np.float64(1.5), 2])
L.tensor([L.tensor(1), L.tensor(2)])
L.tensor(range(3))
L.tensor({1, 2})
L.tensor('abc')
L.tensor(None)
L.tensor([1, 'a'])
L.tensor([[1, 2], [3]])
L.tensor([1, None])
L.tensor(2**63)
L.tensor([1, 2.0])
L.tensor([True, 2])
L.tensor([1, 2j])
L.tensor([[]])
copy.copy(L.ones(2))
copy.deepcopy(L.ones(2, requires_grad=True))
copy.deepcopy(L.ones(2, requires_grad=True) * 2)
copy.deepcopy(L.arange(8)[::2]).stride()
pickle.loads(pickle.dumps(L.ones(2)))
pickle.loads(pickle.dumps(L.ones(2, requires_grad=True)))
pickle.loads(pickle.dumps(L.ones(2, requires_grad=True) * 2))
pickle.loads(pickle.dumps(L.nn.Parameter(L.ones(2))))
pickle.loads(pickle.dumps(L.float32)) is L.float32
pickle.loads(pickle.dumps(L.bool)) is L.bool
pickle.loads(pickle.dumps(L.device('cpu')))
pickle.loads(pickle.dumps(L.Size([2, 3])))
pickle.loads(pickle.dumps(L.ones(2, dtype=L.bfloat16)))
pickle.loads(pickle.dumps(L.ones(4, 3).t())).stride()
pickle.loads(pickle.dumps(L.ones(4, 4)[::2])).stride()
pickle.loads(pickle.dumps(L.tensor(3)))
pickle.loads(pickle.dumps(L.zeros(0, 3)))
L.is_tensor(L.ones(2)), L.is_tensor(3)
L.is_floating_point(L.ones(2)), L.is_complex(L.ones(2)), L.numel(L.ones(2, 3)), L.is_signed(L.ones(2))
L.is_nonzero(L.tensor(1.0)), L.is_conj(L.ones(2)), L.is_neg(L.ones(2)), L.is_same_size(L.ones(2), L.ones(3))
L.is_nonzero(L.ones(2))
"""
CASES = SAME.strip().split("\n")


def outcome(library: Any, code: str) -> tuple[Any, BaseException | None]:
    names = {"L": library, "np": np, "array": array, "copy": copy, "math": math, "pickle": pickle}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return eval(code, names), None
        except Exception as error:
            return None, error


@pytest.mark.parametrize("code", CASES)
def test_same(code: str) -> None:
    (ours, our_error), (theirs, their_error) = outcome(gradviz, code), outcome(torch, code)
    assert type(our_error).__name__ == type(their_error).__name__, (our_error, their_error)
    if their_error is not None and not isinstance(their_error, (BufferError,)):
        check_errors(their_error, our_error)
    assert repr(ours) == repr(theirs)


# -- memory is shared, both ways -----------------------------------------------------------------------------------
def test_from_numpy_shares_memory() -> None:
    a = np.arange(6.0).reshape(2, 3)
    x = gradviz.from_numpy(a)
    a[0, 0] = 10
    x[1, 2] = 20
    assert x[0, 0].item() == 10
    assert a[1, 2] == 20
    assert np.shares_memory(x.numpy(), a)
    assert np.shares_memory(np.asarray(x), a)
    assert np.shares_memory(gradviz.as_tensor(a).numpy(), a)
    assert np.shares_memory(gradviz.asarray(a).numpy(), a)
    assert not np.shares_memory(gradviz.tensor(a).numpy(), a)
    assert not np.shares_memory(gradviz.asarray(a, copy=True).numpy(), a)
    assert not np.shares_memory(gradviz.as_tensor(a, dtype=gradviz.float32).numpy(), a)


def test_a_read_only_array_warns_and_stays_read_only() -> None:
    a = np.ones(3)
    a.flags.writeable = False
    with pytest.warns(UserWarning, match="The given NumPy array is not writable"):
        x = gradviz.from_numpy(a)
    with pytest.raises(ValueError, match="read-only"):
        x.add_(1)
    with pytest.warns(UserWarning, match="The given buffer is not writable"):
        gradviz.frombuffer(b"abcd", dtype=gradviz.uint8)


def test_buffers_share_memory() -> None:
    memory = bytearray(8)
    x = gradviz.frombuffer(memory, dtype=gradviz.int32)
    x[0] = 258
    assert memory[:2] == bytes([2, 1])
    half = gradviz.frombuffer(memory, dtype=gradviz.bfloat16)
    assert half.shape == (4,)


def test_dlpack_shares_memory_with_numpy_and_torch() -> None:
    theirs = torch.arange(4.0)
    ours = gradviz.from_dlpack(theirs)
    ours[0] = 7
    assert theirs[0].item() == 7
    back = torch.from_dlpack(gradviz.arange(3.0))
    assert back.tolist() == [0, 1, 2]
    x = gradviz.zeros(3)
    torch.from_dlpack(x)[1] = 5
    np.from_dlpack(x)
    assert x.tolist() == [0, 5, 0]
    a = np.zeros(3)
    gradviz.from_dlpack(a)[2] = 4
    assert a.tolist() == [0, 0, 4]
    strided = gradviz.from_dlpack(torch.arange(8.0).reshape(2, 4).t()[::2])
    assert strided.tolist() == [[0, 4], [2, 6]]
    assert strided.stride() == (2, 4)
    assert gradviz.from_dlpack(theirs, copy=True).data_ptr() != theirs.data_ptr()
    capsule = torch.utils.dlpack.to_dlpack(theirs)
    assert gradviz.utils.dlpack.from_dlpack(capsule).data_ptr() == theirs.data_ptr()


@pytest.mark.parametrize("library", [gradviz, torch], ids=["gradviz", "torch"])
def test_what_shares_memory_shares_it_in_copies_and_pickles(library: Any) -> None:
    x = library.arange(6.0).reshape(2, 3)
    views = [x, x[0], x.t(), x[:, ::2], x.view(-1)[2:]]
    copies = [copy.deepcopy(views)]
    if library is gradviz:  # torch's tensors share memory in torch.save, not in plain pickles
        copies.append(pickle.loads(pickle.dumps(views)))
    for made in copies:
        assert [v.tolist() for v in made] == [v.tolist() for v in views]
        assert [v.stride() for v in made] == [v.stride() for v in views]
        made[0][0, 0] = 100
        assert made[1][0].item() == made[2][0, 0].item() == made[3][0, 0].item() == 100
        made[4][0] = 50
        assert made[0][0, 2].item() == 50
    assert x[0, 0].item() == 0
    shallow = copy.copy(x)
    shallow[0, 0] = 9
    assert x[0, 0].item() == 9


@pytest.mark.parametrize("library", [gradviz, torch], ids=["gradviz", "torch"])
def test_deepcopy_takes_the_gradient_and_attributes_along(library: Any) -> None:
    x = library.ones(2, requires_grad=True)
    (x * 3).sum().backward()
    x.note = ["kept"]
    made = copy.deepcopy(x)
    assert made.grad.tolist() == [3, 3]
    assert made.grad is not x.grad
    assert made.note == ["kept"]
    assert made.note is not x.note
    pair = copy.deepcopy([x, x])
    assert pair[0] is pair[1]
    assert pickle.loads(pickle.dumps(x)).note == ["kept"]
    assert pickle.loads(pickle.dumps(x)).grad is None


def test_a_slice_of_a_large_array_is_pickled_alone() -> None:
    big = np.zeros(100_000)
    assert len(pickle.dumps(gradviz.from_numpy(big[:10]))) < 2000


def test_generators_devices_and_types_survive_pickling() -> None:
    generator = gradviz.Generator().manual_seed(3)
    expected = gradviz.rand(3, generator=pickle.loads(pickle.dumps(generator))).tolist()
    assert gradviz.rand(3, generator=generator).tolist() == expected
    for name in ("float16", "bfloat16", "uint8", "bool", "complex64", "uint32"):
        kind = getattr(gradviz, name)
        assert copy.deepcopy(kind) is copy.copy(kind) is pickle.loads(pickle.dumps(kind)) is kind
    assert pickle.loads(pickle.dumps(gradviz.device("cpu"))) is gradviz.device("cpu")
    assert pickle.loads(pickle.dumps(gradviz.FloatTensor)).dtype is gradviz.float32
    x = gradviz.ones(2, dtype=gradviz.bfloat16)
    assert pickle.loads(pickle.dumps(x)).dtype is gradviz.bfloat16


def test_a_subclass_keeps_its_class_when_it_is_made_and_copied() -> None:
    class Length(gradviz.Tensor):
        pass

    x = gradviz.ones(2).as_subclass(Length)
    assert type(x) is Length
    assert repr(x) == "Length([1., 1.])"
    assert type(copy.deepcopy(x)) is Length
    assert (x + 1).tolist() == [2, 2]
    assert Length([1, 2]).tolist() == [1, 2]
    assert Length(gradviz.ones(2)).requires_grad_().requires_grad
    w = gradviz.ones(2, requires_grad=True)
    y = (w * 2).as_subclass(Length)
    assert y.grad_fn.name() == "AliasBackward0"
    y.sum().backward()
    assert w.grad.tolist() == [2, 2]


def test_hashes_are_identities() -> None:
    x, y = gradviz.ones(1), gradviz.ones(1)
    assert len({x, y}) == 2
    assert {x: 1}[x] == 1


def test_named_results_are_classes_of_their_own() -> None:
    found = gradviz.max(gradviz.tensor([[1.0, 2.0]]), 1)
    again = pickle.loads(pickle.dumps(found))
    assert isinstance(again, gradviz.return_types.max)
    assert repr(again) == repr(found) == repr(torch.max(torch.tensor([[1.0, 2.0]]), 1))
    assert type(found).__match_args__ == type(torch.max(torch.ones(1, 2), 1)).__match_args__
    assert not hasattr(gradviz.return_types, "nothing")
