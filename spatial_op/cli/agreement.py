"""Whether another library computed the same: asked before anything is timed."""

import numpy as np

from .check import difference, names


def disagreement(problem, mine, job):
    """What differs by more than rounding in float32 explains, how much, and how much it may; or None."""
    name = "forward_backward" if job.forward_backward else "forward"
    results = [getattr(each, name)() for each in (mine, job)]
    if name == "forward":
        results = [(result,) for result in results]
    for what, (measure, bound), ours, theirs in zip(names(problem), bounds(problem), *results):
        found = measure(mine.to_numpy(ours), job.to_numpy(theirs))
        if not found <= bound:
            return {"what": what, "difference": float(found), "allowed": bound}
    return None


def bounds(problem):
    """How the result, and the gradient of each input, is compared, and how much it may differ.

    A coordinate is rounded by a fraction of the image's size. Images are smooth, and so are the weights of their pixels.
    Gradients with respect to parameters sum over all pixels, with both signs. The gradient with respect to a grid jumps
    where a coordinate crosses a pixel, or the image's edge: of two libraries that round differently, one sees the left
    slope and the other the right one. This befalls single points, so that the mean tells more than the largest.
    """
    largest = max(*problem.inputs[0].shape[2:], *problem.out_grad.shape[2:])
    rounding = difference, max(2e-6 * largest, 1e-4)
    yield rounding
    for number, given in enumerate(problem.inputs):
        if given.ndim == 2:
            yield difference, 1e-2
        elif number == 1:
            yield mean_difference, 1e-3
        else:
            yield rounding


def mean_difference(result, expected):
    """Mean difference relative to the mean entry."""
    return np.abs(np.subtract(result, expected, dtype=np.float64)).mean() / np.abs(expected).mean(dtype=np.float64)
