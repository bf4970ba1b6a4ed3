"""
Shrink a picture without false patterns
=======================================

Rings too fine for the small picture turn grey, not into rings that are not there.

A sampler looks at a few pixels around one point. In a picture that shrinks, the
points are far apart, most pixels are never looked at, and fine patterns turn into
coarse false ones: *aliasing*. With ``antialias`` each pixel of the output is the
mean of many samples of its own area.
"""

import numpy as np
from matplotlib import pyplot as plt

import spatial_op as so

# %%
# A zone plate: the further from the corner, the finer its rings. At the far
# corner a ring, black and white, is two pixels wide.
y, x = np.mgrid[:1024.0, :1024.0]
plate = 0.5 + 0.5 * np.cos(np.pi * (x**2 + y**2) / 2048 / 1.5)

# %%
# A sixth of the size. The matrix leads from an output pixel to the middle of the
# six by six pixels that it stands for.
shrink = [[6, 0, 2.5], [0, 6, 2.5]]
shape = 170, 170
aliased = so.warp(plate, shrink, shape)
smooth = so.warp(plate, shrink, shape, antialias=True)
finest = np.s_[-40:, -40:]  # here nothing but grey can be right
false = aliased[finest].std(), smooth[finest].std()
print(f"without {false[0]:.2f}, with {false[1]:.2f}")  # without 0.13, with 0.01

figure, axes = plt.subplots(1, 3, figsize=(7, 2.7), layout="constrained")
pictures = {
    "The corner, as it is": plate[:170, :170],
    "All of it, shrunk": aliased,
    "With antialias": smooth,
}
for axis, (title, picture) in zip(axes, pictures.items()):
    axis.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
plt.show()

# %%
# A mean weakens false rings, and does not quite remove them: faint ones are left.
