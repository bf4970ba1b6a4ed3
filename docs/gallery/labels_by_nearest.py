"""
Warp labels by their nearest pixel
==================================

Labels are turned with their picture, and no new ones are invented.

A label image holds the number of the thing that each pixel belongs to. Between
thing 3 and thing 7 there is no thing 5, so labels must not be mixed. The sampler
``"nearest"`` takes one pixel as it is. ``"bilinear"``, right for the picture,
invents things along each edge.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data, measure, morphology

import spatial_op as so

coins = data.coins()
behind = morphology.opening(coins, morphology.disk(20))
bright = morphology.opening(
    ndimage.binary_fill_holes(coins - behind > 40), morphology.disk(5)
)
# 0 is the cloth, coins are 10, 20 ... 240.
labels = 10 * measure.label(bright)

# %%
# One matrix for both: a turn by 15 degrees about the centre, from an output pixel
# to an input pixel.
centre, angle = np.array([191.5, 151]), np.deg2rad(15)
turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
matrix = np.c_[turn, centre - turn @ centre]

picture = so.warp(coins, matrix)
right = so.warp(labels, matrix, sampler_type="nearest")
wrong = np.rint(so.warp(labels.astype("float64"), matrix)).astype(int)

# %%
# Every label is a multiple of 10. How many pixels have another one?
print((right % 10 > 0).sum(), (wrong % 10 > 0).sum())  # 0 3675

figure, axes = plt.subplots(2, 2, figsize=(7, 6), layout="constrained")
corner = np.s_[120:150, 180:218]
axes[0, 0].imshow(picture, cmap="gray")
axes[0, 0].set_title("The picture, bilinear")
for axis, title, warped in (
    (axes[0, 1], "Labels, nearest", right),
    (axes[1, 0], "A part of it", right[corner]),
    (axes[1, 1], "The same, bilinear: things that are not", wrong[corner]),
):
    axis.imshow(
        warped, cmap="nipy_spectral", vmin=0, vmax=240, interpolation="nearest"
    )
    axis.set_title(title)
for axis in axes.flat:
    axis.axis("off")
plt.show()
