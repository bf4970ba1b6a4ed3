"""Transformers in parallel: the sum of two digits that lie somewhere in one image (the paper's section 4.3 and appendix A.1).

As in the paper's networks for birds, each transformer cuts out a square of fixed size, half as wide as the image, and has
to find out where. Run it with ``python docs/experiments/addition.py``.
"""

import functools

import click
import numpy as np
import torch
from digits import load
from figures import looked_at
from networks import count
from runs import options, report, side_by_side, tick
from torch import nn
from training import error, train

import spatial_op as so
from spatial_op.torch import SpatialTransformer

CANVAS, DIGIT = 48, 18
BUDGET = 40_000


class Pairs:
    """Batches of images (N, 1, CANVAS, CANVAS) with two digits, turned a little, and a speckled ground; their sums."""

    def __init__(self, images, labels, count, seed):
        self.images, self.labels, self.count, self.rng = images, labels, count, np.random.default_rng(seed)

    def placed(self, images, centres):
        """Images on the canvas around their centres, (N, 2), x before y, from -1 to 1."""
        angle = self.rng.uniform(-0.5, 0.5, len(images))
        cosine, sine = np.cos(angle) * CANVAS / DIGIT, np.sin(angle) * CANVAS / DIGIT
        turn = np.moveaxis(np.array([[cosine, -sine], [sine, cosine]]), -1, 0)
        loc = np.concatenate([turn, -turn @ centres[..., None]], 2).reshape(-1, 6)
        return so.SpatialTransformer(images, np.float32(loc), (CANVAS, CANVAS), sampler_type="bicubic")

    def batch(self):
        """Images and sums as tensors."""
        edge = 1 - DIGIT / CANVAS
        first, second = self.rng.uniform(-edge, edge, (2, self.count, 2))
        # Where the second would lie upon the first, it goes to the opposite place.
        close = np.abs(first - second).max(1, keepdims=True) < 2 * DIGIT / CANVAS
        second = np.where(close, -np.sign(first) * np.maximum(np.abs(first), edge / 2), second)
        first = np.where(close, np.sign(first) * np.maximum(np.abs(first), edge / 2), first)
        chosen = self.rng.integers(0, len(self.images), (2, self.count))
        shown = sum(self.placed(self.images[some], place) for some, place in zip(chosen, (first, second)))
        shown += 0.1 * self.rng.normal(size=shown.shape).astype(np.float32)
        return torch.from_numpy(shown), torch.from_numpy(self.labels[chosen].sum(0))


def features(size, width):
    """Two convolutions with pooling, and the number of features that they leave of ``size`` x ``size`` pixels."""
    layers = nn.Sequential(
        nn.Conv2d(1, width, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(width, width, 5), nn.MaxPool2d(2), nn.ReLU(),
        nn.Flatten(),
    )  # fmt: skip
    return layers, width * (((size - 4) // 2 - 4) // 2) ** 2


class Plain(nn.Module):
    """CNN: the convolutions on the whole image, two layers behind them."""

    def __init__(self, width):
        super().__init__()
        self.features, found = features(CANVAS, width)
        self.scores = nn.Sequential(nn.Linear(found, 32), nn.ReLU(), nn.Linear(32, 19))

    def forward(self, images):
        """Scores of the sums from 0 to 18."""
        return self.scores(self.features(images))


class Parallel(nn.Module):
    """Transformers in parallel, one convolutional network for all they cut out, two layers behind them."""

    def __init__(self, transformers, width):
        super().__init__()
        self.localisation = nn.Sequential(
            nn.AvgPool2d(2), nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(12, 12, 5), nn.ReLU(),
            nn.Flatten(), nn.Linear(12 * 36, 32), nn.ReLU(),
        )  # fmt: skip
        self.last = nn.Linear(32, 2 * transformers)
        self.transform = SpatialTransformer((CANVAS // 2, CANVAS // 2), padding_mode="zeros")
        self.features, found = features(CANVAS // 2, width)
        self.scores = nn.Sequential(nn.Linear(found * transformers, 32), nn.ReLU(), nn.Linear(32, 19))
        nn.init.zeros_(self.last.weight)
        with torch.no_grad():  # they start around the middle, evenly spread
            angle = torch.arange(transformers) * 2 * torch.pi / transformers
            self.last.bias.copy_(0.5 * torch.stack([angle.cos(), angle.sin()], 1).flatten())

    def loc(self, images):
        """Affine parameters (N, transformers, 6): half the size, and a learnt place."""
        place = self.last(self.localisation(images)).unflatten(1, (-1, 2, 1))
        half = (0.5 * torch.eye(2)).expand(*place.shape[:2], 2, 2)
        return torch.cat([half, place], 3).flatten(2)

    def forward(self, images):
        """Scores of the sums from 0 to 18."""
        seen = [self.features(self.transform(images, one)) for one in self.loc(images).unbind(1)]
        return self.scores(torch.cat(seen, 1))


NETWORKS = {
    "CNN": Plain, "2 x ST-CNN": functools.partial(Parallel, 2), "4 x ST-CNN": functools.partial(Parallel, 4),
}  # fmt: skip


def build(name):
    """The network whose width brings its parameters closest to the budget."""
    with torch.device("meta"):
        width = min(range(4, 60), key=lambda width: abs(count(NETWORKS[name](width)) - BUDGET))
    return NETWORKS[name](width).to(memory_format=torch.channels_last)


def settings(quick):
    """How much work: steps, images in a batch, images to test with."""
    return {"steps": 700 if quick else 4000, "batch": 64, "test": 4000}


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
    """Train a network with no, two and four transformers, print the errors, and draw where the transformers look."""
    work = settings(quick)
    runs = [(name, seed) for seed in range(1 if quick else seeds) for name in list(NETWORKS)[: 2 if quick else None]]
    results, pictures = side_by_side(functools.partial(one_run, work), runs, len(runs) * work["steps"], jobs)
    report("addition", work, results, out)
    drawn = {name: picture for (name, seed), picture in zip(runs, pictures) if picture and seed == 0}
    looked_at(drawn, out / "addition.png")


if __name__ == "__main__":
    main()
