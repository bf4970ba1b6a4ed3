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

SPAN = 58  # pixels that a number is wide at most: as much as a small crop holds; a large one has more around it
PART = 250  # crops that are made at a time


class Crops:
    """Batches out of ``many`` crops that are made once, since making one takes as long as training on it."""

    def __init__(self, size, longest, many, count, seed):
        self.count, self.rng = count, np.random.default_rng(seed)
        parts = [batch(self.rng, PART, size, SPAN, longest) for _ in range(many // PART)]
        # Half precision keeps the memory of 20,000 large crops below a gigabyte.
        self.images = torch.from_numpy(np.concatenate([images.astype(np.float16) for images, _ in parts]))
        self.labels = torch.from_numpy(np.concatenate([labels for _, labels in parts]))

    def batch(self):
        """Images and digits as tensors."""
        chosen = torch.from_numpy(self.rng.integers(0, len(self.images), self.count))
        return self.images[chosen].float(), self.labels[chosen]


def settings(quick):
    """How much work: steps, digits of a number, images in a batch, crops to train and to test with."""
    steps, digits, crops = (400, 2, 4000) if quick else (5000, 5, 20_000)
    return {"steps": steps, "digits": digits, "batch": 32, "train": crops, "test": 2000}


def one_run(work, name, size, seed):
    """Train one network; its error, and some crops with where its first transformer looks."""
    torch.manual_seed(seed)
    network = NETWORKS[name](size).to(memory_format=torch.channels_last)
    train(network, Crops(size, work["digits"], work["train"], work["batch"], seed), work["steps"], 3e-3, tick, 0.3)
    test = Crops(size, work["digits"], work["test"], work["batch"], 12345)
    images, labels = test.images.float(), test.labels
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
@click.option("--size", "chosen", multiple=True, type=click.Choice(["64", "128"]), help="Of the crops. Default: both.")
def main(quick, seeds, jobs, out, chosen):
    """Train every network on crops of both sizes, print the table of errors, and draw where the transformers look."""
    work = settings(quick)
    sizes = tuple(map(int, chosen)) or ((64,) if quick else (64, 128))
    runs = [(name, size, seed) for size in sizes for seed in range(1 if quick else seeds) for name in NETWORKS]
    pictures = carry_out("house_numbers", work, one_run, runs, len(runs) * work["steps"], jobs, out)
    for size in sizes:
        drawn = {name: picture for (name, of), picture in pictures.items() if of == size}
        looked_at(drawn, out / f"house_numbers_{size}.png")


if __name__ == "__main__":
    main()
