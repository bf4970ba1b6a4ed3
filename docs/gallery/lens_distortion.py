"""
Take a lens's distortion out of a photograph
============================================

A chessboard that a lens has bent is straight again, and the lens's number is
found.

Wide lenses bend straight lines: what is far from the middle is drawn too near to
it. A point that belongs at (x, y) is seen at (1 + k r²) (x, y), where r is its
distance from the middle and k a number of the lens.

``warp`` asks, for each pixel of the straight picture, where to look in the
photograph. That is just what the formula says, so nothing has to be inverted.
"""

import numpy as np
from matplotlib import pyplot as plt

import spatial_op as so

# A board to calibrate cameras with, of 8 x 8 squares, (480, 480).
board = 255 * np.kron(np.indices((8, 8)).sum(axis=0) % 2, np.ones((60, 60)))
side = np.linspace(-0.7, 0.7, 480)
here = np.stack(np.meshgrid(side, side))  # x and y of each pixel; the middle is 0
unit = 479 / 1.4  # in pixels


def seen(k):
    """How far the lens moves each point, in pixels, (2, height, width), x first."""
    return unit * k * (here**2).sum(axis=0) * here


# %%
# The photograph is made for this page. It asks the other way around: what belongs
# at each of its points? A few steps find that, each a better guess.
there = here
for _ in range(30):
    there = here / (1 - 0.15 * (there**2).sum(axis=0))
photo = so.warp(board, displacement=unit * (there - here), fill_value=128)

# %%
# Which k does this lens have? The board is known, so some can be tried. The right
# one leaves the least difference.
candidates = np.linspace(-0.3, 0, 31)
differences = [
    abs(so.warp(photo, displacement=seen(k)) - board).mean() for k in candidates
]
best = candidates[np.argmin(differences)]
least = min(differences)
print(f"k = {best:.2f}, {least:.1f} of 255 differ")  # k = -0.15, 2.7 of 255 differ

figure, axes = plt.subplot_mosaic(
    "ab;cc", figsize=(7, 6), layout="constrained", height_ratios=(2, 1)
)
pictures = {
    "a": ("The photograph", photo),
    "b": ("Straight again", so.warp(photo, displacement=seen(best))),
}
for name, (title, picture) in pictures.items():
    axes[name].imshow(picture, cmap="gray")
    axes[name].set_title(title)
    axes[name].axis("off")
axes["c"].plot(candidates, differences, "o-", color="#0072B2")
axes["c"].set(xlabel="k", ylabel="difference", ylim=(0, None))
plt.show()
