"""Draw one tile's way through the kernels, for ``kernels.md``: ``python docs/tile.py``."""

import pathlib

import matplotlib
import numpy as np
from skimage import data

import spatial_op as so

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = pathlib.Path(__file__).parent / "pictures"
INK, ACCENT, BLUE, WHITE = "#222222", "#D55E00", "#0072B2", "#ffffff"
TILE = 64
# The tile's first column and row, and the map from output pixels to source pixels.
LEFT, TOP = 256, 0
MATRIX = np.array([[0.94, -0.34, 60.0], [0.34, 0.94, -95.0]])


def source_of(x, y):
    """The source points of output pixels."""
    return MATRIX @ np.array([x, y, np.ones_like(x)], float).reshape(3, -1)


def frame(axis, x0, y0, x1, y1, colour, **options):
    """A rectangle from corner to corner."""
    axis.add_patch(plt.Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour, linewidth=1.6, **options))


def panel(axis, image, title, files, **options):
    """A picture between a title and the names of files."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, **options)
    axis.set_title(title, fontsize=10, loc="left", color=INK)
    axis.set_xlabel(files, fontsize=8, family="monospace", color=BLUE)
    axis.set(xticks=[], yticks=[])


def window_of(x, y):
    """The box of source pixels that bilinear taps of these points read."""
    x0, y0 = np.floor([x.min(), y.min()]).astype(int)
    x1, y1 = np.floor([x.max(), y.max()]).astype(int) + 2
    return x0, y0, x1, y1


def tile():
    """Six steps, two to a row."""
    cat = np.uint8(data.chelsea().mean(-1))
    height, width = cat.shape
    out = so.warp(cat, MATRIX)
    columns, rows = np.meshgrid(np.arange(LEFT, LEFT + TILE), np.arange(TOP, TOP + TILE))
    x, y = source_of(columns, rows)
    x0, y0, x1, y1 = window_of(x, y)
    window = np.zeros((y1 - y0, x1 - x0), np.uint8)  # zeros outside
    inside = np.s_[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    window[inside[0].start - y0 : inside[0].stop - y0, inside[1].start - x0 : inside[1].stop - x0] = cat[inside]

    figure, axes = plt.subplots(3, 2, figsize=(7, 8.2), layout="constrained")
    panel(axes[0, 0], out, "The result, in tiles", "planes.py", alpha=0.5)
    for start in range(0, width, TILE):
        axes[0, 0].axvline(start - 0.5, color=WHITE, linewidth=0.8)
    for start in range(0, height, TILE):
        axes[0, 0].axhline(start - 0.5, color=WHITE, linewidth=0.8)
    frame(axes[0, 0], LEFT - 0.5, TOP - 0.5, LEFT + TILE - 0.5, TOP + TILE - 0.5, ACCENT)

    panel(axes[0, 1], cat, "1. Locate: where the tile looks", "sources.py  sums.py", alpha=0.6)
    axes[0, 1].plot(x.reshape(TILE, TILE)[::7, ::7], y.reshape(TILE, TILE)[::7, ::7], ".", color=ACCENT, markersize=3)
    axes[0, 1].set(xlim=(-20, width), ylim=(height, -40))

    near, across, down = np.s_[108:112], 0.6, 0.3
    panel(axes[1, 0], cat[near, 300:304], "2. Split: a pixel, and the way from it", "cells.py  placing.py")
    axes[1, 0].plot([1, 1 + across], [1, 1 + down], color=ACCENT)
    axes[1, 0].plot([1, 2, 1, 2], [1, 1, 2, 2], "s", color=BLUE, markersize=6, markeredgecolor=WHITE)
    axes[1, 0].plot(1 + across, 1 + down, "o", color=ACCENT, markeredgecolor=WHITE)

    panel(axes[1, 1], cat, "3. Window: the box that it needs", "window.py  layouts.py", alpha=0.6)
    frame(axes[1, 1], x0 - 0.5, y0 - 0.5, x1 - 0.5, y1 - 0.5, BLUE)
    corners = source_of(*np.array([[LEFT, TOP], [LEFT + 63, TOP], [LEFT + 63, 63], [LEFT, 63], [LEFT, TOP]]).T)
    axes[1, 1].plot(*corners, color=ACCENT)
    axes[1, 1].set(xlim=(-20, width), ylim=(height, -40))

    panel(axes[2, 0], window, "The window: zeros outside the image", "outside.py (a table)")
    frame(axes[2, 0], -0.5, -0.5, x1 - x0 - 0.5, y1 - y0 - 0.5, BLUE, clip_on=False)
    axes[2, 0].plot(corners[0] - x0, corners[1] - y0, color=ACCENT)

    panel(axes[2, 1], out[TOP : TOP + TILE, LEFT : LEFT + TILE], "4. Gather: the tile", "blending.py  turn.py")
    frame(axes[2, 1], -0.5, -0.5, TILE - 0.5, TILE - 0.5, ACCENT, clip_on=False)
    figure.savefig(HERE / "tile.png", dpi=120)
    plt.close(figure)


PICTURES = (tile,)

if __name__ == "__main__":
    tile()
