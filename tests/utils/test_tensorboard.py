"""SummaryWriter: the same messages in the same folders as torch.utils.tensorboard writes for the same calls."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz

protos = pytest.importorskip("tensorboard.compat.proto.event_pb2")

from gradviz.utils import tensorboard as ours  # noqa: E402
from tests.strict_device import strict  # noqa: E402

R = np.random.default_rng(0)
NORMAL = R.normal(size=500)
SCORES = R.random(80)
IMAGE = R.random((3, 7, 9)).astype(np.float32) * 1.4 - 0.2
BATCH = R.random((11, 1, 4, 5)).astype(np.float32)
BYTES = R.integers(0, 256, (5, 6, 3)).astype(np.uint8)
BOXES = np.array([[0, 1, 4, 5], [2, 2, 6, 6]])
COUNTS = R.random((6, 10))
POINTS = R.random((5, 3)).astype(np.float32)
LAYOUT = {"Taiwan": {"a": ["Multiline", ["x/1", "x/2"]]}, "USA": {"b": ["Margin", ["v", "lo", "hi"]], "c": ["?", []]}}
INTEGERS = ["bool", "uint8", "int8", "int16", "int32", "int64"]
DTYPES = [*INTEGERS, "float16", "bfloat16", "float32", "float64", "complex64", "complex128"]

Call = Callable[[Any, Any], object]
CALLS: dict[str, Call] = {
    "number": lambda t, w: w.add_scalar("loss", 0.1, 3),
    "no step": lambda t, w: w.add_scalar("loss", 0.1),
    "wall time": lambda t, w: w.add_scalar("loss", 1, 2, walltime=12.5),
    "tensor": lambda t, w: w.add_scalar("loss", t.tensor(2.5, requires_grad=True), t.tensor(7)),
    "tensor of one": lambda t, w: w.add_scalar("a/b c", t.ones(1, 1, dtype=t.bfloat16), 1),
    "NumPy number": lambda t, w: w.add_scalar("loss", np.float64(1e-40), np.int64(4)),
    "inf and nan": lambda t, w: [w.add_scalar("x", v, 0) for v in (float("inf"), float("-inf"), float("nan"), 1e300)],
    "new style": lambda t, w: w.add_scalar("loss", 0.1, 3, new_style=True),
    "double": lambda t, w: w.add_scalar("loss", 0.1, 3, new_style=True, double_precision=True),
    "double, old style": lambda t, w: w.add_scalar("loss", 0.1, 3, double_precision=True),
    "hostile tag": lambda t, w: w.add_scalar('<b>"&é\n\U0001f600', 1.0, -5),
    "scalars": lambda t, w: [w.add_scalars("run/14h", {"sin": i * 0.5, "cos/x": t.tensor(i)}, i) for i in range(3)],
    "histogram": lambda t, w: w.add_histogram("h", t.from_numpy(NORMAL), 1),
    "histogram of float32": lambda t, w: w.add_histogram("h", t.from_numpy(NORMAL.astype("f")).reshape(5, 100), 1),
    "histogram of integers": lambda t, w: w.add_histogram("h", t.arange(-4, 9), 1),
    "histogram of bools": lambda t, w: w.add_histogram("h", t.tensor([True, False, True])),
    "histogram of bfloat16": lambda t, w: w.add_histogram("h", t.ones(3, dtype=t.bfloat16) * 1.1, 1),
    "histogram of zeros": lambda t, w: w.add_histogram("h", np.zeros(4), 1),
    "histogram of one": lambda t, w: w.add_histogram("h", 3.5, 1),
    "histogram, lowest bin": lambda t, w: w.add_histogram("h", np.array([0.0, 1, 2]), 1, bins=[0, 1, 2]),
    "histogram, one bin": lambda t, w: w.add_histogram("h", np.array([0.5, 7]), 1, bins=1),
    "histogram, one empty bin": lambda t, w: w.add_histogram("h", np.array([0.5, 7]), 1, bins=[1, 2]),
    "histogram, 10 bins": lambda t, w: w.add_histogram("h", NORMAL, 1, bins=10),
    "histogram, auto": lambda t, w: w.add_histogram("h", NORMAL, 1, bins="auto"),
    "histogram, holes": lambda t, w: w.add_histogram("h", np.array([1.5, 5.5]), 1, bins=range(9)),
    **{
        f"at most {n} of 30 bins": lambda t, w, n=n: w.add_histogram("h", NORMAL, 1, bins=30, max_bins=n)
        for n in (1, 4, 7, 16, 29, 30, 64)
    },
    "raw histogram": lambda t, w: w.add_histogram_raw("h", -1.0, 2.0, 5, 3.0, 7.0, [0.0, 1.0, 2.0], [1, 3, 1], 4),
    "curve": lambda t, w: w.add_pr_curve("pr", t.from_numpy(SCORES > 0.4), t.from_numpy(SCORES[::-1].copy()), 2),
    "curve, 10": lambda t, w: w.add_pr_curve("pr", (SCORES > 0.4) * 1, SCORES, 2, num_thresholds=10),
    "curve, 500": lambda t, w: w.add_pr_curve("pr", (SCORES > 0.4) * 1, SCORES, num_thresholds=500),
    "curve, weights": lambda t, w: w.add_pr_curve("pr", (SCORES > 0.4) * 1, SCORES[::-1], 1, 9, np.arange(80.0)),
    "raw curve": lambda t, w: w.add_pr_curve_raw("pr", *COUNTS, 3, 10),
    "image": lambda t, w: w.add_image("i", t.from_numpy(IMAGE), 1),
    "image HWC of bytes": lambda t, w: w.add_image("i", t.from_numpy(BYTES), 1, dataformats="HWC"),
    "image HW": lambda t, w: w.add_image("i", IMAGE[0], 1, dataformats="hw"),
    "image of one channel": lambda t, w: w.add_image("i", t.from_numpy(IMAGE[:1].copy()), 1),
    "image of four channels": lambda t, w: w.add_image("i", R_FOUR, 1),
    "image of bools": lambda t, w: w.add_image("i", t.from_numpy(IMAGE > 0.5), 1),
    "image of float64": lambda t, w: w.add_image("i", t.from_numpy(IMAGE).double(), 1),
    "images": lambda t, w: w.add_images("i", t.from_numpy(BATCH), 1),
    "images NHWC": lambda t, w: w.add_images("i", t.from_numpy(BATCH[:3]).expand(3, 3, 4, 5), 1, dataformats="NCHW"),
    "boxes": lambda t, w: w.add_image_with_boxes("b", t.from_numpy(IMAGE), t.from_numpy(BOXES), 1),
    "labels": lambda t, w: w.add_image_with_boxes("b", IMAGE, BOXES, 1, rescale=3, labels=["cat", ""]),
    "a label too few": lambda t, w: w.add_image_with_boxes("b", IMAGE, BOXES, 1, labels="cat"),
    "sound": lambda t, w: w.add_audio("s", t.from_numpy(np.sin(np.arange(50.0)))[None], 1, sample_rate=8000),
    "loud sound": lambda t, w: w.add_audio("s", np.arange(5.0), 1),
    "text": lambda t, w: w.add_text("note", "*hello* ü <script>", 4),
    "charts": lambda t, w: w.add_custom_scalars(LAYOUT),
    "line chart": lambda t, w: w.add_custom_scalars_multilinechart(["a", "b"]),
    "band chart": lambda t, w: w.add_custom_scalars_marginchart(["a", "b", "c"], "k", "t"),
    "hyperparameters": lambda t, w: w.add_hparams(
        {"lr": 0.1, "n": 3, "name": "sgd", "on": True, "none": None, "t": t.tensor([2.5, 1])},
        {"hparam/loss": t.tensor(0.5), "acc": 1},
        {"lr": [0.1, 0.2], "name": ["sgd", "adam"], "on": [True, False]},
        run_name="one",
        global_step=3,
    ),
    "mesh": lambda t, w: w.add_mesh("m", t.rand(1, 4, 3) * 0 + 2, global_step=1),
    "mesh with all": lambda t, w: w.add_mesh(
        "m", t.ones(1, 4, 3), t.ones(1, 4, 3, dtype=t.int32) * 9, t.arange(6).reshape(1, 2, 3), {"b": 1, "a": [2]}, 1
    ),
    "points": lambda t, w: w.add_embedding(t.from_numpy(POINTS), tag="x/y%"),
    "points with labels": lambda t, w: w.add_embedding(POINTS, list("abcde"), global_step=12),
    "points with all": lambda t, w: [
        w.add_embedding(
            t.from_numpy(POINTS), [[i, f"n{i}"] for i in range(5)], t.from_numpy(BATCH[:5]), 1, "p", ["i", "n"]
        ),
        w.add_embedding(t.from_numpy(POINTS).double(), tag="second", global_step=2),
    ],
    **{
        f"tensor of {name}": lambda t, w, name=name: w.add_tensor(
            "x", t.tensor([[1, 0, 3], [-1, 2, 5]]).abs().to(getattr(t, name)), 3
        )
        for name in DTYPES
    },
    "tensor of one number": lambda t, w: w.add_tensor("x", t.tensor(-1.5, dtype=t.float16)),
    "empty tensor": lambda t, w: w.add_tensor("x", t.zeros(0, 2)),
    "many": lambda t, w: [w.add_scalar(f"x{i % 3}", i / 7, i) for i in range(100)],
    "after close": lambda t, w: [w.add_scalar("x", 1, 1), w.close()],
}  # fmt: skip
R_FOUR = R.random((4, 5, 6))


def real() -> Any:
    pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torch.utils.tensorboard")


def messages(file: Path) -> list[str]:
    """The messages of a file as text, read by TensorBoard's own reader; the times and who wrote it left out."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    found = []
    for data in RawEventFileLoader(str(file)).Load():
        event = protos.Event.FromString(data)
        event.ClearField("source_metadata")
        if event.wall_time > 1e6:
            event.ClearField("wall_time")
        found.append(str(event))
    return found


