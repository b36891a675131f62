"""ConfusionMatrix: its counts, shares and scores are scikit-learn's."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest

import gradviz as torch
from gradviz.widgets.cnn.confusion_matrix import ConfusionMatrix


def made(seed: int = 0, samples: int = 300, classes: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes - 1, samples)  # the last class never occurs
    return labels, np.where(rng.random(samples) < 0.6, labels, rng.integers(0, classes, samples))


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
def test_matrix_and_scores_are_those_of_scikit_learn(normalize: str | None) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    labels, said = made()
    view = ConfusionMatrix(labels, said, classes="abcde", normalize=normalize)
    wanted = metrics.confusion_matrix(labels, said, labels=range(5), normalize=normalize)
    assert np.allclose(view.matrix(-1, normalize), wanted)
    assert view.accuracy() == pytest.approx(metrics.accuracy_score(labels, said))
    p, r, f, n = metrics.precision_recall_fscore_support(labels, said, labels=range(5), zero_division=0)
    assert np.allclose(np.array(view.scores()).T, [p, r, f, n])


def test_scores_lists_and_epochs() -> None:
    labels, said = made()
    scores = torch.nn.functional.one_hot(torch.tensor(said), 5).float()
    assert (
        ConfusionMatrix(torch.tensor(labels), scores).counts[0].tolist()
        == ConfusionMatrix(labels, said).counts[0].tolist()
    )
    view = ConfusionMatrix(list(labels), [made(1)[1], said], classes="abcde")
    assert len(view.counts) == 2
    assert view.counts[1].tolist() == ConfusionMatrix(labels, said, classes="abcde").counts[0].tolist()
    true, taken, times = view.worst()
    assert (
        times == view.counts[1][true, taken] == max(view.counts[1][i, j] for i in range(5) for j in range(5) if i != j)
    )
    assert f"{'abcde'[true]} taken for {'abcde'[taken]}, {times} times" in view.to_text()


def test_the_commonest_confusions_keep_their_images() -> None:
    labels, said = made()
    images = torch.rand(300, 3, 32, 32)
    view = ConfusionMatrix(labels, said, images=images)
    true, taken, _ = view.worst()
    data = view.to_json()
    assert [(int(labels[i]), int(said[i])) for i in data["kept"]][:3] == [(true, taken)] * 3
    assert data["images"]["count"] == len(data["kept"]) == len(data["labels"])
    assert (view.pixels[0] == np.rint(images[data["kept"][0]].numpy().transpose(1, 2, 0) * 255)).all()
    assert len(view.to_html()) <= 120_000


def test_many_classes_and_none_right() -> None:
    labels = np.arange(100).repeat(3)
    view = ConfusionMatrix(labels, (labels + 1) % 100)
    assert view.accuracy() == 0
    assert "0 of 300 right" in view.to_text()
    ET.fromstring(view.to_svg())
    assert len(view.to_html()) <= 200_000
    alone = ConfusionMatrix([0, 0], [0, 0])
    assert alone.worst() is None
    assert "confused" not in alone.to_text()


def test_hostile_names_are_text_and_builds_are_equal() -> None:
    names = ['"><img src=x onerror=alert(1)>', "b\n\u202e", "c" * 10_000]
    first, second = (ConfusionMatrix([0, 1, 2], [1, 2, 0], classes=names, title=names[0]) for _ in range(2))
    assert first.to_html() == second.to_html()
    assert "<img src=x" not in first.to_html()
    ET.fromstring(first.to_svg())


@pytest.mark.parametrize(
    ("arguments", "settings", "said"),
    [
        (([0, 1], [0]), {}, "predictions has 1 entries"),
        (([0, 1], [0, 1]), {"normalize": "rows"}, "normalize must be"),
        (([0, 1], [0, 1]), {"images": torch.zeros(3, 4, 4)}, "images has 3 entries"),
        (([0, 5], [0, 1]), {"classes": ["a", "b"]}, "only 2 class names"),
        (([], []), {}, "nothing to count"),
    ],
)
def test_bad_input_is_named(arguments: Any, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ConfusionMatrix(*arguments, **settings)
