"""A transform's grid in ONNX's nodes, (N, ..., 2 or 3), for parameters (N, P) and a target whose sizes may be values of the graph."""

import numpy as np

from ..operators.grid_generator import GridGenerator


def transform_grid(graph, name, count, dtype, params, label):
    """The grid of a transform with ``count`` parameters of this dtype."""
    kind, target, align_corners = params["transform_type"], tuple(params["target_shape"]), params["align_corners"]
    if kind == "projective":
        return projective_grid(graph, name, dtype, target, align_corners, label)
    if kind != "affine":
        rows = affine_rows(kind, count, len(target))
        if rows is None:
            return linear_grid(graph, name, count, dtype, kind, target, align_corners, label)
        name = combined(graph, name, *rows, dtype, "rows")
    theta = graph.add("Reshape", [name, graph.integers("matrix_shape", (-1, len(target), len(target) + 1))], "theta")
    return graph.add("AffineGrid", [theta, grid_size(graph, name, target)], label, align_corners=int(align_corners))


def grid_size(graph, name, target):
    """What AffineGrid wants to know: the batch of the parameters, any number of channels, the target."""
    batch = graph.add("Shape", [name], "batch", start=0, end=1)
    return graph.add("Concat", [batch, graph.integers("target", (1, *target))], "size", axis=0)


def projective_grid(graph, name, dtype, target, align_corners, label):
    """Homogeneous points, divided: the denominators are an affine grid too."""
    one, axes = graph.constant("one", np.ones((), dtype)), len(target)
    whole = graph.add("Pad", [name, graph.integers("pads", (0, 0, 0, 1)), one], "whole")
    matrix = graph.add("Reshape", [whole, graph.integers("matrix_shape", (-1, axes + 1, axes + 1))], "matrix")
    size = grid_size(graph, name, target)
    parts = []
    for part, rows in (("numerators", range(axes)), ("denominators", [axes] * axes)):
        theta = graph.add("Gather", [matrix, graph.integers(f"{part}_rows", rows)], f"{part}_theta", axis=1)
        parts.append(graph.add("AffineGrid", [theta, size], part, align_corners=int(align_corners)))
    return graph.add("Div", parts, label)


def linear_grid(graph, name, count, dtype, kind, target, align_corners, label):
    """A grid that is a matrix times the parameters plus a constant, as those of splines are."""
    if not all(isinstance(size, int) for size in target):
        raise ValueError(
            f"export: target_shape changes with the image and transform_type is {kind!r}, whose nodes hold a table for each pixel of the "
            "target, expected numbers; pass target_shape=(height, width) as integers."
        )
    rows = linear(count, lambda trials: GridGenerator(trials, kind, target, align_corners=align_corners))
    if rows is None:
        raise ValueError(
            f"export: transform_type is {kind!r}, whose grid is not linear in its parameters, expected one that ONNX "
            "can express; export a GridSampler and compute the grid elsewhere."
        )
    flat = combined(graph, name, *rows, dtype, "flat")
    planes = graph.add("Reshape", [flat, graph.integers("shape", (-1, len(target), *target))], "planes")
    return graph.add("Transpose", [planes], label, perm=[0, *range(2, len(target) + 2), 1])


def affine_rows(kind, count, axes):
    """How the numbers of an affine transform follow from the parameters of another; None if they do not."""

    def rows(trials):
        """From where the first corner is mapped, and the middle, and from how the others differ from it."""
        grid = GridGenerator(trials, kind, (2,) * axes)
        first = grid[(..., *[0] * axes)]
        steps = [(grid[(..., *(int(axis == x) for axis in reversed(range(axes))))] - first) / 2 for x in range(axes)]
        return np.stack([*steps, first + sum(steps)], axis=-1).reshape(len(trials), -1)

    found, sizes = linear(count, rows), (3, 4, 5)[-axes:]
    if found is None:
        return None
    grids = GridGenerator(np.eye(count), kind, sizes), GridGenerator(sum(found), "affine", sizes)
    return found if np.allclose(*grids, atol=1e-9) else None


def linear(count, function):
    """Constant and matrix of a function of parameters; None if it is not linear in them."""
    trials = np.vstack([np.zeros(count), np.eye(count), np.linspace(-0.7, 1.3, count)])
    still, *moved, proof = function(trials).reshape(count + 2, -1)
    basis = np.array(moved) - still
    return (still[None], basis) if np.allclose(still + trials[-1] @ basis, proof, atol=1e-9) else None


def combined(graph, name, still, basis, dtype, label):
    """A matrix times the parameters plus a constant."""
    product = graph.add("MatMul", [name, graph.constant(f"{label}_basis", basis.astype(dtype))], f"{label}_product")
    return graph.add("Add", [product, graph.constant(f"{label}_still", still.astype(dtype))], label)
