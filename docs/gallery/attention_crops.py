"""
Cut many crops out of one picture
=================================

Twenty-four coins, found in a photograph, come out in one size in one call.

A detector says where things are, and the next step wants each of them in the same
size. The transform ``"attention"`` is made for that: a scale s and a place (tx,
ty), three numbers for each crop.

There is *one* picture and there are many crops. A batch of 1 goes with any number
of transforms, and nothing is copied.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data, measure, morphology

import spatial_op as so

coins = data.coins()  # (303, 384), uint8
height, width = coins.shape

# %%
# Where are the coins? A simple rule finds them: they are brighter than what lies
# behind them.
behind = morphology.opening(coins, morphology.disk(20))
bright = morphology.opening(
    ndimage.binary_fill_holes(coins - behind > 40), morphology.disk(5)
)
top, left, bottom, right = np.array(
    [region.bbox for region in measure.regionprops(measure.label(bright))]
).T
print(len(top))  # 24

# %%
# Parameters are no pixels: -1 is the centre of the first pixel, +1 that of the
# last one. A crop of scale s is s times as large as the picture, and has its
# shape.
x, y = (left + right - 1) / 2, (top + bottom - 1) / 2
scale = 1.2 * np.maximum((right - left) / width, (bottom - top) / height)
loc = np.stack([scale, 2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], axis=1)

batch = coins[None, None].astype("float32")  # (1, 1, 303, 384)
crops = so.SpatialTransformer(
    batch, loc, (72, 91), "attention", "bicubic", padding_mode="border"
)
print(crops.shape)  # (24, 1, 72, 91)

figure, (above, below) = plt.subplots(
    2, figsize=(7, 9.4), layout="constrained", height_ratios=(303, 253)
)
above.imshow(coins, cmap="gray")
for s, x0, y0 in zip(scale, x, y):
    w, h = s * width, s * height
    above.add_patch(
        plt.Rectangle(
            (x0 - w / 2, y0 - h / 2),
            w,
            h,
            fill=False,
            color="#E69F00",
            linewidth=1.5,
        )
    )
above.set_title("The picture, and where 24 crops look")
below.imshow(
    crops[:, 0].reshape(4, 6, 72, 91).swapaxes(1, 2).reshape(4 * 72, 6 * 91),
    cmap="gray",
)
below.set_title("The crops")
for axis in (above, below):
    axis.axis("off")
plt.show()

# %%
# In a network the scales and places are learned: ``loc`` has a gradient. That of
# the picture is the sum over all crops.
