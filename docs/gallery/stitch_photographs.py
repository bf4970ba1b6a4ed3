"""
Stitch photographs together
===========================

Three photographs become one picture without edges.

Three photographs of one scene overlap. In one frame they are a wider picture, but
an edge shows wherever one of them ends. The cure: trust each photograph less
towards its border, and take the mean of what there is, weighted by trust.
"""

import numpy as np
from matplotlib import pyplot as plt
from skimage import data

import spatial_op as so

scene = data.coffee() / 255.0  # (400, 600, 3)


def camera(angle, zoom, x, y):
    """The matrix from a pixel of a photograph to a pixel of the scene."""
    c, s = zoom * np.cos(np.deg2rad(angle)), zoom * np.sin(np.deg2rad(angle))
    return np.array([[c, -s, x], [s, c, y]])


# %%
# The photographs. Each camera is held a little differently, and makes its picture
# darker or brighter.
cameras = [
    camera(-7, 1, 10, 50),
    camera(6, 0.95, 180, 20),
    camera(-4, 1.05, 320, 50),
]
photos = [
    light * so.warp(scene, each, (320, 250))
    for each, light in zip(cameras, (0.8, 1, 0.9))
]

# %%
# The other way around, from the scene's pixels to those of a photograph, is the same
# matrix with ``direction``. For the hard edges, ``coverage`` says where a photograph
# is. Trust is warped as the photograph is, and outside it is 0.
back = {"target_shape": (400, 600), "direction": "source_to_target"}
across, down = np.meshgrid(
    1 - abs(np.linspace(-1, 1, 250)), 1 - abs(np.linspace(-1, 1, 320))
)
hard, soft, weight = np.zeros(scene.shape), np.zeros(scene.shape), 1e-9
for photo, each in zip(photos, cameras):
    placed, inside = so.warp(photo, each, coverage=True, **back)
    hard = np.where(inside[..., None] == 1, placed, hard)
    trust = so.warp(across * down, each, **back)[..., None]
    soft += trust * placed
    weight = weight + trust

figure, axes = plt.subplot_mosaic(
    "012;hhh;sss", figsize=(7, 12), layout="constrained", height_ratios=(1.2, 2, 2)
)
for number, photo in enumerate(photos):
    axes[str(number)].imshow(photo)
    axes[str(number)].set_title(f"Photograph {number + 1}")
axes["h"].imshow(hard)
axes["h"].set_title("One over the other")
axes["s"].imshow(soft / weight)
axes["s"].set_title("Weighted by trust")
for axis in axes.values():
    axis.axis("off")
plt.show()