def content(folder: Path) -> dict[str, list[Any]]:
    """What is in a folder: the messages of event files, the bytes of others, by the folders they are in."""
    found: dict[str, list[Any]] = {}
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            place = file.relative_to(folder)
            events = ".tfevents." in file.name
            key = f"{place.parent.as_posix()}/events" if events else place.as_posix()
            found.setdefault(key, []).append(messages(file) if events else file.read_bytes())
    return found


@pytest.mark.oracle
@pytest.mark.parametrize("name", CALLS)
def test_the_messages_are_those_of_torch(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    printed = []
    for t, module in ((torch, theirs), (gradviz, ours)):
        with module.SummaryWriter(str(tmp_path / module.__name__)) as writer:
            CALLS[name](t, writer)
        printed.append(capsys.readouterr().out)
    expected, found = (content(tmp_path / module.__name__) for module in (theirs, ours))
    assert found == expected
    assert printed[0] == printed[1]


DEVICE: dict[str, Callable[[Any, Any], object]] = {
    "number": lambda w, x: w.add_scalar("x", x.mean(), 1),
    "numbers": lambda w, x: w.add_scalars("x", {"a": x.sum(), "b": x.max()}, 1),
    "histogram": lambda w, x: w.add_histogram("x", x, 1),
    "bfloat16": lambda w, x: w.add_histogram("x", x.bfloat16(), 1),
    "image": lambda w, x: w.add_image("x", x, 1),
    "images": lambda w, x: w.add_images("x", x[:, None], 1),
    "curve": lambda w, x: w.add_pr_curve("x", x.flatten() > 0.5, x.flatten(), 1),
    "sound": lambda w, x: w.add_audio("x", x.flatten(), 1),
    "points": lambda w, x: w.add_embedding(x.flatten(1), label_img=x[:, None].expand(3, 3, 4, 5)),
    "mesh": lambda w, x: w.add_mesh("x", x[:, :, :3], global_step=1),
    "tensor": lambda w, x: w.add_tensor("x", x, 1),
    "hyperparameters": lambda w, x: w.add_hparams({"a": x.max()}, {"b": x.min()}, run_name="r"),
    "films": lambda w, x: w.add_video("x", x[None, :, None].expand(1, 3, 3, 4, 5), 1),
}


@pytest.mark.parametrize("name", DEVICE)
def test_tensors_of_another_device_are_logged(name: str, tmp_path: Path) -> None:
    strict()
    values = gradviz.from_numpy(R.random((3, 4, 5)).astype(np.float32)).requires_grad_()
    for device in ("cpu", "strict"):
        with ours.SummaryWriter(tmp_path / device) as writer:
            DEVICE[name](writer, values.to(device))
    assert content(tmp_path / "strict") == content(tmp_path / "cpu")


WRONG: dict[str, Call] = {
    "two numbers": lambda t, w: w.add_scalar("x", t.ones(2)),
    "a list": lambda t, w: w.add_histogram("x", [1.0, 2.0]),
    "no values": lambda t, w: w.add_histogram("x", t.zeros(0)),
    "values outside": lambda t, w: w.add_histogram("x", t.ones(3), bins=[5, 6, 7]),
    "raw histogram": lambda t, w: w.add_histogram_raw("x", 0, 1, 1, 1, 1, [1, 2], [1]),
    "image format": lambda t, w: w.add_image("x", t.ones(3, 2, 2), dataformats="HW"),
    "image format twice": lambda t, w: w.add_image("x", t.ones(3, 2, 2), dataformats="CCW"),
    "five channels": lambda t, w: w.add_images("x", t.ones(2, 5, 3, 3)),
    "stereo": lambda t, w: w.add_audio("x", t.zeros(2, 9)),
    "margin": lambda t, w: w.add_custom_scalars_marginchart(["a"]),
    "margin in a layout": lambda t, w: w.add_custom_scalars({"a": {"b": ["Margin", ["x"]]}}),
    "no dictionary": lambda t, w: w.add_hparams([], {}),
    "hyperparameter": lambda t, w: w.add_hparams({"a": [1]}, {}),
    "domain": lambda t, w: w.add_hparams({"a": 1}, {}, {"a": ["b"]}),
    "labels": lambda t, w: w.add_embedding(t.ones(3, 2), metadata=["a"]),
    "header": lambda t, w: w.add_embedding(t.ones(1, 2), metadata=[["a"]], metadata_header=["a", "b"]),
    "pictures": lambda t, w: w.add_embedding(t.ones(3, 2), label_img=t.ones(2, 3, 4, 4)),
    "points": lambda t, w: w.add_embedding(t.ones(3, 2, 2)),
    "tensor": lambda t, w: w.add_tensor("x", t.zeros(2, dtype=t.uint16)),
}


def squeezed(error: BaseException) -> tuple[type, str]:
    return type(error), " ".join(str(error).split()).replace("gradviz.core.tensor.Tensor", "torch.Tensor")


@pytest.mark.oracle
@pytest.mark.parametrize("name", WRONG)
def test_the_errors_are_those_of_torch(name: str, tmp_path: Path) -> None:
    theirs, torch = real(), pytest.importorskip("torch")
    errors = []
    for t, module in ((torch, theirs), (gradviz, ours)):
        with module.SummaryWriter(str(tmp_path / module.__name__)) as writer, pytest.raises(Exception) as raised:
            WRONG[name](t, writer)
        errors.append(squeezed(raised.value))
    expected, found = errors
    if expected[1].startswith("Tensor should contain"):  # torch prints a method where it means the size
        expected, found = ((kind, text[:50]) for kind, text in errors)
    assert found == expected


@pytest.mark.oracle
@pytest.mark.parametrize("kind", ["SummaryWriter", "FileWriter"])
def test_the_calls_are_those_of_torch(kind: str) -> None:
    theirs = real()
    expected = dict(inspect.getmembers(getattr(theirs, kind), inspect.isfunction))
    missing = []
    for name, function in expected.items():
        if name in ("_encode", "_get_file_writer") or (kind == "FileWriter" and name == "add_onnx_graph"):
            continue
        mine = getattr(getattr(ours, kind), name, None)
        wanted = [(p.name, p.default) for p in inspect.signature(function).parameters.values()]
        if mine is None or [(p.name, p.default) for p in inspect.signature(mine).parameters.values()] != wanted:
            missing.append(name)
    assert missing == []


@pytest.mark.oracle
def test_default_folder_and_attributes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for module in (real(), ours):
        with module.SummaryWriter(comment="_lr0.1", filename_suffix=".mine", max_queue=3, flush_secs=5) as writer:
            assert (writer.max_queue, writer.flush_secs, writer.filename_suffix) == (3, 5, ".mine")
            assert writer.get_logdir() == writer.log_dir
            assert writer.file_writer.get_logdir() == writer.log_dir
            bins = writer.default_bins
            assert len(bins) == 1549
    folders = list((tmp_path / "runs").iterdir())
    assert folders
    assert all(folder.name.endswith("_lr0.1") for folder in folders)
    files = [file.name for folder in folders for file in folder.iterdir()]
    assert len(files) == 2
    assert all(name.startswith("events.out.tfevents.") and name.endswith(".mine") for name in files)
    assert {len(name.split(".")) for name in files} == {len(files[0].split("."))}


@pytest.mark.oracle
def test_purge_step(tmp_path: Path) -> None:
    theirs = real()
    for module in (theirs, ours):
        for start in (None, 3):
            with module.SummaryWriter(str(tmp_path / module.__name__), purge_step=start) as writer:
                for step in range(start or 0, (start or 0) + 5):
                    writer.add_scalar("x", step, step)
    both = [content(tmp_path / module.__name__) for module in (theirs, ours)]
    assert sorted(both[0]["./events"]) == sorted(both[1]["./events"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda w: w.add_onnx_graph("x"), "add_onnx_graph"),
        (lambda w: w.add_pr_curve_raw("x", *COUNTS, weights=1.0), "weights"),
        (lambda w: w.add_image("x", np.ones((3, 4)), dataformats="XY"), "dataformats='XY'"),
        (lambda w: ours.SummaryWriter("s3://bucket/x"), "log_dir='s3://bucket/x'"),
    ],
    ids=["onnx", "weights", "format", "bucket"],
)
def test_what_is_not_there_is_refused_by_name(call: Any, said: str, tmp_path: Path) -> None:
    with ours.SummaryWriter(tmp_path) as writer, pytest.raises(NotImplementedError, match=said):
        call(writer)


