"""The warps that the demonstration draws: one row each, a title, a colour and a map of the plane."""

from typing import NamedTuple

import numpy as np


class Warp(NamedTuple):
    """``matrix`` maps the output's plane to the input's, x first, y down, the longer side of the image from -1 to 1."""

    title: str
    colour: str
    halo: str
    matrix: list


def rotation(degrees, scale):
    """Matrix of a rotation about the centre."""
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    return [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]


# Colours that colour-blind people can tell apart and whose greys differ too; each with a halo that sets it off.
WARPS = (
    Warp("Rotate", "#F0E442", "#222222", rotation(30, 0.82)),
    Warp("Shear", "#56B4E9", "#222222", [[0.9, 0.42, 0.03], [0, 0.9, 0], [0, 0, 1]]),
    Warp("Zoom", "#2E1A6B", "#FFFFFF", [[0.3, 0, -0.22], [0, 0.3, -0.16], [0, 0, 1]]),
    Warp("Tilt", "#D55E00", "#FFFFFF", [[0.8, 0, 0], [0, 0.85, -0.1], [0, -0.46, 1]]),
)


def normalised(matrix, height, width):
    """The same map between normalised coordinates, in which either side of the image runs from -1 to 1."""
    longer = max(height - 1, width - 1, 1)
    sides = np.diag([max(width - 1, 1) / longer, max(height - 1, 1) / longer, 1])
    return np.linalg.inv(sides) @ np.array(matrix, np.float64) @ sides


def parameters(height, width, dtype):
    """One row of projective parameters for each warp."""
    rows = [normalised(warp.matrix, height, width).ravel()[:8] for warp in WARPS]
    return np.array(rows, dtype)
