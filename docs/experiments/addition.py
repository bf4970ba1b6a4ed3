"""Transformers in parallel: the sum of two digits, each distorted on its own (the paper's appendix A.1).

An image has two channels with a digit in each, turned, scaled and moved (RTS) independently of the other. One transformer
can undo only one of the two distortions; of two in parallel each can take a digit. Run it with
``python docs/experiments/addition.py``.
"""

import functools

import click
import numpy as np
import torch
from digits import load
from distortions import CANVAS, DISTORTIONS
from figures import looked_at
from networks import count, identity_layer, of_size
from runs import carry_out, options, tick
from torch import nn
from training import error, train

from spatial_op.torch import SpatialTransformer

BUDGET = 60_000
SUMS = 19


class Pairs:
    """Batches of images (N, 2, CANVAS, CANVAS) with a digit in each channel, and the sums."""

    def __init__(self, images, labels, count, seed):
        self.images, self.labels, self.count, self.rng = images, labels, count, np.random.default_rng(seed)

    def batch(self):
        """Images and sums as tensors."""
        chosen = self.rng.integers(0, len(self.images), (2, self.count))
        shown = [DISTORTIONS["RTS"](self.rng, self.images[some]) for some in chosen]
        return torch.from_numpy(np.concatenate(shown, 1)), torch.from_numpy(self.labels[chosen].sum(0))


def convolutions(channels, width, size):
    """Two convolutions with pooling, and the number of features that they leave of ``size`` x ``size`` pixels."""
    layers = nn.Sequential(
        nn.Conv2d(channels, width, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(width, width, 5), nn.MaxPool2d(2),
        nn.ReLU(), nn.Flatten(),
    )  # fmt: skip
    return layers, width * (((size - 4) // 2 - 4) // 2) ** 2


class Adding(nn.Module):
    """A convolutional network with a hidden layer, behind as many parallel transformers as wanted.

    Each transformer warps both channels; what all of them see lies beside each other in the channels that follow.
    """

    def __init__(self, transformers, width):
        super().__init__()
        self.transformers = transformers
        if transformers:
            layers, found = convolutions(2, 16, CANVAS // 2)
            self.localisation = nn.Sequential(nn.AvgPool2d(2), layers, nn.Linear(found, 32), nn.ReLU())
            self.last = identity_layer(32, transformers=transformers)
            self.transform = SpatialTransformer((CANVAS, CANVAS), padding_mode="border")
        layers, found = convolutions(2 * max(transformers, 1), width, CANVAS)
        self.scores = nn.Sequential(layers, nn.Linear(found, 32), nn.ReLU(), nn.Linear(32, SUMS))

    def loc(self, images):
        """Affine parameters (N, transformers, 6)."""
        return self.last(self.localisation(images)).unflatten(1, (-1, 6))

    def forward(self, images):
        """Scores of the sums from 0 to 18."""
        if self.transformers:
            images = torch.cat([self.transform(images, one) for one in self.loc(images).unbind(1)], 1)
        return self.scores(images)


NETWORKS = {"CNN": 0, "ST-CNN": 1, "2 x ST-CNN": 2, "4 x ST-CNN": 4}


def build(name):
    """The network whose width brings its parameters closest to the budget."""
    transformers = NETWORKS[name]
    return of_size(functools.partial(Adding, transformers), range(4, 60), BUDGET)


def settings(quick):
    """How much work: steps, images in a batch, images to test with."""
    return {"steps": 500 if quick else 2500, "batch": 64, "test": 4000}


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
        # One picture of both channels: the first digit black, the second grey.
        both = images[:8, :1].maximum(0.5 * images[:8, 1:])
        return result, (both.numpy(), network.loc(images[:8]).numpy())


@click.command()
@options
def main(quick, seeds, jobs, out):
    """Train a network with no, one, two and four transformers, print the errors, and draw where the transformers look."""
    work = settings(quick)
    runs = [
        (name, seed) for seed in range(1 if quick else seeds) for name in (("CNN", "2 x ST-CNN") if quick else NETWORKS)
    ]
    pictures = carry_out("addition", work, one_run, runs, len(runs) * work["steps"], jobs, out)
    looked_at({name: picture for (name,), picture in pictures.items()}, out / "addition.png")


if __name__ == "__main__":
    main()
