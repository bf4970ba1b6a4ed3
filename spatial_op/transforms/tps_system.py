"""The linear system of a thin plate spline through points of the caller's, and its derivatives by these (Bookstein 1989, section I).

With phi(r) = r^2 log r, the K points x_k, their distances r_kl and P_k = (1, x_k, y_k),

    A = (phi(r_kl) + smoothing, on the diagonal,  P_kj;  P_kj transposed,  0),

which takes the weights w_k and a0, a1, a2 to the values at the points and three zeros. Distances along y count ``stretch``
times. Points are (M, K, 2): there is one system for each of M sets. A derivative is one of 0 at distance 0, where that of
phi is 0 and its second one infinite.
"""

import numpy as np


class System:
    """The systems of some sets of points; changes of these have the points' shape."""

    def __init__(self, points, smoothing, stretch):
        self.points, self.count = points, points.shape[1]
        self.metric = np.array([1.0, stretch * stretch])
        self.squared = (self.between(points) ** 2) @ self.metric
        self.known = self.squared > 0
        self.logarithm = np.log(np.where(self.known, self.squared, 1.0))
        affine = np.insert(points, 0, 1.0, axis=2)
        self.matrix = self.bordered(0.5 * self.squared * self.logarithm + smoothing * np.eye(self.count), affine)

    def between(self, points):
        """Differences (M, K, K, 2) of all points of a set."""
        return points[:, :, None] - points[:, None]

    def bordered(self, inner, affine):
        """The whole matrices of their parts."""
        matrix = np.zeros((len(inner), self.count + 3, self.count + 3))
        matrix[:, : self.count, : self.count] = inner
        matrix[:, : self.count, self.count :] = affine
        matrix[:, self.count :, : self.count] = affine.swapaxes(1, 2)
        return matrix

    def slopes(self):
        """The derivative of phi by the squared distance."""
        return np.where(self.known, 0.5 * (self.logarithm + 1.0), 0.0)

    def bends(self):
        """The second one."""
        return np.where(self.known, 0.5 / np.where(self.known, self.squared, 1.0), 0.0)

    def along(self, change):
        """How the squared distances change along a change of the points."""
        return 2 * (self.between(self.points) * self.between(change)) @ self.metric

    def tangent(self, change):
        """How the matrices change along a change of the points."""
        return self.bordered(self.slopes() * self.along(change), np.insert(change, 0, 0.0, axis=2))

    def second_tangent(self, change, other):
        """How that changes along another change."""
        both = 2 * (self.between(change) * self.between(other)) @ self.metric
        inner = self.bends() * self.along(change) * self.along(other) + self.slopes() * both
        return self.bordered(inner, np.zeros((*self.points.shape[:2], 3)))

    def pull(self, weights):
        """The gradient by the points of the sum of the matrices' entries times ``weights``."""
        return self.gathered(self.inner(weights) * self.slopes(), self.points) + self.outer(weights)

    def pull_tangent(self, weights, change):
        """How the gradient changes along a change of the points."""
        inner = self.inner(weights)
        bent = self.gathered(inner * self.bends() * self.along(change), self.points)
        return bent + self.gathered(inner * self.slopes(), change)

    def inner(self, weights):
        """Those of a pair of points in either order."""
        inner = weights[:, : self.count, : self.count]
        return inner + inner.swapaxes(1, 2)

    def outer(self, weights):
        """What the weights of the affine part mean for the points."""
        return weights[:, : self.count, self.count + 1 :] + weights[:, self.count + 1 :, : self.count].swapaxes(1, 2)

    def gathered(self, factors, points):
        """The gradient by points of half the sum of their squared distances times symmetric factors, times 2."""
        own = factors.sum(axis=2)[..., None] * points
        return 2 * self.metric * (own - factors @ points)
