"""`as_torch()` and `%%torch`, each in a fresh interpreter: they change what `import torch` means."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


def run(program: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_names_are_the_same_modules() -> None:
    assert run(
        """
        import sys
        import gradviz
        handle = gradviz.as_torch()
        print("torch" in sys.modules)
        import torch, torchvision
        import torch.nn as nn
        import torch.nn.functional as F
        import torch.optim as optim
        import torchvision.transforms as transforms
        from torch import tensor
        from torch.utils.data import DataLoader, TensorDataset
        from torchvision.datasets import CIFAR10
        import gradviz.nn.functional, gradviz.utils.data, gradviz.vision.transforms
        print(torch is gradviz, nn is gradviz.nn, F is gradviz.nn.functional, optim is gradviz.optim)
        print(transforms is gradviz.vision.transforms, DataLoader is gradviz.utils.data.DataLoader)
        print(torch.__name__, torch.__spec__.name, nn.__spec__.name, nn.__spec__.parent, F.__package__)
        print(handle)
        print(sys.modules["torch.utils.data"] is sys.modules["gradviz.utils.data"])
        """
    ) == [
        "False",
        "True True True True",
        "True True",
        "gradviz gradviz gradviz.nn gradviz.nn gradviz.nn.functional",
        "<gradviz answers to the names torch, torchvision, torchviz, torchsummary, torchinfo>",
        "True",
    ]


# A name, and the part of it that is not there: what torch has and gradviz has not, and the other way round.
NOT_THERE = {
    "torch.fsdp": "torch.fsdp",
    "torch.fsdp.deep": "torch.fsdp",
    "torch.core": "torch.core",
    "torch.viz": "torch.viz",
    "torch.vision": "torch.vision",
    "torch._serial": "torch._serial",
    "torchvision.io": "torchvision.io",
    "torch.nn.nothing": "torch.nn.nothing",
}


def test_what_is_not_there_is_not_found() -> None:
    program = f"""
        import sys
        import gradviz
        gradviz.as_torch()
        import torch
        for name in {list(NOT_THERE)}:
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error.name, str(error).splitlines()[0], name in sys.modules)
        """
    assert run(program) == [f"{missing} No module named {missing!r} False" for missing in NOT_THERE.values()]


def test_a_with_block_takes_the_names_back() -> None:
    pytest.importorskip("torch")
    assert run(
        """
        import sys
        import gradviz
        with gradviz.as_torch() as torch:
            import torch as again
            import torch.utils.data
            print(torch is gradviz, again is gradviz)
            with gradviz.as_torch():
                pass
            import torch.utils
            print(torch.utils is gradviz.utils)
        print([m for m in sys.modules if m.split(".")[0].startswith("torch")])
        import torch
        print(torch is gradviz, torch.__version__.startswith("2."))
        print(gradviz.utils.data.__name__)
        """
    ) == ["True True", "True", "[]", "False True", "gradviz.utils.data"]


def test_a_block_inside_leaves_the_outer_call_alone() -> None:
    assert run(
        """
        import gradviz
        gradviz.as_torch()
        with gradviz.as_torch():
            import torch
        import torch.utils.data
        print(torch is gradviz)
        """
    ) == ["True"]


def test_the_names_are_taken_back_after_an_error() -> None:
    assert run(
        """
        import sys
        import gradviz
        try:
            with gradviz.as_torch():
                import torch
                raise ValueError
        except ValueError:
            print("torch" in sys.modules, len([f for f in sys.meta_path if "gradviz" in str(f)]))
        """
    ) == ["False 0"]


@pytest.mark.parametrize("name", ["torch", "torchvision", "torchinfo"])
def test_refused_when_the_real_one_is_loaded(name: str) -> None:
    assert run(
        f"""
        import sys, types
        sys.modules[{name!r}] = types.ModuleType({name!r})
        import gradviz
        try:
            gradviz.as_torch()
        except RuntimeError as error:
            print(error)
        """
    )[0].startswith(f"as_torch(): the real {name} is already imported")


def test_pickled_classes_keep_their_own_names() -> None:
    assert run(
        """
        import pickle
        import gradviz
        gradviz.as_torch()
        import torch.nn
        print(torch.nn.Linear.__module__.split(".")[0], b"torch" in pickle.dumps(torch.nn.Linear))
        """
    ) == ["gradviz False"]


MAGIC = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("load_ext", "gradviz")

def cell(text):
    result = shell.run_cell(text)
    print("->", result.result, type(result.error_in_exec).__name__)
"""


def magic(*cells: str) -> list[str]:
    pytest.importorskip("IPython")
    calls = "".join(f"cell({text!r})\n" for text in cells)
    return [line for line in run(MAGIC + calls) if line.startswith(("->", "printed"))]


def test_the_cell_magic() -> None:
    assert magic(
        "%%torch\nimport torch\nx = torch.ones(2, requires_grad=True)\nx.sum().backward()\nx.grad",
        "x.grad.sum().item(), torch.__name__",
        "%%torch\nx = 3\nprint('printed', x)",
        "%%torch\nx + 1;",
        "%%torch\n%time y = 5\ny",
        "import sys; [m for m in sys.modules if m.split('.')[0] == 'torch']",
    ) == [
        "-> tensor([1., 1.]) NoneType",
        "-> (2.0, 'gradviz') NoneType",
        "printed 3",
        "-> None NoneType",
        "-> None NoneType",
        "-> 5 NoneType",
        "-> [] NoneType",
    ]


def test_errors_in_the_cell_magic_fail_the_cell() -> None:
    assert magic(
        "%%torch\n1/0",
        "%%torch\nx = (",
        "%%torch\nimport torch.nothing",
        "%%torch cuda\n1",
        "import sys; 'torch' in sys.modules",
    ) == [
        "-> None ZeroDivisionError",
        "-> None SyntaxError",
        "-> None ModuleNotFoundError",
        "-> None NotImplementedError",
        "-> False NoneType",
    ]
