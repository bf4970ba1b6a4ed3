"""
Cut a volume along any plane
============================

Slices along the axes show two spots of a ring that lies aslant; one plane shows
all of it.

Scanners of hospitals make volumes, and what one wants to see of them seldom lies
along their axes. A 3x4 matrix says for each voxel of the output where it lies in
the input; an output of one slice is a plane.
"""

import numpy as np
from matplotlib import pyplot as plt

import spatial_op as so

# %%
# The volume: a ring around a centre, in the plane of the directions *across* and
# *down*, which are at right angles. All directions are x, y, z.
across = np.array([0.8, 0, 0.6])
down = np.array([-0.36, 0.8, 0.48])
centre = np.array([52.0, 46, 49])
z, y, x = np.indices((96, 96, 96))
ways = np.stack([x, y, z], axis=-1) - centre
u, v, away = ways @ across, ways @ down, ways @ np.cross(across, down)
volume = np.exp(-((np.hypot(u, v) - 26) ** 2 + away**2) / 30)
volume += 0.1 * np.random.default_rng(0).random(volume.shape)

# %%
# The pixel (i, j) of the slice is the point ``centre + (i - 47.5) * across + (j -
# 47.5) * down``. That is a matrix with a column for each axis of the output, and
# one for where its corner lies.
corner = centre - 47.5 * across - 47.5 * down
matrix = np.stack([across, down, np.cross(across, down), corner], axis=1)
plane = so.warp(volume, matrix, (1, 96, 96))[0]  # depth, height, width

figure, axes = plt.subplots(2, 2, figsize=(7, 7.4), layout="constrained")
slices = {
    "Slice at z = 49": volume[49],
    "Slice at y = 46": volume[:, 46],
    "Slice at x = 52": volume[:, :, 52],
    "The plane of the ring": plane,
}
for axis, (title, picture) in zip(axes.flat, slices.items()):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1.1)
    axis.set_title(title)
    axis.axis("off")
plt.show()