def test_films(tmp_path: Path) -> None:
    """A GIF of the films side by side; PyTorch needs moviepy 1 for it."""
    import io

    from PIL import Image

    films = np.zeros((3, 4, 3, 6, 8), np.float32)
    for time in range(4):
        films[:, time] = time / 3
    with ours.SummaryWriter(tmp_path) as writer:
        writer.add_video("v", gradviz.from_numpy(films), 2, fps=5)
    [event] = [e for e in read_events(tmp_path) if e.summary.value]
    shown = event.summary.value[0].image
    assert (shown.height, shown.width, shown.colorspace) == (6, 32, 3)
    gif = Image.open(io.BytesIO(shown.encoded_image_string))
    assert (gif.n_frames, gif.info["duration"], gif.size) == (4, 200, (32, 6))
    gif.seek(3)
    frame = np.asarray(gif.convert("RGB"))
    assert frame[0, 0].tolist() == [255] * 3
    assert frame[-1, -1].tolist() == [0] * 3  # the fourth film is black


def test_figures_need_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with ours.SummaryWriter(tmp_path) as writer, pytest.raises(ImportError, match="pip install matplotlib"):
        writer.add_figure("f", object())


def read_events(folder: Path) -> list[Any]:
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    [file] = folder.glob("*.tfevents.*")
    return [protos.Event.FromString(data) for data in RawEventFileLoader(str(file)).Load()]
