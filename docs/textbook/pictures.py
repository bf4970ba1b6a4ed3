"""Draw the pictures of the text book, with ``reference`` alone: ``python -m docs.textbook.pictures``, in the checkout."""

import pathlib

import matplotlib
import numpy as np

import reference
from reference.deformable_convolution import points
from reference.grid import centres, homogeneous_grid
from reference.kernels import SAMPLERS
from reference.paddings import PADDINGS
from reference.tps import kernel, lattice

matplotlib.use("Agg")
from matplotlib import pyplot as plt

HERE = pathlib.Path(__file__).parent
INK, ACCENT, BLUE, PALE = "#222222", "#D55E00", "#0072B2", "#bbbbbb"


def photograph():
    """The cat, grey, (1, 1, H, W)."""
    from skimage import data

    return data.chelsea()[None, None, ::2, ::2].mean(-1) / 255


def save(figure, name):
    """Write one picture."""
    figure.savefig(HERE / f"{name}.png", dpi=130)
    plt.close(figure)


def show(axis, image, title="", **options):
    """A grey picture, its pixels between -1 and +1."""
    options = {"cmap": "gray", "vmin": 0, "vmax": 1, "extent": (-1, 1, 1, -1), "aspect": "auto", **options}
    axis.imshow(image, **options)
    axis.set_title(title, fontsize=10)
    axis.set(xticks=[], yticks=[])


def net(axis, grid, **options):
    """The lines of a grid (2, H, W)."""
    for lines in (grid, grid.swapaxes(1, 2)):
        axis.plot(lines[0].T, lines[1].T, linewidth=1, **options)


def grid():
    """Where pixels lie, by either ruler."""
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.7), layout="constrained")
    for axis, align in zip(axes, (True, False)):
        x, y, _ = homogeneous_grid((3, 4), align_corners=align)
        half_x, half_y = (centres(size, align)[1] - centres(size, align)[0] for size in (4, 3))
        for a, b in zip(x, y):
            corner = (a - half_x / 2, b - half_y / 2)
            axis.add_patch(plt.Rectangle(corner, half_x, half_y, facecolor="#f4f4f4", edgecolor=PALE))
        axis.add_patch(plt.Rectangle((-1, -1), 2, 2, fill=False, edgecolor=BLUE, linewidth=1.5))
        axis.plot(x, y, "o", color=ACCENT)
        axis.set(xlim=(-1.4, 1.4), ylim=(1.6, -1.6), xticks=[-1, 0, 1], yticks=[-1, 0, 1])
        axis.set_title(f"align_corners={align}", fontsize=10)
    save(figure, "grid")


def transforms():
    """Three transforms' grids over the image, and what is sampled there."""
    data = photograph()
    turn = np.deg2rad(20)
    rows = {
        "attention": [0.5, 0.1, -0.2],
        "affine": [0.7 * np.cos(turn), -0.5 * np.sin(turn), 0, 0.9 * np.sin(turn), 0.7 * np.cos(turn), 0],
        "projective": [0.6, 0.1, 0, 0, 0.6, 0, 0.1, 0.35],
    }
    figure, axes = plt.subplots(2, 3, figsize=(8, 3.8), layout="constrained")
    for (above, below), (name, loc) in zip(axes.T, rows.items()):
        loc = np.array([loc])
        show(above, data[0, 0], name)
        net(above, reference.grid_generator(loc, name, (7, 9))[0], color=ACCENT)
        above.set(xlim=(-1, 1), ylim=(1, -1))
        show(below, reference.spatial_transformer(data, loc, (100, 150), name)[0, 0])
    save(figure, "transforms")


def sampling():
    """A row of pixels as a sum of hats, and its slope."""
    pixels = np.array([0.3, 0.9, 0.5, 0.8, 0.2])
    x = np.linspace(-1.5, 5.5, 1401)
    (hat, slope, _) = SAMPLERS["bilinear"]
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.4), layout="constrained")
    hats = [value * hat(x - w) for w, value in enumerate(pixels)]
    axes[0].plot(x, np.transpose(hats), color=PALE, linewidth=1)
    axes[0].plot(x, sum(hats), color=ACCENT)
    axes[0].plot(pixels, "o", color=INK, markersize=4)
    axes[0].set_title("V(x): five pixels, five hats, their sum", fontsize=10)
    axes[1].plot(x, sum(value * slope(x - w) for w, value in enumerate(pixels)), color=ACCENT)
    axes[1].set_title("dV/dx jumps at each pixel", fontsize=10)
    for axis in axes:
        axis.set_xticks(range(-1, 6))
        axis.grid(axis="x", color="#eeeeee")
    save(figure, "sampling")


def gradients():
    """A loss that looks at one spot of the output, and what each input hears of it."""
    data, name = photograph(), "affine"
    loc = np.array([[0.5, -0.25, 0.1, 0.25, 0.5, 0.0]])
    out = reference.spatial_transformer(data, loc, (100, 150), name)
    upstream = np.zeros_like(out)
    upstream[..., 30:70, 50:100] = 1
    grid = reference.grid_generator(loc, name, (100, 150))
    grad_data, grad_grid = reference.bilinear_sampler_backward(data, grid, upstream)
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.1), layout="constrained")
    show(axes[0], out[0, 0], "the result; g is 1 in the box")
    axes[0].add_patch(plt.Rectangle((-1 / 3, -0.4), 2 / 3, 0.8, fill=False, edgecolor=ACCENT, linewidth=1.5))
    show(axes[1], grad_data[0, 0], "gradient of the image, eq. 6", vmax=grad_data.max())
    most = np.quantile(abs(grad_grid), 0.99)
    show(axes[2], grad_grid[0, 0], "gradient of each x, eq. 7", vmin=-most, vmax=most, cmap="RdBu")
    save(figure, "gradients")


