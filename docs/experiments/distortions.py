"""Four distortions of digits after the paper's, each one warp from the original to a larger canvas by our own operators.

Sizes are in canvas pixels; a digit is ``DIGIT`` of them wide before it is distorted. Source: Jaderberg et al., "Spatial
Transformer Networks", 2015, section 4.1 and appendix A.4, whose canvas has 42 pixels and whose digits 28; distances are smaller here.
"""

import numpy as np

import spatial_op as so

CANVAS, DIGIT = 32, 20


def affine(angle, scale, shift):
    """Matrices (N, 3, 3) from the canvas to the undistorted one: a digit is turned, scaled, then shifted by pixels."""
    count = len(angle)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    move = np.tile(np.eye(3), (count, 1, 1))
    move[:, :2, 2] = -2 * shift / (CANVAS - 1)
    turn = np.zeros((count, 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cosine, -sine, sine, cosine, 1
    return turn @ move


def homography(corners):
    """Matrices (N, 3, 3) from the canvas to the undistorted one that bring (N, 4, 2) moved corners home."""
    home = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], float)
    rows = np.zeros((len(corners), 8, 8))
    x, y = corners[..., 0], corners[..., 1]
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    rows[:, ::2] = np.stack([x, y, ones, zeros, zeros, zeros, -home[:, 0] * x, -home[:, 0] * y], -1)
    rows[:, 1::2] = np.stack([zeros, zeros, zeros, x, y, ones, -home[:, 1] * x, -home[:, 1] * y], -1)
    solved = np.linalg.solve(rows, np.tile(home.reshape(8, 1), (len(corners), 1, 1)))[..., 0]
    return np.concatenate([solved, np.ones((len(corners), 1))], 1).reshape(-1, 3, 3)


def rotation(rng, count):
    """R: turned by up to 90 degrees."""
    return affine(rng.uniform(-np.pi / 2, np.pi / 2, count), np.ones(count), np.zeros((count, 2)))


def similarity(rng, count):
    """RTS: turned by up to 45 degrees, 0.7 to 1.2 times as large, somewhere else."""
    scale = rng.uniform(0.7, 1.2, count)
    room = (CANVAS - DIGIT * scale)[:, None] / 2
    return affine(
        rng.uniform(-np.pi / 4, np.pi / 4, count), scale, rng.uniform(-1, 1, (count, 2)) * np.maximum(room, 0)
    )


def projection(rng, count):
    """P: 0.75 to 1 times as large, the canvas' corners pulled by 4 pixels (standard deviation)."""
    corners = np.tile(np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]], float), (count, 1, 1))
    pulled = corners + np.clip(rng.normal(0, 4, (count, 4, 2)), -8, 8) * 2 / (CANVAS - 1)
    scale = rng.uniform(0.75, 1, count)
    return affine(np.zeros(count), scale, np.zeros((count, 2))) @ homography(pulled)


def matrix_warp(images, matrices):
    """Canvas images for matrices to the undistorted canvas, in whose middle the digit is."""
    loc = enlarged(matrices).reshape(-1, 9)
    return so.SpatialTransformer(images, loc[:, :8] / loc[:, 8:], (CANVAS, CANVAS), "projective", "bicubic")


def enlarged(matrices):
    """Matrices to the digit, from matrices to the undistorted canvas in whose middle it is."""
    return np.diag([CANVAS / DIGIT, CANVAS / DIGIT, 1]) @ matrices


def elastic_warp(rng, images):
    """E: a thin plate spline, whose 16 points are moved by 2 pixels (standard deviation)."""
    count = len(images)
    loc = so.identity_loc("tps", count, "float64") + rng.normal(0, 2, (count, 32)) * 2 / (CANVAS - 1)
    return so.SpatialTransformer(images, loc * CANVAS / DIGIT, (CANVAS, CANVAS), "tps", "bicubic")


DISTORTIONS = {
    "R": lambda rng, images: matrix_warp(images, rotation(rng, len(images))),
    "RTS": lambda rng, images: matrix_warp(images, similarity(rng, len(images))),
    "P": lambda rng, images: matrix_warp(images, projection(rng, len(images))),
    "E": elastic_warp,
}
