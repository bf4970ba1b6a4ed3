"""How much an output shrinks its images: source pixels from one output pixel to the next, the length of a column of the Jacobian."""

import numpy as np

from ..transforms.row import Sizes
from .coordinates import AXES, centres_of, quietly, sizes_of, solved
from .engine import kernels

# Points along each axis where the Jacobian of a transform is looked at, the corners among them.
LATTICE = 17


def of_grid(grid, fixed):
    """The largest along x, y and, of volumes, z, for each grid of a batch that has its slopes: (N, axes)."""
    axes = grid.ndim - 2
    with quietly():
        half = np.array([fixed[f"span_{axis}"] * 0.5 for axis in AXES[:axes]])
        slopes = grid[:, axes:].reshape(len(grid), axes, axes, -1) * half[:, None]
        return largest(np.sqrt((slopes * slopes).sum(axis=2)))


def of_transform(transform, loc, source, target, edge):
    """The same for parameters of a transform, one row for each sample."""
    axes, numbers = len(target), solved(transform, loc).astype("float64")
    told = sizes_of(source, target, edge)
    span, middle, steps = (
        tuple(told[f"{name}_{axis}"] for axis in AXES[:axes]) for name in ("span", "middle", "steps")
    )
    sizes = Sizes(span, middle, steps, lambda shift, axis: shift * (span[axis] * 0.5))
    with quietly():
        places = lattice(target)
        one = (len(numbers), *(1,) * axes)
        values, count, dual = [number.reshape(one) for number in numbers.T], transform.folded, kernels("dual")
        plan, moved = transform.fold(values[:count], sizes), dual.marked(places)
        points = [transform.locate(plan, *moved)]
        if transform.term:
            own = (values[i : i + transform.term_size] for i in range(count, len(values), transform.term_size))
            points += [transform.term(plan, each, *moved) for each in own]
        slopes = np.zeros((len(numbers), axes, axes, *np.broadcast_shapes(*(place.shape for place in places))))
        for point in points:
            for number, x in enumerate(point):
                for axis, slope in dual.slopes_of(x).items():
                    slopes[:, axis, number] += slope
        if transform.basis:
            slopes += slopes_of_sum(transform, numbers[:, count:], loc.shape[1] // 2, sizes, places)
        return largest(np.sqrt((slopes * slopes).sum(axis=2)).reshape(len(numbers), axes, -1))


def of_matrix(matrix, target):
    """The same for a square matrix between pixels: (axes,)."""
    axes = len(target)
    places = [place + (size - 1) / 2 for place, size in zip(lattice(target), reversed(target))]
    x = np.stack([*np.broadcast_arrays(*places), np.ones(np.broadcast_shapes(*(place.shape for place in places)))])
    with quietly():
        found = np.tensordot(matrix, x, 1)
        points, z = found[:-1] / found[-1], found[-1]
        slopes = [
            (np.multiply.outer(matrix[:-1, axis], np.ones_like(z)) - points * matrix[-1, axis]) / z
            for axis in range(axes)
        ]
        return largest(np.stack([np.sqrt((slope * slope).sum(axis=0)).ravel() for slope in slopes]))


def lattice(target):
    """Places of some output pixels along x, y and, of volumes, z, from the middle of the output, to be broadcast."""
    sides = []
    for axis, size in enumerate(reversed(target)):
        place = np.linspace(-(size - 1) / 2, (size - 1) / 2, min(size, LATTICE))
        sides.append(place.reshape(-1, *(1,) * axis))
    return sides


def slopes_of_sum(transform, coefficients, functions, sizes, places):
    """Those of a sum of functions of the destination, (N, axes of it, 2, ...)."""
    dual, centres = kernels("dual"), centres_of(transform, functions).reshape(2, -1, 1, 1)
    moved = []
    for axis, place in enumerate(places):
        step = 2.0 / sizes.steps[axis]
        moved.append(dual.Dual(place * step - centres[axis], {axis: step}))
    value = transform.basis(*moved)
    weights = coefficients.reshape(len(coefficients), functions, 2) * (np.array(sizes.span) * 0.5)
    found = [
        np.einsum("nkc,khw->nchw", weights, np.broadcast_to(*both(dual.slopes_of(value)[axis], places, functions)))
        for axis in range(2)
    ]
    return np.stack(found, axis=1)


def both(slope, places, functions):
    """A slope, and the shape that it has for all functions and places."""
    return slope, (functions, *np.broadcast_shapes(*(place.shape for place in places)))


def largest(stretch):
    """Of each sample and axis; what is no number does not count."""
    return np.fmax.reduce(stretch, axis=-1, initial=0.0)
