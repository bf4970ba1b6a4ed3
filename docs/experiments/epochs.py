"""Time of a training epoch: a network with our transformer against the same network with PyTorch's own functions.

Both train on the same batches in the same process, in turn; the ratio is that of the medians. Run it with
``python docs/experiments/epochs.py``.
"""

import json
import pathlib
import statistics
import time

import click
import numba
import numpy as np
import torch
from distortions import CANVAS
from networks import BUDGETS, build
from runs import RESULTS
from torch import nn

from spatial_op.torch import SpatialTransformer

BATCH = 64


class PyTorchs(nn.Module):
    """``affine_grid`` and ``grid_sample`` in the place of our module, with the same numbers."""

    def forward(self, data, loc):
        """The warped images."""
        grid = nn.functional.affine_grid(loc.view(-1, 2, 3), data.shape, align_corners=True)
        return nn.functional.grid_sample(data, grid, padding_mode="border", align_corners=True)


class Alone(nn.Module):
    """Nothing but a transformer whose parameters are learnt: the whole time is its own."""

    def __init__(self, size):
        super().__init__()
        self.loc = nn.Parameter(torch.tensor([0.9, 0.1, 0.02, -0.1, 0.9, 0.03]))
        self.transform = SpatialTransformer((size, size), padding_mode="border")

    def forward(self, images):
        """One number for each image and channel."""
        return self.transform(images, self.loc.expand(len(images), 6)).mean((2, 3))


def cases():
    """Name, network, images in an epoch, channels, size."""
    return (
        ("ST-FCN, digits", lambda: build("FCN", "affine", CANVAS, BUDGETS["FCN"]), 1198, 1, CANVAS),
        ("ST-CNN, digits", lambda: build("CNN", "affine", CANVAS, BUDGETS["CNN"]), 1198, 1, CANVAS),
        ("transformer alone, digits", lambda: Alone(CANVAS), 1198, 1, CANVAS),
        ("transformer alone, 32 channels of 56 x 56", lambda: Alone(56), 256, 32, 56),
        ("transformer alone, RGB of 224 x 224", lambda: Alone(224), 256, 3, 224),
    )


def epoch(network, optimizer, images, labels):
    """Seconds of one pass over the images."""
    start = time.perf_counter()
    for some, wanted in zip(images.split(BATCH), labels.split(BATCH)):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(some), wanted).backward()
        optimizer.step()
    return time.perf_counter() - start


def measure(make, count, channels, size, epochs, threads):
    """Medians of the seconds of an epoch, ours and PyTorch's."""
    torch.set_num_threads(threads)
    rng = np.random.default_rng(0)
    images = torch.from_numpy(rng.random((count, channels, size, size), np.float32))
    contestants = []
    for ours in (True, False):
        torch.manual_seed(0)
        network = make()
        if not ours:
            network.transform = PyTorchs()
        classes = network(images[:2]).shape[1]
        labels = torch.from_numpy(np.random.default_rng(1).integers(0, classes, count))
        contestants.append((network, torch.optim.SGD(network.parameters(), 1e-3), images, labels))
        epoch(*contestants[-1])
    seconds = [[epoch(*contestant) for contestant in contestants] for _ in range(epochs)]
    return [statistics.median(column) for column in zip(*seconds)]


@click.command()
@click.option("--epochs", default=21, show_default=True, type=click.IntRange(min=1), help="Of each network.")
@click.option("--quick", is_flag=True, help="Three epochs.")
@click.option(
    "--out",
    default=RESULTS,
    type=click.Path(file_okay=False, path_type=pathlib.Path),
    show_default=True,
    help="Folder for the table.",
)
def main(epochs, quick, out):
    """Time epochs on one thread and on two, print the table."""
    lines = ["| milliseconds per epoch | threads | ours | PyTorch's | ratio |", "|---|---|---|---|---|"]
    rows = [(case, threads) for case in cases() for threads in (1, 2) if threads <= numba.config.NUMBA_NUM_THREADS]
    numbers = []
    with click.progressbar(rows, label="timing") as bar:
        for (name, *case), threads in bar:
            numba.set_num_threads(threads)
            ours, theirs = measure(*case, 3 if quick else epochs, threads)
            numbers.append({"case": name, "threads": threads, "ours": ours, "PyTorch": theirs})
            lines.append(f"| {name} | {threads} | {1e3 * ours:.1f} | {1e3 * theirs:.1f} | {theirs / ours:.2f} |")
    out.mkdir(parents=True, exist_ok=True)
    (out / "epochs.json").write_text(json.dumps(numbers, indent=1) + "\n")
    (out / "epochs.md").write_text("\n".join(lines) + "\n")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
