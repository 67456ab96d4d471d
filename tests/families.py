"""A small member of each family, for tests that go through them all."""

from deepreshape.design import (
    Network,
    Stage,
    cifar_resnet,
    convnext_like,
    hybrenet,
    hybrenet_by_depth,
    mobilenet,
    parse,
    resnet18,
    resnet34,
    vgg,
    wide_resnet,
)

FAMILIES = {
    "ResNet18": resnet18(8, resolution=16, classes=10),
    "ResNet34": resnet34(8, resolution=16, classes=10),
    "StageCh": resnet18(8, (3, 3, 3), resolution=16, classes=10),
    "HRN": hybrenet(5, 2, 1, m=8, resolution=16, classes=10),
    "R34-HRN": hybrenet(2, 1, 2, m=8, base="34", resolution=16, classes=10),
    "stages": Network(6, (Stage(8, 1), Stage(16, 2)), 16, 10),
    "ResNet20": cifar_resnet(20, 8, resolution=16, classes=10),
    "HRN by depth": hybrenet_by_depth((1, 2, 3, 1), 8, resolution=16, classes=10),
    "ConvNeXt": convnext_like("A", 8, resolution=16, classes=10),
    "WideResNet": wide_resnet(16, 2, 4, resolution=16, classes=10),
    "VGG16": vgg(4, resolution=16, classes=10),
    "MobileNetV1": mobilenet(1, 4, resolution=16, classes=10),
    "MobileNetV2": mobilenet(2, 8, resolution=16, classes=10),
    "RegNet-X": parse("GroupedNet[4](8; 8x1, 16x2/1, 24x2, 32x1)", 16, 10),
}
"""16 x 16 pixels, 10 classes; widths that the edits of a test divide."""
