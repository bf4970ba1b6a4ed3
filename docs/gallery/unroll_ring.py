"""
Unroll a ring
=============

Words around a record become a straight line.

Words on a coin or a vinyl record run around its middle, and so do the patterns of
an iris. Straight, they are easier to read and to compare. The way there is a grid
of points that go around the ring: a sampling grid may have any shape.
"""

import numpy as np
from matplotlib import pyplot as plt

import spatial_op as so

# %%
# First a record, drawn by Matplotlib and read back as a picture.
figure = plt.figure(figsize=(5, 5), dpi=100, facecolor="#222222")
figure.patches.append(
    plt.Circle((0.5, 0.5), 0.46, color="#E69F00", transform=figure.transFigure)
)
for number, letter in enumerate(words := "ROUND THE MIDDLE * AROUND AND ABOUT * "):
    angle = 2 * np.pi * number / len(words)
    place = 0.5 + 0.4 * np.sin(angle), 0.5 + 0.4 * np.cos(angle)
    centred = {"ha": "center", "va": "center", "rotation": -np.rad2deg(angle)}
    figure.text(*place, letter, fontsize=26, family="monospace", **centred)
figure.canvas.draw()
record = np.asarray(figure.canvas.buffer_rgba())[..., :3] / 255.0  # (500, 500, 3)
plt.close(figure)

# %%
# The grid says for each pixel of the output where it is sampled: x and y from -1
# to +1. One row of the output is one circle, and its angle grows from left to
# right. The first row is the outermost circle.
angle, radius = np.meshgrid(
    np.linspace(-0.1, 2 * np.pi - 0.1, 1400), np.linspace(0.92, 0.68, 66)
)
grid = np.stack([radius * np.sin(angle), -radius * np.cos(angle)])  # y downwards

batch = record.transpose(2, 0, 1)[None]  # (1, 3, 500, 500)
strip = so.GridSampler(batch, grid[None], "bicubic", padding_mode="border")[0]
strip = strip.transpose(1, 2, 0).clip(0, 1)

figure, axes = plt.subplots(
    3, figsize=(7, 8), layout="constrained", height_ratios=(10, 1, 1)
)
axes[0].imshow(record)
outline = np.c_[grid[:, 0], grid[:, -1, ::-1], grid[:, 0, :1]]
axes[0].plot(*(outline + 1) * 249.5, color="#0072B2", linewidth=2)
axes[0].set_title("The record, and the part that is unrolled")
axes[1].imshow(strip[:, :700])
axes[1].set_title("Unrolled: the first half, and the second")
axes[2].imshow(strip[:, 700:])
for axis in axes:
    axis.axis("off")
plt.show()

# %%
# ``GridSampler`` has a gradient for the grid, too: a network can learn where the
# ring is.