def kernels():
    """All kernels, and their slopes."""
    t = np.linspace(-3.2, 3.2, 1281)
    figure, axes = plt.subplots(2, 4, figsize=(8, 3.4), sharex=True, sharey=True, layout="constrained")
    drawn = {name: row for name, row in SAMPLERS.items() if name != "nearest_even"}  # the kernel is nearest's
    for axis, (name, (function, slope, _)) in zip(axes.flat, drawn.items()):
        axis.plot(t, slope(t), color=PALE, linewidth=1)
        axis.plot(t, function(t), color=ACCENT)
        axis.set_title(name, fontsize=10)
        axis.set(xticks=range(-3, 4), ylim=(-1.5, 1.5))
        axis.grid(axis="x", color="#eeeeee")
    for axis in axes.flat[len(drawn) :]:
        axis.axis("off")
    save(figure, "kernels")


def outside():
    """Four pixels, and what positions beside them hold."""
    pixels, positions = np.array([0.35, 0.55, 0.75, 0.95]), np.arange(-4.0, 8.0)
    figure, axes = plt.subplots(len(PADDINGS), 1, figsize=(8, 0.62 * len(PADDINGS)), layout="constrained")
    for axis, (name, padding) in zip(axes, PADDINGS.items()):
        index, inside = padding(positions, 4, True)
        axis.imshow((inside * pixels[index.astype(int)])[None], cmap="gray", vmin=0, vmax=1, aspect="auto")
        for place, (j, known) in enumerate(zip(index, inside)):
            axis.text(place, 0, "abcd"[int(j)] if known else "0", color=ACCENT, ha="center", va="center")
        axis.add_patch(plt.Rectangle((3.5, -0.5), 4, 1, fill=False, edgecolor=BLUE, linewidth=2, clip_on=False))
        axis.set(xticks=[], yticks=[0], yticklabels=[name])
    save(figure, "outside")


def splines():
    """The kernel, and a lattice that is pulled at two of its points."""
    figure, axes = plt.subplots(1, 3, figsize=(8, 2.5), layout="constrained")
    r = np.linspace(0, 1.6, 161)
    axes[0].plot(r, kernel(r), color=ACCENT)
    axes[0].axhline(0, color=PALE, linewidth=1)
    axes[0].set_title("U(r) = r² log r", fontsize=10)
    data, sources = photograph(), lattice(16).T.copy()
    sources[:, 5] += 0.15, 0.25
    sources[:, 10] -= 0.2, 0.1
    loc = sources.reshape(1, -1)
    show(axes[1], data[0, 0], "where the output looks")
    net(axes[1], reference.grid_generator(loc, "tps", (13, 13))[0], color=BLUE)
    axes[1].plot(*sources, "o", color=ACCENT, markersize=4, clip_on=False)
    axes[1].set(xlim=(-1, 1), ylim=(1, -1))
    show(axes[2], reference.spatial_transformer(data, loc, (150, 225), "tps")[0, 0], "what it sees")
    save(figure, "splines")


def flow():
    """A flow in pixels, as MXNet's grid generator takes it."""
    data = photograph()
    height, width = data.shape[2:]
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    away = np.exp(-4 * (x**2 + y**2))
    field = np.stack([-y * width / 3, x * height / 2.5])[None] * away
    warped = reference.bilinear_sampler(data, reference.grid_generator(field, "warp"))
    figure, axes = plt.subplots(1, 2, figsize=(8, 2.7), layout="constrained")
    show(axes[0], data[0, 0], "the flow: where each pixel looks")
    step = np.s_[8::16, 8::16]
    across, down = field[0, 0][step] * 2 / width, field[0, 1][step] * 2 / height
    axes[0].quiver(x[step], y[step], across, down, color=ACCENT, angles="xy", scale_units="xy", scale=1)
    show(axes[1], warped[0, 0], "what it sees")
    save(figure, "flow")


def deformable():
    """The nine taps of one position: as in a plain convolution, and moved."""
    rng = np.random.default_rng(4)
    data = photograph()[..., 30:39, 60:72]
    offset = rng.normal(0, 0.6, (1, 18, 7, 10))
    figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
    for axis, moved, title in zip(axes, (0 * offset, offset), ("p + pₙ", "p + pₙ + Δpₙ")):
        y, x = (place[0, 0, :, 3, 5] for place in points(data, moved, (3, 3), (), (), (), 1))
        show(axis, data[0, 0], title, vmin=None, vmax=None, extent=(-0.5, 11.5, 8.5, -0.5), alpha=0.6)
        axis.plot([np.full(9, 6.0), x], [np.full(9, 4.0), y], color=PALE, linewidth=1)
        axis.plot(x, y, "o", color=ACCENT)
        axis.plot(6, 4, "s", color=BLUE, markersize=4)
    save(figure, "deformable")


PICTURES = grid, transforms, sampling, gradients, kernels, outside, splines, flow, deformable

if __name__ == "__main__":
    for draw in PICTURES:
        draw()
