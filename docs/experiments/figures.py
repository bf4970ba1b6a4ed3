"""Figures of the experiments: grey, with one accent, readable in print."""

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLUMNS = 8


def transformed(pictures, path):
    """For each distortion and transformer: above what the network is given, below what its classifier sees."""
    figure, axes = plt.subplots(
        2 * len(pictures), COLUMNS, figsize=(COLUMNS * 0.75, 1.62 * len(pictures)), squeeze=False, layout="constrained"
    )
    for row, ((distortion, transform), images) in enumerate(pictures.items()):
        for line, (shown, word) in enumerate(zip(images, (f"{distortion}, given", f"seen after\n{transform}"))):
            for axis, image in zip(axes[2 * row + line], shown[:, 0]):
                axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
                axis.set(xticks=[], yticks=[])
            axes[2 * row + line, 0].set_ylabel(word, rotation=0, ha="right", va="center", fontsize=8)
    figure.savefig(path, dpi=200)
    plt.close(figure)
