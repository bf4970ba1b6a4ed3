"""
Straighten a photographed page by its corners
=============================================

A page that was photographed from the side becomes a rectangle again.

A *homography* is the map between two views of a plane: a 3x3 matrix with eight
unknown numbers. Each corner gives two equations, one for x and one for y, so that
four corners are enough.
"""

import numpy as np
from matplotlib import pyplot as plt
from skimage import data

import spatial_op as so

page = data.page()  # 191 x 384, grey
height, width = page.shape
# The outer edges of the page, x before y.
flat = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5


def homography(source, target):
    """The matrix that maps four points to four others."""
    rows = []
    for (x, y), (u, v) in zip(source, target):
        rows += [
            [x, y, 1, 0, 0, 0, -u * x, -u * y],
            [0, 0, 0, x, y, 1, -v * x, -v * y],
        ]
    return np.append(np.linalg.solve(rows, np.ravel(target)), 1).reshape(3, 3)


# %%
# A photograph is needed first: the page, seen from the side, on a table. ``warp``
# looks up, for each pixel of the *output*, a point of the *input*. ``coverage``
# says how much of that point lies on the page: 1 inside, 0 outside, and something
# between along the edge.
# Clicked by hand, or found by a program.
corners = np.array([[112.0, 75], [455, 30], [488, 300], [40, 235]])
printed, there = so.warp(page, homography(corners, flat), (340, 512), coverage=True)
photo = printed + (1 - there) * data.gravel()[:340]

# %%
# And back. The map again leads from the output, which is now the flat page, to
# the input, which is the photograph.
straight = so.warp(photo, homography(flat, corners), (height, width))
print(f"{abs(straight - page).mean():.1f} of 255")  # 6.1 of 255

figure, (left, right) = plt.subplots(
    2, figsize=(7, 8.2), layout="constrained", height_ratios=(340 / 512, 0.5)
)
left.imshow(photo, cmap="gray")
left.plot(*corners[[0, 1, 2, 3, 0]].T, "o-", color="#D55E00", linewidth=2)
left.set_title("The photograph, and the four corners")
right.imshow(straight, cmap="gray")
right.set_title("Straightened")
for axis in (left, right):
    axis.axis("off")
plt.show()

# %%
# What differs was lost in the photograph: where the page is small in it, letters
# have few pixels.
