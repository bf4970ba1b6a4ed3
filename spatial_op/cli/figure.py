"""The figure: the input with the sampling grids drawn over it, and what was sampled there."""

import numpy as np
from matplotlib import patheffects
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .taps import circles, squares
from .warps import WARPS, normalised

CELLS = 5
INK, OUTSIDE = "#222222", 0.88
AROUND = 0.19  # what the overview shows beyond each side of the image, as a part of that side
PLAIN, BENT = "#CC79A7", "#E69F00"  # colours of the convolutions' taps
PANEL, GAP, MARGIN, TITLE = 2.35, 0.17, 0.10, 0.27  # inches


def draw(image, outputs, means, path, dpi=200):
    """Draw one figure and write it: warps above, convolutions below.

    Conventions: the last channel is the opacity, and the others have been multiplied by it.

    Parameters
    ----------
    image : (C, H, W) array
    outputs : (warps, C, H, W) array
        One for each row of ``WARPS``.
    means : two (C, H, W) arrays
        The means of the taps on a square and on a circle.
    path : str or path
        The ending chooses the format.
    dpi : float
        Pixels per inch; the figure is about 11 inches wide.
    """
    aspect = min(max(image.shape[1] / image.shape[2], 0.4), 2.2)
    wide, tall = PANEL / max(aspect, 1), PANEL * min(aspect, 1)
    below = 2 * tall + TITLE + GAP
    overview_width = below / aspect
    across = overview_width + 2 * (GAP + wide)
    third = (across - 2 * GAP) / 3
    lower = third * aspect + TITLE + GAP
    size = (2 * MARGIN + across, 2 * MARGIN + lower + below + TITLE)
    figure = Figure(figsize=size, facecolor="white")
    FigureCanvasAgg(figure)

    def axes(left, bottom, width, height):
        return figure.add_axes((left / size[0], bottom / size[1], width / size[0], height / size[1]))

    draw_input(axes(MARGIN, MARGIN + lower, overview_width, below), image)
    for number, (warp, output) in enumerate(zip(WARPS, outputs)):
        left = MARGIN + overview_width + GAP + number % 2 * (wide + GAP)
        bottom = MARGIN + lower + (1 - number // 2) * (tall + TITLE + GAP)
        draw_output(axes(left, bottom, wide, tall), "ABCDEFGH"[number], warp, output)
    titles = "Convolution: the mean of nine taps in a square", "Deformable convolution: nine taps on a circle"
    panels = [axes(MARGIN + number * (third + GAP), MARGIN, third, third * aspect) for number in range(3)]
    draw_taps(panels[0], image)
    for panel, output, title, colour in zip(panels[1:], means, titles, (PLAIN, BENT)):
        show(panel, output, title)
        for spine in panel.spines.values():
            spine.set(color=colour, linewidth=3)
    figure.savefig(path, dpi=dpi)


def draw_taps(axes, image):
    """The input, paler, and over it the taps of some pixels."""
    height, width = image.shape[1:]
    show(axes, image, "Where the nine taps of some pixels look", pale=0.3)
    for places, colour, mark in ((squares(height, width), PLAIN, "s"), (circles(height, width), BENT, "o")):
        rows, columns = (np.linspace(0, size, count + 2)[1:-1].astype(int) for size, count in ((height, 3), (width, 5)))
        y, x = (place[:, rows[:, None], columns].reshape(9, -1) for place in places)
        edge = {"markeredgecolor": INK, "markeredgewidth": 0.4}
        axes.plot(x, y, mark, color=colour, markersize=3.2, linestyle="none", **edge)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)


def draw_input(axes, image):
    """The input, a little paler, and over it the grids."""
    height, width = image.shape[1:]
    show(axes, image, "Input and sampling grids", pale=0.3)
    axes.set_xlim(-AROUND * width - 0.5, (1 + AROUND) * width - 0.5)
    axes.set_ylim((1 + AROUND) * height - 0.5, -AROUND * height - 0.5)
    for spine in axes.spines.values():
        spine.set(color="#999999", linewidth=0.8)
    for warp in WARPS:
        matrix = normalised(warp.matrix, height, width)
        for line in grid_lines(CELLS + 1):
            axes.plot(*to_pixels(matrix, line, height, width), **stroke(warp, 0.9))
        frame = np.array([[-1, 1, 1, -1, -1], [-1, -1, 1, 1, -1]])
        axes.plot(*to_pixels(matrix, frame, height, width), **stroke(warp, 2.4))
    for number, warp in enumerate(WARPS):
        corner = to_pixels(normalised(warp.matrix, height, width), np.array([[-1], [-1]]), height, width)
        x = np.clip(corner[0, 0], (0.03 - AROUND) * width, (0.97 + AROUND) * width)
        y = np.clip(corner[1, 0], (0.04 - AROUND) * height, (0.96 + AROUND) * height)
        tag(axes, "ABCDEFGH"[number], warp, (x, y), "data", "center", "center")


def draw_output(axes, letter, warp, output):
    """One output in its grid's colour, its letter at the corner that has it in the overview too."""
    show(axes, output, warp.title)
    for spine in axes.spines.values():
        spine.set(color=warp.colour, linewidth=3)
    tag(axes, letter, warp, (0.0, 1.0), "axes fraction", "left", "top")


def show(axes, image, title, pale=0.0):
    """One image without ticks, in pixels, over the colour of what is outside."""
    colours, opacity = image[:-1], image[-1:]
    colours = colours + pale * (opacity - colours)
    picture = np.broadcast_to(colours + OUTSIDE * (1 - opacity), (3, *image.shape[1:]))
    axes.set_facecolor(str(OUTSIDE))
    axes.imshow(np.clip(picture, 0, 1).transpose(1, 2, 0), aspect="equal")
    axes.set_anchor("NW")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_title(title, fontsize=9.5, color=INK, loc="left", pad=5)


def stroke(warp, width):
    """How a line of a warp's grid looks."""
    halo = patheffects.withStroke(linewidth=width + 1.2, foreground=warp.halo, alpha=0.5)
    return {"color": warp.colour, "linewidth": width, "path_effects": [halo], "solid_joinstyle": "miter"}


def tag(axes, letter, warp, at, coordinates, horizontal, vertical):
    """A letter in a box of the warp's colour."""
    box = {"boxstyle": "square,pad=0.28", "facecolor": warp.colour, "edgecolor": warp.halo, "linewidth": 0.8}
    axes.annotate(
        letter,
        at,
        xycoords=coordinates,
        ha=horizontal,
        va=vertical,
        fontsize=8,
        fontweight="bold",
        color=warp.halo,
        bbox=box,
        annotation_clip=False,
    )


def grid_lines(count):
    """Points along the lines of a regular grid on the output."""
    along = np.linspace(-1, 1, 101)
    for at in np.linspace(-1, 1, count)[1:-1]:
        across = np.full_like(along, at)
        yield np.stack([across, along])
        yield np.stack([along, across])


def to_pixels(matrix, points, height, width):
    """Where points of the output lie in the input, in pixels."""
    x, y, z = matrix @ np.concatenate([points, np.ones((1, points.shape[1]))])
    return np.stack([(x / z + 1) * (width - 1) / 2, (y / z + 1) * (height - 1) / 2])
