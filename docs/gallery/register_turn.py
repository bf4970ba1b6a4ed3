"""
Register two pictures by gradient descent
=========================================

Steps down the gradient find how one picture was turned, shifted and enlarged.

Two pictures show the same thing, but one is turned, shifted and larger.
*Registration* finds the map between them. Here this is an affine matrix of six
numbers. Each step of the search changes them a little, such that the pictures
differ less: *gradient descent*. ``vjp`` gives what it needs, the derivative of a
warp by its matrix.
"""

import numpy as np
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data

import spatial_op as so

# A batch of one image of one channel, 128 x 128.
moving = data.camera()[None, None, ::4, ::4] / 255.0
truth = np.array([[0.85, -0.3, 0.1, 0.3, 0.85, -0.05]])
options = {"target_shape": (128, 128), "padding_mode": "border"}
fixed = so.SpatialTransformer(moving, truth, **options)

# %%
# Far from the answer, details mislead. So the search begins with blurred
# pictures, and each round blurs less. The step may be larger where pictures are
# smoother.
loc = so.identity_loc("affine", dtype="float64")  # (1, 6): 1, 0, 0, 0, 1, 0
losses = []
for blur in (8, 4, 2, 1):
    smooth, goal = (
        ndimage.gaussian_filter(image, (0, 0, blur, blur))
        for image in (moving, fixed)
    )
    for _ in range(40):
        out, pullback = so.vjp(so.SpatialTransformer, smooth, loc, **options)
        # Of the mean of (out - goal)**2, by the image, which is not needed, and by loc.
        _, gradient = pullback(2 * (out - goal) / goal.size)
        loc -= 0.1 * blur * gradient
        losses.append(((out - goal) ** 2).mean())
wrong = abs(loc - truth).max()
print(f"the six numbers, to within {wrong:.3f}")  # the six numbers, to within 0.001

found = so.SpatialTransformer(moving, loc, **options)
figure, axes = plt.subplot_mosaic("012;34l", figsize=(7, 5.2), layout="constrained")
for name, title, picture in (
    ("0", "Moving", moving),
    ("1", "Fixed", fixed),
    ("2", "Moving, registered", found),
    ("3", "Difference before", abs(moving - fixed)),
    ("4", "Difference after", abs(found - fixed)),
):
    axes[name].imshow(picture[0, 0], cmap="gray", vmin=0, vmax=1)
    axes[name].set_title(title)
    axes[name].axis("off")
axes["l"].semilogy(losses, color="#0072B2")
axes["l"].set_title("Mean square by step")
plt.show()

# %%
# The four rounds show in the last curve: with less blur there is more to differ,
# at first.
