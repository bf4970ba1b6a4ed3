"""One call of a function from matrices to matrices, and its derivatives of both orders.

Each matrix is mapped by itself. Derivatives are forward ones: a matrix is carried along with how it changes in one direction,
in another one, and in both. A matrix has 16 entries at most, so a gradient is found entry by entry from these.
"""

import math

import numpy as np

from .coordinates import quietly


def linear(function):
    """A step that is linear."""
    return lambda values: [function(value) for value in values]


def inverse(values):
    """A step to the inverse: the change of M^-1 is -M^-1 dM M^-1."""
    matrix, one, other, both = values
    back = np.linalg.inv(matrix)
    one, other_back = -back @ one @ back, -back @ other @ back
    return [back, one, other_back, -back @ both @ back - one @ other @ back - back @ other @ one]


def over_last(values):
    """A step to the matrix divided by its last entry."""
    (matrix, one, other, both), lasts = values, [value[..., -1:, -1:] for value in values]
    scaled = matrix / lasts[0]
    one, other = (one - scaled * lasts[1]) / lasts[0], (other - scaled * lasts[2]) / lasts[0]
    return [scaled, one, other, (both - one * lasts[2] - other * lasts[1] - scaled * lasts[3]) / lasts[0]]


class MatrixCall:
    """One call; shapes have been checked.

    ``given`` has the entries of each matrix in a row; the last ones may be left out, and are those of the identity then. ``mapped``
    makes one square matrix of another, and raises what is wrong with its numbers; ``steps`` are the same as formulas, for derivatives.
    """

    def __init__(self, given, size, shape, dtype, mapped, steps):
        self.given, self.size, self.shape, self.dtype = given, size, shape, dtype
        self.mapped, self.steps = mapped, steps
        self.kept = math.prod(shape[1:])

    def squares(self, values, rest):
        """Square matrices of these entries, the last ones from ``rest``."""
        rows = np.asarray(values, np.float64).reshape(self.given.shape)
        rest = np.broadcast_to(rest.ravel()[rows.shape[1] :], (len(rows), rest.size - rows.shape[1]))
        return np.concatenate([rows, rest], axis=1).reshape(-1, self.size, self.size)

    def rows(self, squares):
        """Those entries of each square matrix that the result has."""
        return squares.reshape(-1, self.size**2)[:, : self.kept]

    def packed(self, squares):
        """The same as the result has them."""
        with np.errstate(over="ignore"):
            return self.rows(squares).reshape(self.shape).astype(self.dtype)

    def forward(self, out=None):
        """The result, in ``out`` if it is given."""
        squares = self.squares(self.given, np.eye(self.size))
        found = self.packed(np.array([self.mapped(square) for square in squares]))
        if out is None:
            return found
        out[...] = found
        return out

    def changes(self, one, other):
        """How the matrices change along ``one``, and how that changes along ``other``."""
        nothing, square = np.zeros((self.size, self.size)), self.squares(self.given, np.eye(self.size))
        values = [square, self.squares(one, nothing), self.squares(other, nothing), np.zeros_like(square)]
        with quietly():
            for step in self.steps:
                values = step(values)
        return values[1], values[3]

    def tangent(self, tangents):
        """How the result changes."""
        return self.packed(self.changes(*tangents, np.zeros_like(self.given))[0])

    def second_tangent(self, tangents, others):
        """How that changes along ``others``."""
        return self.packed(self.changes(*tangents, *others)[1])

    def backward(self, out_grad, grads, add):
        """Write, or add, the gradient."""
        nothing = np.zeros_like(self.given)
        self.deliver(out_grad, grads, add, lambda entry: self.changes(entry, nothing)[0])

    def backward_tangent(self, out_grad, tangents, grads, add):
        """Write, or add, how it changes along ``tangents``."""
        self.deliver(out_grad, grads, add, lambda entry: self.changes(*tangents, entry)[1])

    def deliver(self, out_grad, grads, add, change):
        """Write, or add, ``out_grad`` times the change along each entry."""
        (grad,), (adds,) = grads, add
        if grad is None:
            return
        upper = np.asarray(out_grad, np.float64).reshape(len(self.given), self.kept)
        found = np.empty_like(self.given)
        for k in range(found.shape[1]):
            entry = np.zeros_like(found)
            entry[:, k] = 1
            found[:, k] = (upper * self.rows(change(entry))).sum(axis=1)
        found = found.reshape(grad.shape).astype(grad.dtype)
        grad[...] = grad + found if adds else found
