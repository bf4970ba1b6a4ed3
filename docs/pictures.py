"""Draw the pictures of ``conventions.md``, with this package's operators: ``python docs/pictures.py``."""

import pathlib

import matplotlib
import numpy as np

import spatial_op as so
from spatial_op.cli.photo import shipped

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = pathlib.Path(__file__).parent / "pictures"
INK, ACCENT = "#222222", "#CC79A7"


def save(figure, name):
    """Write one picture."""
    HERE.mkdir(exist_ok=True)
    figure.savefig(HERE / f"{name}.png", dpi=160)
    plt.close(figure)


def show(axis, image, title):
    """A grey image under a title."""
    axis.imshow(image, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])


def photograph():
    """The cat, grey, (1, 1, H, W)."""
    return np.float32(shipped().mean(0)[None, None, ::2, ::2])


def corners():
    """Where -1 and +1 are."""
    figure, axes = plt.subplots(1, 2, figsize=(7, 1.9), layout="constrained")
    values = np.array([0.3, 0.8, 0.55, 0.95])
    for axis, align in zip(axes, (True, False)):
        axis.imshow(values[None], cmap="gray", vmin=0, vmax=1, extent=(-0.5, 3.5, -0.5, 0.5), aspect="auto")
        axis.plot(range(4), [0] * 4, "o", color=ACCENT, markeredgecolor=INK, markersize=6)
        grid = np.linspace(-1, 1, 5)
        low, high = (0, 3) if align else (-0.5, 3.5)
        for number in grid:
            place = low + (number + 1) / 2 * (high - low)
            axis.plot([place] * 2, [-0.5, -0.75], color=INK, clip_on=False)
            axis.text(place, -0.85, f"{number:g}", ha="center", va="top", fontsize=9)
        axis.set(xlim=(-0.6, 3.6), ylim=(-0.5, 0.5), xticks=[], yticks=[])
        axis.set_title(f"align_corners={align}", fontsize=10)
        for spine in axis.spines.values():
            spine.set_visible(False)
    save(figure, "corners")


def paddings():
    """What lies outside."""
    data, loc = photograph(), np.array([[2.2, 0, 0, 0, 2.2, 0]])
    figure, axes = plt.subplots(1, 3, figsize=(7, 1.95), layout="constrained")
    for axis, mode in zip(axes, ("zeros", "border", "reflection")):
        show(axis, so.SpatialTransformer(data, loc, data.shape[2:], padding_mode=mode)[0, 0], f'"{mode}"')
        height, width = data.shape[2:]
        box = (width * (1 - 1 / 2.2) / 2, height * (1 - 1 / 2.2) / 2)
        axis.add_patch(plt.Rectangle(box, width / 2.2, height / 2.2, fill=False, color=ACCENT, linewidth=1.5))
    save(figure, "paddings")


def rings(size):
    """Circles around a corner, the finest of which are two pixels apart, (1, 1, size, size)."""
    y, x = np.mgrid[:size, :size] / size
    return np.float32(0.5 + 0.5 * np.cos(np.pi * size * (x * x + y * y) / 2))[None, None]


def shrinking():
    """What one sample of a pixel makes of fine rings, and what the mean of several does."""
    data, turn = rings(640), np.deg2rad(8)
    loc = np.array([[np.cos(turn), -np.sin(turn), 0, np.sin(turn), np.cos(turn), 0]])
    figure, axes = plt.subplots(1, 3, figsize=(7, 2.8), layout="constrained")
    show(axes[0], data[0, 0, :160, :160], "a corner of the image")
    for axis, antialias in zip(axes[1:], (False, True)):
        out = so.SpatialTransformer(data, loc, (160, 160), align_corners=False, antialias=antialias)
        show(axis, out[0, 0], f"turned and shrunk,\nantialias={antialias}")
    save(figure, "shrinking")


def samplers():
    """What lies between pixels."""
    data = np.random.default_rng(3).random((1, 1, 5, 7))
    figure, axes = plt.subplots(1, 3, figsize=(7, 2), layout="constrained")
    for axis, sampler in zip(axes, ("nearest", "bilinear", "bicubic")):
        options = {"sampler_type": sampler, "padding_mode": "border", "align_corners": False}
        show(
            axis,
            so.SpatialTransformer(data, so.identity_loc("affine", dtype="float64"), (150, 210), **options)[0, 0],
            f'"{sampler}"',
        )
    save(figure, "samplers")


def transforms():
    """What each transform can do."""
    data = photograph()
    turn = np.deg2rad(20)
    bent = so.identity_loc("tps", 1, "float64")
    bent += np.random.default_rng(5).normal(0, 0.12, bent.shape)
    rows = {
        "translation": ([0.4, -0.3], "(tx, ty)"),
        "attention": ([0.5, 0.2, -0.1], "(s, tx, ty)"),
        "affine": ([np.cos(turn), -0.7 * np.sin(turn), 0, 1.4 * np.sin(turn), np.cos(turn), 0], "2x3 matrix"),
        "projective": ([1, 0.1, 0, 0, 1, 0, 0.1, 0.45], "3x3 homography"),
        "tps": (bent[0], "16 control points"),
    }
    figure, axes = plt.subplots(3, 2, figsize=(7, 7.9), layout="constrained")
    show(axes.flat[0], data[0, 0], "the image")
    for axis, (name, (loc, meaning)) in zip(axes.flat[1:], rows.items()):
        out = so.SpatialTransformer(data, np.array([loc], float), data.shape[2:], name)
        show(axis, out[0, 0], f'"{name}", {meaning}')
    save(figure, "transforms")


PICTURES = corners, paddings, samplers, shrinking, transforms

if __name__ == "__main__":
    for draw in PICTURES:
        draw()
