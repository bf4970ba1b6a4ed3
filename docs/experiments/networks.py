"""The paper's networks for digits, in PyTorch, with our transformer: FCN, CNN, and both behind a spatial transformer.

All have nearly the same number of parameters: classifiers behind a transformer are narrower, to pay for its localisation
network.
"""

import torch
from torch import nn

import spatial_op as so
from spatial_op.torch import SpatialTransformer

PARAMETERS = {"affine": 6, "projective": 8, "tps": 32}
BUDGETS = {"FCN": 40_000, "CNN": 16_000}  # parameters of a whole network


class FullyConnected(nn.Sequential):
    """Two hidden layers."""

    widths = range(16, 400)

    def __init__(self, size, width):
        super().__init__(
            nn.Flatten(),
            nn.Linear(size * size, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 10),
        )


class Convolutional(nn.Sequential):
    """Two convolutions, each with pooling, and a linear layer."""

    widths = range(8, 100)

    def __init__(self, size, width):
        left = ((size - 4) // 2 - 4) // 2
        super().__init__(
            nn.Conv2d(1, width, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(width, width, 5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(width * left * left, 10),
        )  # fmt: skip


def fully_connected_localisation(size):
    """Three layers of 32, as in the paper, on the halved image."""
    return nn.Sequential(
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear((size // 2) ** 2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(),
        nn.Linear(32, 32), nn.ReLU(),
    )  # fmt: skip


def convolutional_localisation(size):
    """Two convolutions on the halved image and a layer of 32."""
    left = ((size // 2 - 4) // 2) - 4
    return nn.Sequential(
        nn.AvgPool2d(2), nn.Conv2d(1, 8, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(8, 16, 5), nn.ReLU(), nn.Flatten(),
        nn.Linear(16 * left * left, 32), nn.ReLU(),
    )  # fmt: skip


def normalised(features, width=32):
    """A layer, normalised: without that all its rectifiers may die, and a transformer behind it no longer moves."""
    return nn.Linear(features, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()


def identity_layer(features, transform_type="affine", transformers=1):
    """The last layer of a localisation network: parameters of the transformers, at the start those of the identity."""
    layer = nn.Linear(features, transformers * PARAMETERS[transform_type])
    nn.init.zeros_(layer.weight)
    with torch.no_grad():
        layer.bias.copy_(torch.from_numpy(so.identity_loc(transform_type, transformers)).flatten())
    return layer


class Transformed(nn.Module):
    """A spatial transformer, which starts at the identity, and a classifier behind it."""

    def __init__(self, localisation, transform_type, size, classifier):
        super().__init__()
        self.localisation, self.classifier = localisation, classifier
        self.last = identity_layer(32, transform_type)
        self.transform = SpatialTransformer((size, size), transform_type, padding_mode="border")

    def warp(self, images):
        """What the classifier sees."""
        return self.transform(images, self.last(self.localisation(images)))

    def forward(self, images):
        """Scores of the ten digits."""
        return self.classifier(self.warp(images))


KINDS = {"FCN": (FullyConnected, fully_connected_localisation), "CNN": (Convolutional, convolutional_localisation)}


def count(network):
    """The number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def of_size(make, widths, budget):
    """The network ``make(width)`` whose parameters come closest to the budget."""
    with torch.device("meta"):
        width = min(widths, key=lambda width: abs(count(make(width)) - budget))
    # Channels last, since PyTorch's convolutions and pooling are a fifth quicker so on CPUs.
    return make(width).to(memory_format=torch.channels_last)


def build(kind, transform_type, size, budget):
    """A network of the kind, behind a transformer unless ``transform_type`` is None, of about ``budget`` parameters."""
    classifier, localisation = KINDS[kind]

    def of_width(width):
        if transform_type is None:
            return classifier(size, width)
        return Transformed(localisation(size), transform_type, size, classifier(size, width))

    return of_size(of_width, classifier.widths, budget)
