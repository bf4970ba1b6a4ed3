"""Distorted digits: networks with and without a spatial transformer (table 1 of the paper).

Errors in percent, of networks with the same number of parameters, on digits that are turned (R), turned, scaled and moved
(RTS), projected (P) or bent (E). Run it with ``python docs/experiments/distorted_digits.py``; ``--help`` tells the options.
"""

import json
import pathlib
import time

import click
import numpy as np
import torch
from digits import load
from distortions import CANVAS, DISTORTIONS
from networks import PARAMETERS, build, count
from training import Sampler, error, fixed, train

HERE = pathlib.Path(__file__).parent


def label(kind, transform):
    """What the table calls a network."""
    return kind if transform is None else f"ST-{kind} {transform}"


def settings(quick):
    """How much work: steps of each kind, images in a batch, times that each test image is shown, parameters."""
    steps = {"FCN": 2000} if quick else {"FCN": 10_000, "CNN": 2000}
    return {"steps": steps, "batch": 64, "times": 4, "budget": 40_000}


def one_run(kind, transform, distortion, seed, data, work, tick):
    """Train one network; its error and how long a step took."""
    (train_images, train_labels), (test_images, test_labels) = data
    distort = DISTORTIONS[distortion]
    torch.manual_seed(seed)
    network = build(kind, transform, CANVAS, work["budget"])
    sampler = Sampler(train_images, train_labels, distort, work["batch"], seed)
    start = time.perf_counter()
    train(network, sampler, work["steps"][kind], 3e-3, tick)
    seconds = (time.perf_counter() - start) / work["steps"][kind]
    return {
        "network": label(kind, transform), "distortion": distortion, "seed": seed, "parameters": count(network),
        "error": error(network, *fixed(test_images, test_labels, distort, work["times"])), "seconds per step": seconds,
    }, network  # fmt: skip


def table(results):
    """Rows of the mean and spread (standard deviation over seeds) of each network's error, for each distortion."""
    names = list(dict.fromkeys(result["network"] for result in results))
    distortions = list(dict.fromkeys(result["distortion"] for result in results))
    lines = ["| | " + " | ".join(distortions) + " | parameters |", "|---" * (len(distortions) + 2) + "|"]
    for name in names:
        cells = []
        for distortion in distortions:
            errors = [r["error"] for r in results if (r["network"], r["distortion"]) == (name, distortion)]
            cells.append(f"{np.mean(errors):.2f} ± {np.std(errors, ddof=len(errors) > 1):.2f}")
        size = next(result["parameters"] for result in results if result["network"] == name)
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {size} |")
    return "\n".join(lines)


@click.command()
@click.option("--quick", is_flag=True, help="One seed, one distortion and few steps: about a minute.")
@click.option("--mnist", type=click.Path(exists=True, file_okay=False), help="Folder with MNIST's IDX files.")
@click.option("--seeds", default=3, show_default=True, type=click.IntRange(min=1), help="Runs of each network.")
@click.option("--distortion", "chosen", multiple=True, type=click.Choice(list(DISTORTIONS)), help="Default: all four.")
@click.option("--transform", "shown", multiple=True, type=click.Choice(list(PARAMETERS)), help="Default: all three.")
@click.option(
    "--out", default=HERE / "results", type=click.Path(file_okay=False, path_type=pathlib.Path), show_default=True,
    help="Folder for the numbers and the figure.",
)  # fmt: skip
def main(quick, mnist, seeds, chosen, shown, out):
    """Train every network on every distortion, print the table of errors, and draw what the transformers do."""
    from figures import transformed

    work, data = settings(quick), load(mnist)
    chosen = chosen or (("R",) if quick else tuple(DISTORTIONS))
    shown = shown or (("affine",) if quick else tuple(PARAMETERS))
    networks = [(kind, transform) for kind in work["steps"] for transform in (None, *shown)]
    runs = [(*network, name, seed) for name in chosen for seed in range(1 if quick else seeds) for network in networks]
    results, kept = [], {}
    with click.progressbar(
        length=sum(work["steps"][kind] for kind, *_ in runs), label="training", show_pos=False
    ) as bar:
        for kind, transform, distortion, seed in runs:
            result, network = one_run(kind, transform, distortion, seed, data, work, lambda: bar.update(1))
            results.append(result)
            if seed == 0 and transform:
                kept[distortion, transform] = network  # of two kinds the convolutional one, which comes last
    out.mkdir(parents=True, exist_ok=True)
    (out / "distorted_digits.json").write_text(json.dumps({"settings": work, "runs": results}, indent=1))
    transformed(kept, data[1][0], out / "distorted_digits.png")
    click.echo(table(results))


if __name__ == "__main__":
    main()
