"""
Turn the taps of a convolution
==============================

A deformable convolution may look elsewhere around each pixel: here, along the
rings of a target.

A convolution looks at the same places around every pixel, its *taps*. A
deformable one adds an offset to each of them, anew at every pixel. In networks
offsets are learned. Here they are known, so that one can see what they do.
"""

import numpy as np
from matplotlib import pyplot as plt

import spatial_op as so

y, x = np.mgrid[-64.0:65, -64.0:65]
radius, angle = np.hypot(x, y), np.arctan2(y, x)
rings = 0.5 + 0.5 * np.cos(radius / 2)

# %%
# The filter is what is right of a pixel minus what is left of it, the slope along
# x. It finds the edges of a ring at the right and at the left, and none above and
# below.
weight = np.float64([[-1, 0, 1]] * 3)[None, None] / 6  # (1, 1, 3, 3)
down, right = np.mgrid[-1.0:2, -1.0:2].reshape(2, 9, 1, 1)  # its nine taps

# %%
# Turned by the angle at which a pixel lies, the same filter is the slope away
# from the middle. An offset is the way from a tap to where it is to be, y before
# x.
c, s = np.cos(angle), np.sin(angle)
ways = np.stack([s * right + c * down - down, c * right - s * down - right], 1)
offset = ways.reshape(1, 18, 129, 129)

image, options = rings[None, None], {"kernel": (3, 3), "pad": (1, 1)}
options |= {"num_filter": 1, "no_bias": True}
still = np.zeros_like(offset)
plain = so.DeformableConvolution(image, still, weight, **options)[0, 0]
turned = so.DeformableConvolution(image, offset, weight, **options)[0, 0]
ring = abs(radius - 47) < 0.5  # all pixels of one ring
flat, bent = plain[ring].std(), turned[ring].std()  # how much it varies there
print(f"plain {flat:.2f}, deformable {bent:.2f}")  # plain 0.17, deformable 0.00

figure, axes = plt.subplots(2, 2, figsize=(7, 7.4), layout="constrained")
names = "Taps (drawn far apart)", "Turned taps"
for axis, name, way in zip(axes[0], names, (still, offset)):
    axis.imshow(rings, cmap="gray", alpha=0.5)
    for i, j in ((64, 108), (95, 95), (108, 64), (33, 95), (20, 64), (64, 20)):
        dy, dx = way[0, :, i, j].reshape(9, 2).T
        tx, ty = j + 5 * (right.ravel() + dx), i + 5 * (down.ravel() + dy)
        axis.scatter(tx, ty, 22, np.tile([-1, 0, 1], 3), cmap="coolwarm")
    axis.set_title(name)
names = "Plain: the slope along x", "Deformable: the slope outwards"
for axis, name, result in zip(axes[1], names, (plain, turned)):
    axis.imshow(result, cmap="coolwarm", vmin=-0.25, vmax=0.25)
    axis.set_title(name)
for axis in axes.flat:
    axis.axis("off")
plt.show()
