"""Transformers in parallel: the sum of two digits in one image (after the paper's digit addition and its birds).

The left half and the right half hold a digit each, turned, scaled and moved (RTS) independently of the other. One
transformer can undo only one of the two distortions; of several in parallel each can take a digit. Run it with
``python docs/experiments/addition.py``.
"""

import functools

import click
import numpy as np
import torch
from digits import load
from distortions import CANVAS, DISTORTIONS
from figures import looked_at
from networks import count, identity_layer, normalised, of_size
from runs import carry_out, options, tick
from torch import nn
from training import error, train

from spatial_op.torch import SpatialTransformer

BUDGET = 60_000
SUMS = 19
SHAPE = (CANVAS, 2 * CANVAS)
CUT = 26  # pixels that a transformer leaves of a digit
# Where the transformers look at first: at all of the image, at its halves, at its quarters.
TILES = {
    1: [[1, 0, 0, 0, 1, 0]],
    2: [[0.5, 0, x, 0, 1, 0] for x in (-0.5, 0.5)],
    4: [[0.5, 0, x, 0, 0.5, y] for x in (-0.5, 0.5) for y in (-0.5, 0.5)],
}


class Pairs:
    """Batches of images (N, 1, *SHAPE) of two digits, and the sums."""

    def __init__(self, images, labels, count, seed):
        self.images, self.labels, self.count, self.rng = images, labels, count, np.random.default_rng(seed)

    def batch(self):
        """Images and sums as tensors."""
        chosen = self.rng.integers(0, len(self.images), (2, self.count))
        halves = [DISTORTIONS["RTS"](self.rng, self.images[some]) for some in chosen]
        return torch.from_numpy(np.concatenate(halves, 3)), torch.from_numpy(self.labels[chosen].sum(0))


def convolutions(width, height, breadth):
    """Two convolutions with pooling, and the number of features that they leave of so many pixels."""
    layers = nn.Sequential(
        nn.Conv2d(1, width, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, width, 5, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(),
    )  # fmt: skip
    left = [((size - 4) // 2 - 4) // 2 for size in (height, breadth)]
    return layers, width * left[0] * left[1]


def adder(features):
    """Scores of the sums from 0 to 18."""
    return nn.Sequential(*normalised(features, 64), nn.Linear(64, SUMS))


class Adding(nn.Module):
    """Parallel transformers, the same convolutions on what each of them sees, and a layer that adds."""

    def __init__(self, transformers, width):
        super().__init__()
        layers, found = convolutions(12, CANVAS // 2, CANVAS)
        self.localisation = nn.Sequential(nn.AvgPool2d(2), layers, *normalised(found))
        self.last = identity_layer(32, transformers=transformers)
        with torch.no_grad():
            self.last.bias.copy_(torch.tensor(TILES[transformers], device="cpu").flatten())
        cut = (CUT, 2 * CUT if transformers == 1 else CUT)
        self.transform = SpatialTransformer(cut, padding_mode="border")
        self.read, found = convolutions(width, *cut)
        self.add = adder(transformers * found)

    def loc(self, images):
        """Affine parameters (N, transformers, 6)."""
        return self.last(self.localisation(images)).unflatten(1, (-1, 6))

    def forward(self, images):
        """Scores of the sums."""
        seen = [self.transform(images, one) for one in self.loc(images).unbind(1)]
        return self.add(torch.cat([self.read(one) for one in seen], 1))


def made(transformers, width):
    """A network with so many transformers."""
    if transformers:
        return Adding(transformers, width)
    layers, found = convolutions(width, *SHAPE)
    return nn.Sequential(layers, adder(found))


NETWORKS = {"CNN": 0, "ST-CNN": 1, "2 x ST-CNN": 2, "4 x ST-CNN": 4}


def build(name):
    """The network whose width brings its parameters closest to the budget."""
    return of_size(functools.partial(made, NETWORKS[name]), range(4, 60), BUDGET)


def settings(quick):
    """How much work: steps, images in a batch, images to test with."""
    return {"steps": 800 if quick else 2500, "batch": 64, "test": 4000}


def one_run(work, name, seed):
    """Train one network; its error, and some images with where its transformers look."""
    parts = load()
    torch.manual_seed(seed)
    network = build(name)
    train(network, Pairs(*parts[0], work["batch"], seed), work["steps"], 3e-3, tick)
    images, sums = Pairs(*parts[1], work["test"], 12345).batch()
    result = {
        "network": name, "task": "sum of two digits", "seed": seed, "parameters": count(network),
        "error": error(network, images, sums),
    }  # fmt: skip
    if name == "CNN":
        return result, None
    with torch.no_grad():
        return result, (images[:8].numpy(), network.loc(images[:8]).numpy())


@click.command()
@options
def main(quick, seeds, jobs, out):
    """Train a network with no, one, two and four transformers, print the errors, and draw where the transformers look."""
    work = settings(quick)
    names = ("CNN", "2 x ST-CNN") if quick else NETWORKS
    runs = [(name, seed) for seed in range(1 if quick else seeds) for name in names]
    pictures = carry_out("addition", work, one_run, runs, len(runs) * work["steps"], jobs, out)
    looked_at({name: picture for (name,), picture in pictures.items()}, out / "addition.png")


if __name__ == "__main__":
    main()
