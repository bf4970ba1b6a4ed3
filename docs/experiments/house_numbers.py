"""House numbers: reading up to five digits at once, with no, one or four spatial transformers (table 2 of the paper).

Errors in percent of whole numbers: one wrong digit is one error. Run it with ``python docs/experiments/house_numbers.py``.
"""

import click
import numpy as np
import torch
from figures import looked_at
from networks import count
from number_networks import NETWORKS
from rendered import batch
from runs import carry_out, options, tick
from training import error, train

SPAN = 0.9  # of the crop's width, the widest that a number is


class Crops:
    """Batches of new crops, as ``train`` takes them."""

    def __init__(self, size, count, seed):
        self.size, self.count, self.rng = size, count, np.random.default_rng(seed)

    def batch(self):
        """Images and digits as tensors."""
        return tuple(map(torch.from_numpy, batch(self.rng, self.count, self.size, SPAN)))


def settings(quick):
    """How much work: steps, images in a batch, sizes of the crops, images to test with."""
    return {"steps": 300 if quick else 4000, "batch": 32, "sizes": (64,) if quick else (64, 128), "test": 2000}


def one_run(work, name, size, seed):
    """Train one network; its error, and some crops with where its first transformer looks."""
    torch.manual_seed(seed)
    network = NETWORKS[name](size).to(memory_format=torch.channels_last)
    train(network, Crops(size, work["batch"], seed), work["steps"], 3e-3, tick)
    images, labels = Crops(size, work["test"], 12345).batch()
    result = {
        "network": name, "task": f"{size} x {size}", "seed": seed, "parameters": count(network),
        "error": error(network, images, labels),
    }  # fmt: skip
    if name == "CNN":
        return result, None
    with torch.no_grad():
        return result, (images[:8].numpy(), network[0].loc(images[:8])[:, None].numpy())


@click.command()
@options
def main(quick, seeds, jobs, out):
    """Train every network on crops of both sizes, print the table of errors, and draw where the transformers look."""
    work = settings(quick)
    runs = [(name, size, seed) for size in work["sizes"] for seed in range(1 if quick else seeds) for name in NETWORKS]
    pictures = carry_out("house_numbers", work, one_run, runs, len(runs) * work["steps"], jobs, out)
    looked_at({f"{name}\n{size} px": picture for (name, size), picture in pictures.items()}, out / "house_numbers.png")


if __name__ == "__main__":
    main()
