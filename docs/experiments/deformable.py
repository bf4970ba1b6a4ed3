"""Deformable convolution: digits of any size and slant, with dense, deformable and modulated deformable convolution.

The networks have the same number of parameters and see a small part of the image at once; the deformable ones may look
elsewhere. Run it with ``python docs/experiments/deformable.py``.
"""

import functools

import click
import numpy as np
import torch
from digits import load
from distortions import CANVAS, affine, matrix_warp
from figures import sampling_points
from networks import count, of_size
from runs import carry_out, options, tick
from torch import nn
from training import Sampler, error, fixed, train

from spatial_op.torch import DeformConv2d

BUDGET = 30_000
KINDS = ("dense", "deformable (v1)", "modulated (v2)")
TAPS = 9


def scale_and_shear(rng, images):
    """Digits 0.5 to 1.4 times as large, slanted both ways by up to 0.6, turned by up to 30 degrees, moved by 3 pixels."""
    size = len(images)
    matrices = affine(
        rng.uniform(-np.pi / 6, np.pi / 6, size), np.exp(rng.uniform(np.log(0.5), np.log(1.4), size)),
        rng.uniform(-3, 3, (size, 2)),
    )  # fmt: skip
    slant = np.tile(np.eye(3), (size, 1, 1))
    slant[:, 0, 1] = rng.uniform(-0.6, 0.6, size)
    return matrix_warp(images, slant @ matrices)


class Deformable(nn.Module):
    """A 3 x 3 deformable convolution; a dense one, which starts at 0, says where it looks and, for v2, how much it counts."""

    def __init__(self, width, modulated):
        super().__init__()
        self.modulated = modulated
        self.where = nn.Conv2d(width, (3 if modulated else 2) * TAPS, 3, padding=1)
        self.convolution = DeformConv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.where.weight)
        nn.init.zeros_(self.where.bias)

    def forward(self, images):
        """Features of the same size."""
        where = self.where(images)
        mask = 2 * where[:, 2 * TAPS :].sigmoid() if self.modulated else None
        return self.convolution(images, where[:, : 2 * TAPS], mask)


def made(kind, width):
    """Two convolutions with a stride of 2, two of the kind, and the mean over the image."""
    layers, before = [], 1
    for place in range(4):
        if place < 2:
            layers.append(nn.Conv2d(before, width, 3, 2, 1, bias=False))
        elif kind == "dense":
            layers.append(nn.Conv2d(width, width, 3, 1, 1, bias=False))
        else:
            layers.append(Deformable(width, kind == "modulated (v2)"))
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def build(kind):
    """The network whose width brings its parameters closest to the budget."""
    return of_size(functools.partial(made, kind), range(8, 60), BUDGET)


def traced(network, images):
    """Where the middle of the last feature map looks, in canvas pixels (N, 81, 2), x before y, through both layers."""
    offsets, seen = [], images
    for layer in network:
        if isinstance(layer, Deformable):
            offsets.append(layer.where(seen)[:, : 2 * TAPS].unflatten(1, (TAPS, 2)))
        seen = layer(seen)
    taps = torch.tensor([[y, x] for y in (-1.0, 0, 1) for x in (-1.0, 0, 1)])
    first, second = offsets
    middle = torch.tensor([first.shape[3] // 2, first.shape[4] // 2])
    points = []
    for image in range(len(images)):
        outer = middle + taps + second[image, :, :, middle[0], middle[1]]
        for point in outer:
            row, column = (point.round().long().clamp(0, first.shape[3] - 1)).tolist()
            points.append(point + taps + first[image, :, :, row, column])
    # Each of the two strides has a window of 3 with a padding of 1: position p of the features is pixel 4 p.
    return torch.stack(points).reshape(len(images), -1, 2).flip(2) * 4


def settings(quick):
    """How much work: steps, images in a batch, times that each test image is shown."""
    return {"steps": 300 if quick else 2000, "batch": 64, "times": 4 if quick else 16}


def one_run(work, kind, seed):
    """Train one network; its error, and test images with the points that it looks at."""
    (images, labels), (test_images, test_labels) = load()
    torch.manual_seed(seed)
    network = build(kind)
    train(network, Sampler(images, labels, scale_and_shear, work["batch"], seed), work["steps"], 3e-3, tick)
    result = {
        "network": kind, "task": f"digits on {CANVAS} x {CANVAS}", "seed": seed, "parameters": count(network),
        "error": error(network, *fixed(test_images, test_labels, scale_and_shear, work["times"])),
    }  # fmt: skip
    if kind == "dense":
        return result, None
    given = torch.from_numpy(scale_and_shear(np.random.default_rng(7), test_images[:8]))
    with torch.no_grad():
        return result, (given.numpy(), traced(network, given).numpy())


@click.command()
@options
def main(quick, seeds, jobs, out):
    """Train the three networks, print their errors, and draw where the deformable ones look."""
    work = settings(quick)
    runs = [(kind, seed) for seed in range(1 if quick else seeds) for kind in KINDS]
    pictures = carry_out("deformable", work, one_run, runs, len(runs) * work["steps"], jobs, out)
    sampling_points({kind: picture for (kind,), picture in pictures.items()}, out / "deformable.png")


if __name__ == "__main__":
    main()
