"""The solve for the parameters of a thin plate spline around the caller's points, and its derivatives of both orders.

With A the system of the control points and b by how much they move, the coefficients are X = A^-1 b. So dX = A^-1 (db - dA X),
and with L = A^-1 G, G being the gradient of X, that of b is L and that of A is -L X^T. A is symmetric.
"""

import numpy as np

from .. import check
from ..transforms.tps_points import EACH, HEAD
from ..transforms.tps_system import System
from .coordinates import quietly
from .memory import clear, made_once
from .tps_degenerate import solvable


class TpsCall:
    """One call; the arrays have been checked. ``frame`` has what makes points normalised: scales and origins of source and target."""

    def __init__(self, name, source, target, smoothing, stretch, frame):
        self.name, self.source, self.target, self.frame = name, source, target, frame
        self.smoothing, self.count, self.dtype = smoothing, source.shape[1], source.dtype.newbyteorder("=")
        self.shape, self.stretch = (len(source), HEAD + EACH * self.count), float(self.dtype.type(stretch))
        self.sets, self.each = len(target), len(source) // max(len(target), 1)

    @made_once
    def points(self):
        """The control points, normalised: (sets, K, 2)."""
        scale, origin = self.frame[1]
        with quietly():
            found = (self.target.astype("float64") - origin) * scale
            return found.astype(self.dtype).astype("float64")  # as the result holds them, so that weights fit them

    @made_once
    def system(self):
        """The linear system of each set, if it has one solution."""
        with quietly():
            system = System(self.points, self.smoothing, self.stretch)
            solvable(self.name, system, self.smoothing)
        return system

    @made_once
    def inverse(self):
        """Those of the systems; of points that are no numbers there is none, and it is no number either."""
        matrix = self.system.matrix
        found = np.full(matrix.shape, np.nan)
        finite = np.isfinite(matrix).all(axis=(1, 2))
        found[finite] = np.linalg.inv(matrix[finite])
        return found

    def solved(self, rows):
        """Each row (sets, each, 2, K + 3) times the inverse, by itself, so that others do not matter; then once more what is left over."""
        with quietly():
            found = by_itself(rows, self.inverse)
            return found + by_itself(rows - by_itself(found, self.system.matrix), self.inverse)

    def grouped(self, values, scale):
        """Points (N, K, 2) of sources, or changes of them, as (sets, each, K, 2), normalised."""
        return values.astype("float64").reshape(self.sets, self.each, self.count, 2) * scale

    def padded(self, moved):
        """Values at the points as right hand sides: x and y apart, and three zeros."""
        return np.pad(moved.swapaxes(2, 3), ((0, 0), (0, 0), (0, 0), (0, 3)))

    def packed(self, found, points, stretch):
        """Coefficients and control points as parameters."""
        row = np.empty((self.sets, self.each, self.shape[1]))
        row[..., : HEAD - 1] = found[..., self.count :].reshape(self.sets, self.each, HEAD - 1)
        row[..., HEAD - 1] = stretch
        each = row[..., HEAD:].reshape(self.sets, self.each, self.count, EACH)
        weights = found[..., : self.count].swapaxes(2, 3)
        with quietly():
            each[..., :2] = weights.astype(self.dtype)
            each[..., 2:4] = weights - each[..., :2]
        each[..., 4:] = points[:, None]
        return self.converted(row.reshape(self.shape))

    def converted(self, values):
        """In the dtype of the result."""
        with np.errstate(over="ignore"):
            return values.astype(self.dtype, copy=False)

    @made_once
    def coefficients(self):
        """X: (sets, each, 2, K + 3)."""
        scale, origin = self.frame[0]
        with quietly():
            moved = self.grouped(self.source.astype("float64") - origin, scale) - self.points[:, None]
        return self.solved(self.padded(moved))

    def forward(self, out=None):
        """The parameters, in ``out`` if it is given."""
        if out is not None:
            labels = {"source": self.source, "target": self.target}
            check.output(self.name, "out", out, self.shape, self.dtype, labels)
        found = self.packed(self.coefficients, self.points, self.stretch)
        if out is None:
            return found
        out[...] = found
        return out

    def changes(self, tangents):
        """How the control points, the systems and X change."""
        source, target = tangents
        (scale, _), (target_scale, _) = self.frame
        points, moved, systems = np.zeros_like(self.points), np.zeros((self.sets, self.each, self.count, 2)), 0.0
        with quietly():
            if source is not None:
                moved = self.grouped(source, scale)
            right = self.padded(moved)
            if target is not None:
                points = target.astype("float64") * target_scale
                systems = self.system.tangent(points)[:, None]
                right = self.padded(moved - points[:, None]) - self.coefficients @ systems
        return points, systems, self.solved(right)

    def tangent(self, tangents):
        """How the parameters change."""
        points, _, found = self.changes(tangents)
        return self.packed(found, points, 0.0)

    def second_tangent(self, tangents, others):
        """How that changes along ``others``."""
        points, systems, found = self.changes(tangents)
        more, other_systems, other_found = self.changes(others)
        with quietly():
            both = self.coefficients @ self.system.second_tangent(points, more)[:, None]
            right = both + times(found, other_systems) + times(other_found, systems)
        return self.packed(self.solved(-right), np.zeros_like(points), 0.0)

    def adjoint(self, out_grad):
        """L, and the gradient of the control points as parameters."""
        grad = out_grad.astype("float64").reshape(self.sets, self.each, self.shape[1])
        each = grad[..., HEAD:].reshape(self.sets, self.each, self.count, EACH)
        affine = grad[..., : HEAD - 1].reshape(self.sets, self.each, 2, 3)
        return self.solved(np.concatenate([each[..., :2].swapaxes(2, 3), affine], axis=3)), each[..., 4:]

    def backward(self, out_grad, grads, add):
        """Write, or add, the gradients that are not None."""
        if 0 in self.shape:
            return clear(grads, add)
        adjoint, places = self.adjoint(out_grad)
        with quietly():
            self.deliver(adjoint, places, lambda: self.system.pull(-self.outer(adjoint, self.coefficients)), grads, add)

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how they change along ``tangents``."""
        if 0 in self.shape:
            return clear(grads, add)
        (adjoint, _), (points, systems, found) = self.adjoint(out_grad), self.changes(tangents)
        with quietly():
            change = self.solved(-times(adjoint, systems))

            def of_system():
                weights = self.outer(change, self.coefficients) + self.outer(adjoint, found)
                bent = self.system.pull_tangent(self.outer(adjoint, self.coefficients), points)
                return -(self.system.pull(weights) + bent)

            self.deliver(change, np.zeros(1), of_system, grads, add)

    def outer(self, left, right):
        """Sums of products of two rows' entries, over the rows of each set."""
        size = self.count + 3
        return left.reshape(self.sets, -1, size).swapaxes(1, 2) @ right.reshape(self.sets, -1, size)

    def deliver(self, adjoint, places, of_system, grads, add):
        """Write, or add, gradients: those of values to sources, and, to control points, less them, with those of places and systems."""
        moved = adjoint[..., : self.count].swapaxes(2, 3)
        (scale, _), (target_scale, _) = self.frame
        found = (
            lambda: (moved * scale).reshape(self.source.shape),
            lambda: ((places - moved).sum(axis=1) + of_system()) * target_scale,
        )
        for grad, compute, more in zip(grads, found, add):
            if grad is not None:
                grad[...] = compute() + grad if more else compute()


def by_itself(rows, matrix):
    """Each row times its set's matrix."""
    return (np.ascontiguousarray(rows)[..., None, :] @ matrix[:, None, None])[..., 0, :]


def times(rows, systems):
    """Rows times changes of the systems, which are 0 where none changes."""
    return rows @ systems if isinstance(systems, np.ndarray) else np.zeros_like(rows)
