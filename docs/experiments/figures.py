"""Figures of the experiments: grey, with one accent, readable in print."""

import matplotlib
import numpy as np
import torch
from distortions import DISTORTIONS

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLUMNS = 8


def transformed(networks, images, path):
    """For each distortion and transformer: above what the network is given, below what its classifier sees."""
    figure, axes = plt.subplots(
        2 * len(networks), COLUMNS, figsize=(COLUMNS * 0.75, 1.62 * len(networks)), squeeze=False, layout="constrained"
    )
    for row, ((distortion, transform), network) in enumerate(networks.items()):
        rng = np.random.default_rng(7)
        given = torch.from_numpy(DISTORTIONS[distortion](rng, images[:COLUMNS]))
        with torch.no_grad():
            seen = network.warp(given)
        for line, shown in enumerate((given, seen)):
            for axis, image in zip(axes[2 * row + line], shown[:, 0]):
                axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
                axis.set(xticks=[], yticks=[])
            word = f"{distortion}, given" if line == 0 else f"seen after\n{transform}"
            axes[2 * row + line, 0].set_ylabel(word, rotation=0, ha="right", va="center", fontsize=8)
    figure.savefig(path, dpi=200)
    plt.close(figure)
