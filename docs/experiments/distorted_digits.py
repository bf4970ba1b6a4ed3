"""Distorted digits: networks with and without a spatial transformer (table 1 of the paper).

Errors in percent, of networks with the same number of parameters, on digits that are turned (R), turned, scaled and moved
(RTS), projected (P) or bent (E). Run it with ``python docs/experiments/distorted_digits.py``; ``--help`` tells the options.
"""

import click
import numpy as np
import torch
from digits import load
from distortions import CANVAS, DISTORTIONS
from figures import COLUMNS, transformed
from networks import BUDGETS, KINDS, PARAMETERS, build, count
from runs import carry_out, options, tick
from training import Sampler, error, fixed, train


def label(kind, transform):
    """What the table calls a network."""
    return kind if transform is None else f"ST-{kind} {transform}"


def settings(quick):
    """How much work: steps of each kind, its parameters, images in a batch, times that each test image is shown."""
    steps = {"FCN": 2000, "CNN": 1000} if quick else {"FCN": 5000, "CNN": 3000}
    return {"steps": steps, "budget": BUDGETS, "batch": 64, "times": 16}


def one_run(work, mnist, kind, distortion, transform, seed):
    """Train one network; its error, and test images before and after its transformer."""
    (train_images, train_labels), (test_images, test_labels) = load(mnist)
    distort = DISTORTIONS[distortion]
    torch.manual_seed(seed)
    network = build(kind, transform, CANVAS, work["budget"][kind])
    sampler = Sampler(train_images, train_labels, distort, work["batch"], seed)
    train(network, sampler, work["steps"][kind], 3e-3, tick)
    result = {
        "network": label(kind, transform), "task": distortion, "seed": seed, "parameters": count(network),
        "error": error(network, *fixed(test_images, test_labels, distort, work["times"])),
    }  # fmt: skip
    given = torch.from_numpy(distort(np.random.default_rng(7), test_images[:COLUMNS]))
    with torch.no_grad():
        return result, None if transform is None else (given.numpy(), network.warp(given).numpy())


@click.command()
@options
@click.option("--mnist", type=click.Path(exists=True, file_okay=False), help="Folder with MNIST's IDX files.")
@click.option("--distortion", "chosen", multiple=True, type=click.Choice(list(DISTORTIONS)), help="Default: all four.")
@click.option("--network", "kinds", multiple=True, type=click.Choice(list(KINDS)), help="Default: both.")
@click.option("--transform", "shown", multiple=True, type=click.Choice(list(PARAMETERS)), help="Default: all three.")
def main(quick, seeds, jobs, out, mnist, chosen, kinds, shown):
    """Train every network on every distortion, print the table of errors, and draw what the transformers do."""
    work = settings(quick)
    chosen = chosen or (("R",) if quick else tuple(DISTORTIONS))
    shown = shown or (("affine",) if quick else tuple(PARAMETERS))
    kinds = [kind for kind in KINDS if kind in (kinds or (["FCN"] if quick else KINDS))]
    networks = [(kind, name, transform) for name in chosen for kind in kinds for transform in (None, *shown)]
    runs = [(mnist, *network, seed) for seed in range(1 if quick else seeds) for network in networks]
    steps = sum(work["steps"][run[1]] for run in runs)
    name = "distorted_digits_mnist" if mnist else "distorted_digits"  # other digits are no part of the same table
    pictures = carry_out(name, work, one_run, runs, steps, jobs, out)
    for distortion in chosen:
        # Of the two kinds the convolutional one, which comes last.
        drawn = {run[-1]: picture for run, picture in pictures.items() if run[1:3] == (kinds[-1], distortion)}
        transformed(drawn, out / f"{name}_{distortion}.png")


if __name__ == "__main__":
    main()
