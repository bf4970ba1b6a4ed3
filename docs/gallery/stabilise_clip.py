"""
Stabilise a clip
================

A hand shakes the camera; gradient descent finds by how much, and the frames are
moved back.

Each frame is registered to the next one, all pairs in one call. The sum of these
shifts is the path of the camera. What is left of it when it is smoothed is the
way that was meant.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data

import spatial_op as so

# %%
# The clip: 48 frames of 128 x 128 pixels, cut out of a photograph along a path.
# One photograph goes with any number of grids.
rng = np.random.default_rng(1)
meant = np.stack(
    [np.linspace(30, 90, 48), 60 + 12 * np.sin(np.linspace(0, 4, 48))], axis=1
)
path = meant + rng.normal(0, 2.5, (48, 2))  # what the hand makes of it
points = (
    np.stack(np.meshgrid(np.arange(128), np.arange(128))) + path[:, :, None, None]
)
photo = data.camera()[None, None, ::2, ::2] / 255.0  # (1, 1, 256, 256)
clip = so.GridSampler(photo, points / 127.5 - 1)  # (48, 1, 128, 128)

# %%
# Which shift makes each frame the next one? The search begins with blurred
# frames. Shifts are normalised: a pixel is 2 / 127.
options = {
    "target_shape": (128, 128),
    "transform_type": "translation",
    "padding_mode": "border",
}
shifts, pixel = np.zeros((47, 2)), 2 / 127
for blur, rate in ((8, 0.4), (2, 0.1)):
    smooth = ndimage.gaussian_filter(clip, (0, 0, blur, blur))
    for _ in range(40):
        out, pullback = so.vjp(
            so.SpatialTransformer, smooth[:-1], shifts, **options
        )
        _, gradient = pullback(2 * (out - smooth[1:]) / 128**2)
        shifts -= rate * gradient

# %%
# From shifts to the path, from the path to a smooth one, and each frame from the
# one to the other.
found = np.cumsum([[0, 0], *shifts], axis=0)
calm = ndimage.gaussian_filter1d(found, 5, axis=0)
stable = so.SpatialTransformer(clip, calm - found, **options)
after = path + (calm - found) / pixel
before, then = (np.diff(each, 2, axis=0).std() for each in (path, after))
print(f"shake {before:.1f} pixels, then {then:.1f}")  # shake 6.0 pixels, then 0.1

figure, axes = plt.subplots(3, figsize=(7, 8.5), layout="constrained")
for axis, title, frames in (
    (axes[0], "One row of each frame, frame below frame", clip),
    (axes[1], "The same, stabilised", stable),
):
    axis.imshow(frames[:, 0, 60], cmap="gray", aspect="auto")
    axis.set_title(title)
    axis.axis("off")
axes[2].plot(path[:, 1], color="#D55E00", label="height of the camera, in pixels")
axes[2].plot(after[:, 1], color="#0072B2", label="stabilised")
axes[2].set_xlabel("frame")
axes[2].legend()
plt.show()
