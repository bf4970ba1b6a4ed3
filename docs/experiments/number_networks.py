"""Networks that read a whole house number: five digits at once, each from a head of its own, as in the paper's section 4.2."""

from networks import identity_layer, normalised
from rendered import BLANK, LONGEST
from torch import nn

from spatial_op.torch import SpatialTransformer

CHANNELS = (1, 16, 32, 48, 64)
LEFT = 8  # positions along each axis that the last layers read


class Scores(nn.Module):
    """From features of ``side`` x ``side`` positions to scores (N, 11, 5): ten digits or nothing, at each place."""

    def __init__(self, side):
        super().__init__()
        pool = [nn.MaxPool2d(side // LEFT)] if side > LEFT else []
        self.layers = nn.Sequential(
            *pool, nn.Flatten(), *normalised(CHANNELS[-1] * LEFT**2, 128), nn.Linear(128, (BLANK + 1) * LONGEST),
        )  # fmt: skip

    def forward(self, features):
        """Scores."""
        return self.layers(features).unflatten(1, (BLANK + 1, LONGEST))


def stages():
    """Four normalised convolutions, of a half, a quarter, an eighth and an eighth of the picture's width."""
    shapes = ((5, 2, 1), (3, 1, 2), (3, 1, 2), (3, 1, 1))  # window, stride, pooling before it
    return [
        nn.Sequential(
            nn.MaxPool2d(pool) if pool > 1 else nn.Identity(),
            nn.Conv2d(before, after, window, stride, window // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(),
        )
        for before, after, (window, stride, pool) in zip(CHANNELS, CHANNELS[1:], shapes)
    ]


def plain(size):
    """CNN: the stages on the whole crop."""
    return nn.Sequential(*stages(), Scores(size // 8))


class Located(nn.Module):
    """A spatial transformer (affine, starting at the identity) and the network that finds where it shall look."""

    def __init__(self, localisation, features, target):
        super().__init__()
        self.localisation = localisation
        self.last = identity_layer(features)
        self.transform = SpatialTransformer((target, target), padding_mode="border")

    def loc(self, images):
        """Affine parameters (N, 6)."""
        return self.last(self.localisation(images))

    def forward(self, images):
        """What the transformer sees."""
        return self.transform(images, self.loc(images))


def convolutional(size):
    """A localisation network for the crop: four convolutions on a 32 x 32 picture of it."""
    layers, before = [nn.AvgPool2d(size // 32)], 1
    for after in (16, 32, 32):
        layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.MaxPool2d(2)]
        layers += [nn.BatchNorm2d(after), nn.ReLU()]
        before = after
    return nn.Sequential(*layers, nn.Flatten(), *normalised(512))


def small(channels):
    """A localisation network for features: two layers of 32 on an 8 x 8 picture of them."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), *normalised(64 * channels), *normalised(32))


def single(size):
    """ST-CNN Single: one transformer of the whole crop, whose result is as large, in front of the same stages."""
    return nn.Sequential(Located(convolutional(size), 32, size), *stages(), Scores(size // 8))


def multi(size):
    """ST-CNN Multi: three more transformers, one before each of the other stages."""
    first, *others = stages()
    layers = [Located(convolutional(size), 32, size), first]
    for stage, channels, side in zip(others, CHANNELS[1:], (size // 2, size // 4, size // 8)):
        layers += [Located(small(channels), 32, side), stage]
    return nn.Sequential(*layers, Scores(size // 8))


NETWORKS = {"CNN": plain, "ST-CNN Single": single, "ST-CNN Multi": multi}
