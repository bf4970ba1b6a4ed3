"""
Register a bent picture by a spline
===================================

Gradient descent finds where 25 points come from, and a thin plate spline bends
the picture accordingly.

Faces, organs and maps do not only turn and grow, they bend. A *thin plate spline*
bends as a sheet of metal does that is held at some points. Here it is held at a
lattice of points of the output; where each of them lies in the input is to be
found.
"""

import torch
from matplotlib import pyplot as plt
from scipy import ndimage
from skimage import data

import spatial_op as so

cat = data.chelsea().mean(axis=2)[20:212:2, 100:292:2] / 255  # (96, 96), grey
moving = torch.from_numpy(cat)[None, None]
side = torch.linspace(-1, 1, 5, dtype=torch.float64)
lattice = torch.cartesian_prod(side, side).flip(1)[None]  # (1, 25, 2), x first


def bent(image, source):
    """The image, such that what is at the source points comes to the lattice."""
    loc = so.tps_loc(source, lattice)
    return so.SpatialTransformer(
        image, loc, (96, 96), "tps_points", padding_mode="border"
    )


# %%
# The bent picture: its points were moved by chance, by 0.08 of the way from the
# middle to the border on average.
truth = lattice + 0.08 * torch.randn(
    lattice.shape, dtype=torch.float64, generator=torch.manual_seed(3)
)
fixed = bent(moving, truth)

# %%
# The search begins with blurred pictures. ``tps_loc`` passes gradients on to the
# points, and PyTorch's Adam moves these.
source = lattice.clone().requires_grad_()
for blur in (6, 3, 1):
    smooth, goal = (
        torch.from_numpy(ndimage.gaussian_filter(i.numpy(), (0, 0, blur, blur)))
        for i in (moving, fixed)
    )
    optimiser = torch.optim.Adam([source], lr=0.01)
    for _ in range(40):
        optimiser.zero_grad()
        ((bent(smooth, source) - goal) ** 2).mean().backward()
        optimiser.step()

found = bent(moving, source).detach()
before, after = (abs(image - fixed).mean().item() for image in (moving, found))
print(f"before {before:.3f}, after {after:.3f}")  # before 0.072, after 0.003

figure, axes = plt.subplots(2, 2, figsize=(7, 7.4), layout="constrained")
pictures = {
    "Moving, and the points that are found": moving,
    "Fixed, and the lattice": fixed,
    "Difference before": abs(moving - fixed),
    "Difference after": abs(found - fixed),
}
for axis, (title, picture) in zip(axes.flat, pictures.items()):
    axis.imshow(picture[0, 0].numpy(), cmap="gray", vmin=0, vmax=1)
    axis.set_title(title)
    axis.axis("off")
for axis, points in zip(axes[0], (source, lattice)):
    x, y = (points.detach()[0].T.numpy() + 1) * 47.5
    axis.plot(x, y, "o", color="#E69F00", clip_on=False)
    axis.set(xlim=(-8, 103), ylim=(103, -8))
plt.show()
