"""Figures of the experiments: grey, with one accent, readable in print."""

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt

COLUMNS = 8
ACCENT = "#d95f02"
MARGIN = 0.25  # of the height of an image, shown around it where something may lie outside
LINES = ("-", "--", ":", "-.")


def panels(labels, width=0.75, flatness=1.0):
    """A figure of COLUMNS pictures, ``flatness`` times as high as wide, in a row for each label, and its axes."""
    figure, axes = plt.subplots(
        len(labels), COLUMNS, figsize=(COLUMNS * width + 0.9, (width * flatness + 0.06) * len(labels)), squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for row, label in zip(axes, labels):
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontsize=8)
        for axis in row:
            axis.set(xticks=[], yticks=[])
    return figure, axes


def save(figure, path):
    """Write it and let it go."""
    figure.savefig(path, dpi=200)
    plt.close(figure)


def transformed(pictures, path):
    """Above what the networks are given, below what the classifier behind each transformer sees."""
    given, _ = next(iter(pictures.values()))
    figure, axes = panels(["given", *(f"after {name}" for name in pictures)])
    for row, images in zip(axes, [given, *(seen for _, seen in pictures.values())]):
        for axis, image in zip(row, images[:, 0]):
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=1)
    save(figure, path)


def looked_at(pictures, path):
    """For each network: images with the outlines of what its transformers cut out, (N, transformers, 6)."""
    height, width = next(iter(pictures.values()))[0].shape[2:]
    around = MARGIN * height + 0.5
    figure, axes = panels(list(pictures), 1.05, (height + 2 * around) / (width + 2 * around))
    corners = np.array([[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1], [-1, -1, 1]])
    for row, (images, locs) in zip(axes, pictures.values()):
        for axis, image, loc in zip(row, images[:, 0], locs):
            axis.imshow(image, cmap="gray_r")
            axis.set(xlim=(-around, width - 1 + around), ylim=(height - 1 + around, -around))
            for one, line in zip(loc, LINES):
                outline = (corners @ one.reshape(2, 3).T + 1) * [(width - 1) / 2, (height - 1) / 2]
                axis.plot(*outline.T, line, color=ACCENT, linewidth=1.2)
    save(figure, path)


def sampling_points(pictures, path):
    """For each network: images with the points, (N, K, 2) in pixels, that the middle of its last layer looks at."""
    figure, axes = panels(list(pictures), 1.05)
    for row, (images, points) in zip(axes, pictures.values()):
        for axis, image, some in zip(row, images[:, 0], points):
            size = len(image)
            axis.imshow(image, cmap="gray_r", vmin=0, vmax=1.6)
            axis.plot(*some.T, ".", color=ACCENT, markersize=2.2)
            axis.plot(4 * (size // 8), 4 * (size // 8), "+", color="black", markersize=7)
            axis.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5))
    save(figure, path)
