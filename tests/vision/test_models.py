"""Models: torchvision's parameter names, shapes and totals, its weights from the same seed, forward and backward."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz
from gradviz.vision import models
from gradviz.vision.models import mobilenetv2, resnet, vgg

# Constructor, parameters in all, some of the state_dict's keys and shapes.
PUBLISHED: dict[str, tuple[int, dict[str, tuple[int, ...]]]] = {
    "resnet18": (
        11_689_512,
        {
            "conv1.weight": (64, 3, 7, 7),
            "bn1.running_var": (64,),
            "layer1.1.conv2.weight": (64, 64, 3, 3),
            "layer2.0.downsample.0.weight": (128, 64, 1, 1),
            "layer2.0.downsample.1.num_batches_tracked": (),
            "layer4.1.bn2.weight": (512,),
            "fc.weight": (1000, 512),
        },
    ),
    "resnet34": (21_797_672, {"layer3.5.conv2.weight": (256, 256, 3, 3), "layer4.2.bn2.bias": (512,)}),
    "resnet50": (
        25_557_032,
        {"layer1.0.downsample.0.weight": (256, 64, 1, 1), "layer4.2.conv3.weight": (2048, 512, 1, 1)},
    ),
    "mobilenet_v2": (
        3_504_872,
        {
            "features.0.0.weight": (32, 3, 3, 3),
            "features.1.conv.0.0.weight": (32, 1, 3, 3),
            "features.1.conv.1.weight": (16, 32, 1, 1),
            "features.2.conv.0.0.weight": (96, 16, 1, 1),
            "features.2.conv.1.0.weight": (96, 1, 3, 3),
            "features.2.conv.2.weight": (24, 96, 1, 1),
            "features.2.conv.3.running_mean": (24,),
            "features.17.conv.3.bias": (320,),
            "features.18.1.weight": (1280,),
            "classifier.1.weight": (1000, 1280),
        },
    ),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_shapes_and_totals(name: str) -> None:
    total, shapes = PUBLISHED[name]
    model = models.get_model(name)
    assert sum(p.numel() for p in model.parameters()) == total
    state = model.state_dict()
    assert {key: tuple(state[key].shape) for key in shapes} == shapes


@pytest.mark.parametrize(("name", "total", "last"), [("vgg11", 132_863_336, 18), ("vgg11_bn", 132_868_840, 25)])
def test_vgg(name: str, total: int, last: int) -> None:
    """Of its 133 million parameters 124 are those of `classifier`, which is only counted here."""
    features = vgg.make_layers(vgg.cfgs["A"], batch_norm=name.endswith("bn"))
    linear = (25088 * 4096 + 4096) + (4096 * 4096 + 4096) + (4096 * 1000 + 1000)
    assert sum(p.numel() for p in features.parameters()) + linear == total
    assert tuple(features.state_dict()[f"{last}.weight"].shape) == (512, 512, 3, 3)
    assert [len(vgg.make_layers(vgg.cfgs[c])) for c in "ABDE"] == [21, 25, 31, 37]


def test_lenet() -> None:
    net = models.LeNet()
    assert sum(p.numel() for p in net.parameters()) == 62_006
    assert net(gradviz.randn(2, 3, 32, 32)).shape == (2, 10)
    assert models.LeNet(5, in_channels=1, image_size=28)(gradviz.randn(2, 1, 28, 28)).shape == (2, 5)
    with pytest.raises(ValueError, match="at least 16 x 16"):
        models.LeNet(image_size=12)


SMALL = {
    "resnet18": lambda: models.resnet18(num_classes=7),
    "resnet18, cifar": lambda: models.resnet18(num_classes=7, stem="cifar"),
    "resnet34, identity blocks": lambda: models.resnet34(num_classes=7, zero_init_residual=True),
    "mobilenet_v2": lambda: models.mobilenet_v2(num_classes=7, width_mult=0.25),
}


@pytest.mark.parametrize("name", SMALL)
def test_forward_and_backward(name: str) -> None:
    model = SMALL[name]()
    out = model(gradviz.randn(2, 3, 32, 32))
    assert out.shape == (2, 7)
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.shape == p.shape for p in model.parameters())
    model.eval()
    with gradviz.no_grad():
        assert bool(model(gradviz.randn(1, 3, 40, 33)).isfinite().all())


def test_vgg_forward_and_backward() -> None:
    net = gradviz.nn.Module()
    net.features = vgg.make_layers([4, "M", 8, "M"], batch_norm=True)
    net.features(gradviz.randn(2, 3, 8, 8)).sum().backward()
    assert net.features[0].weight.grad.shape == (4, 3, 3, 3)
    assert repr(net.features).count("Conv2d") == 2


def test_options() -> None:
    with pytest.raises(NotImplementedError, match="resnet18\\(\\) does not support the argument 'weights'"):
        models.resnet18(weights="IMAGENET1K_V1")
    with pytest.raises(NotImplementedError, match="argument 'pretrained'"):
        models.vgg11(pretrained=True)
    with pytest.raises(ValueError, match="Unknown model resnet1"):
        models.get_model("resnet1")
    with pytest.raises(ValueError, match="stem is"):
        models.resnet18(stem="small")
    with pytest.raises(ValueError, match="BasicBlock only supports groups=1 and base_width=64"):
        models.resnet18(groups=2)
    with pytest.raises(NotImplementedError, match="Dilation > 1 not supported in BasicBlock"):
        models.resnet18(replace_stride_with_dilation=[False, True, True])
    assert models.list_models(include="resnet*", exclude=["*1*"]) == ["resnet34", "resnet50"]
    assert models.list_models(module=mobilenetv2) == ["mobilenet_v2"]
    assert models.get_model_builder("VGG16") is models.vgg16
    dilated = models.ResNet(resnet.Bottleneck, [1, 1, 1, 1], 3, replace_stride_with_dilation=[False, True, True])
    assert dilated.layer4[0].conv2.dilation == (2, 2)


# ------------------------------------------------------------------------------------------------ beside torch's layers


def twin(block: str) -> Any:
    """A block written out for torch, with torchvision's names."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Basic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(4, 6, 3, 2, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(6)
            self.relu = nn.ReLU(inplace=True)
            self.conv2 = nn.Conv2d(6, 6, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(6)
            self.downsample = nn.Sequential(nn.Conv2d(4, 6, 1, 2, bias=False), nn.BatchNorm2d(6))

        def forward(self, x):
            out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(out + self.downsample(x))

    class Inverted(nn.Module):
        def __init__(self) -> None:
            super().__init__()

            def part(before, after, k, groups=1):
                conv = nn.Conv2d(before, after, k, 1, (k - 1) // 2, groups=groups, bias=False)
                return nn.Sequential(conv, nn.BatchNorm2d(after), nn.ReLU6(inplace=True))

            last = nn.Conv2d(12, 4, 1, 1, 0, bias=False)
            self.conv = nn.Sequential(part(4, 12, 1), part(12, 12, 3, 12), last, nn.BatchNorm2d(4))

        def forward(self, x):
            return x + self.conv(x)

    return {"basic": Basic, "inverted": Inverted}[block]()


def ours(block: str) -> Any:
    if block == "inverted":
        return mobilenetv2.InvertedResidual(4, 4, 1, 3)
    down = gradviz.nn.Sequential(resnet.conv1x1(4, 6, 2), gradviz.nn.BatchNorm2d(6))
    return resnet.BasicBlock(4, 6, 2, down)


@pytest.mark.parametrize("block", ["basic", "inverted"])
def test_a_block_equals_its_twin(block: str) -> None:
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    theirs, mine = twin(block), ours(block)
    assert list(theirs.state_dict()) == list(mine.state_dict())
    mine.load_state_dict({k: gradviz.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((3, 4, 6, 6)).astype(np.float32)
    a, b = torch.from_numpy(x.copy()).requires_grad_(), gradviz.from_numpy(x.copy()).requires_grad_()
    for training in (True, False):
        theirs.train(training), mine.train(training)
        theirs.zero_grad(), mine.zero_grad()
        a.grad = b.grad = None
        left, right = theirs(a), mine(b)
        np.testing.assert_allclose(right.detach().numpy(), left.detach().numpy(), rtol=1e-4, atol=1e-5)
        left.square().sum().backward(), right.square().sum().backward()
        np.testing.assert_allclose(b.grad.numpy(), a.grad.numpy(), rtol=1e-3, atol=1e-4)
        for (name, p), q in zip(theirs.named_parameters(), mine.parameters(), strict=True):
            np.testing.assert_allclose(q.grad.numpy(), p.grad.numpy(), rtol=1e-3, atol=1e-4, err_msg=name)
    for (name, p), q in zip(theirs.state_dict().items(), mine.state_dict().values(), strict=True):
        np.testing.assert_allclose(q.numpy(), p.numpy(), rtol=1e-5, atol=1e-7, err_msg=name)


def test_the_same_seed_gives_the_same_weights() -> None:
    """Layers draw when they are made, in torchvision's order, and again when all are initialised."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    gradviz.manual_seed(5)
    mine = models.MobileNetV2(3, inverted_residual_setting=[[1, 8, 1, 1]], width_mult=0.25)
    torch.manual_seed(5)
    convolutions = [
        nn.Conv2d(3, 8, 3, 2, 1, bias=False),
        nn.Conv2d(8, 8, 3, 1, 1, groups=8, bias=False),
        nn.Conv2d(8, 8, 1, bias=False),
        nn.Conv2d(8, 1280, 1, bias=False),
    ]
    linear = nn.Linear(1280, 3)
    for conv in convolutions:
        nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    nn.init.normal_(linear.weight, 0, 0.01)
    expected = [*(conv.weight for conv in convolutions), linear.weight]
    found = [p for p in mine.parameters() if p.ndim > 1]
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_allclose(b.detach().numpy(), a.detach().numpy(), rtol=1e-6)
    assert linear.bias.shape == (3,)
    assert mine.classifier[1].bias.tolist() == [0, 0, 0]
