"""``tps_points``: the thin plate spline around control points that the parameters name (Bookstein 1989, equations 6 to 9).

With d the destination, normalised,

    source(d) = d + a0 + a1 d_x + a2 d_y + sum_k w_k phi(|d - c_k|),    phi(r) = r^2 log r,

and along y a distance counts ``stretch`` times. The parameters are a0, a1, a2 of x and of y, the stretch, and of each control
point the w_k of x and of y, what has to be added to these, and c_k. ``tps_loc`` finds them from pairs of points. Large w_k cancel
each other, so that the 7 digits of float32 would move pixels; in two parts they have 14.
"""

import numpy as np

from . import affine
from .affine import pixel_map
from .row import Transform
from .tps import MOST

# Parameters before those of the first control point, and of each of these.
HEAD, EACH = 7, 6

# The fewest control points, of which an affine map is made.
LEAST = 3

# Keeps the logarithm of a zero distance finite, and its derivatives.
TINY = 1e-140


def bump(squared):
    """Phi of the root of ``squared``: r^2 log r = r^2 log(r^2) / 2, which is 0 at 0."""
    return squared * np.log(squared + TINY) * 0.5


def identity(control_points):
    """No weights, around points on the unit circle."""
    angles = 2 * np.pi / max(control_points, LEAST) * np.arange(max(control_points, LEAST))
    points = np.zeros((len(angles), EACH))
    points[:, 4:] = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    return *(0.0,) * 6, 1.0, *points.ravel().tolist()


def fold(values, sizes):
    """The affine part as a pixel map, the stretch, and what turns pixels to normalised numbers and back."""
    a0, a1, a2, b0, b1, b2, stretch = values
    half_x, half_y = (span * 0.5 for span in sizes.span)
    plan = pixel_map(((1 + a1, a2), (b1, 1 + b2)), (a0 * half_x, b0 * half_y), sizes)
    return *plan, stretch, *(2.0 / step for step in sizes.steps), half_x, half_y


def term(plan, point, u, v):
    """What one control point moves."""
    stretch, across, down, half_x, half_y = plan[6:]
    weight_x, weight_y, more_x, more_y, x, y = point
    dx, dy = u * across - x, (v * down - y) * stretch
    value = bump(dx * dx + dy * dy)
    return (weight_x + more_x) * value * half_x, (weight_y + more_y) * value * half_y


ROW = Transform(
    f"those of an affine map and a stretch, {HEAD}, and {EACH} of each of 3 to {MOST} control points; make them with tps_loc",
    identity,
    HEAD + 4,
    fold,
    affine.locate,
    most=MOST,
    term=term,
    term_size=EACH,
)
