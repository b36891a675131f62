"""Image models by torchvision's names, untrained (torchvision.models)."""

from .lenet import LeNet
from .mobilenetv2 import MobileNetV2, mobilenet_v2
from .registry import get_model, get_model_builder, list_models
from .resnet import ResNet, resnet18, resnet34, resnet50, resnet101, resnet152
from .vgg import VGG, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn

__all__ = [
    "LeNet",
    "MobileNetV2",
    "ResNet",
    "VGG",
    "get_model",
    "get_model_builder",
    "list_models",
    "mobilenet_v2",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]
