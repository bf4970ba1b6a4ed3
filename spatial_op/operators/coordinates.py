"""Where an operator samples: parameters of a transform, or a grid, as kernels are given them, and their gradients."""

import functools

import numpy as np

from ..dtypes import DTYPES
from ..transforms import TABLES
from ..transforms.row import Sizes
from .engine import kernels
from .memory import laid_out, made_once, plain

AXES = "xyz"


def quietly():
    """Infinite numbers and no numbers are values like others, also to a row's own functions."""
    return np.errstate(all="ignore")


# Numbers of one tile's functions that each thread may keep, which the caches hold. Of more functions, none are.
KEEP = 2**18


def sizes_of(source, target, edge):
    """The images under a corner rule; ``source`` is None if what is wanted are normalised coordinates, and sizes are x first."""
    steps = tuple(float(max(size - 1 + edge, 1)) for size in target)
    if source is None:
        return Sizes((2.0,) * len(target), (0.0,) * len(target), steps)
    return Sizes(tuple(float(n - 1 + edge) for n in source), tuple((n - 1) * 0.5 for n in source), steps)


@functools.lru_cache(maxsize=64)
def at_rest(transform, parameters, dtype):
    """The identity's parameters as an array of this dtype holds them, in float64."""
    return np.array(transform.identity(parameters // 2), dtype).astype("float64")


@functools.lru_cache(maxsize=16)
def centres_of(transform, count):
    """The centres of a transform's functions, x before y."""
    return np.concatenate(transform.centres(count)).astype("float64")


class Coordinates:
    """The second input of an operator that samples, or the only one of a grid generator's; sizes are (depth,) height and width."""

    def __init__(self, transform, given, source, target, edge):
        self.transform, self.given, self.target = transform, given, target
        self.dtype = "f8" if transform else DTYPES[given.dtype.newbyteorder("=")].str[1:]
        self.sizes = sizes_of(source and source[::-1], target[::-1], edge)

    @made_once
    def solved(self):
        """Parameters, combined by the transform's ``solve`` if it has one."""
        given = self.given
        if self.transform.solve is None:
            return given.astype(DTYPES[given.dtype.newbyteorder("=")], copy=False)
        rest = at_rest(self.transform, given.shape[1], given.dtype.newbyteorder("="))
        with quietly():
            return self.transform.solve(given.astype("float64") - rest)

    @made_once
    def values(self):
        """What kernels are given."""
        if self.transform is None:
            numbers, (apart,) = laid_out(self.given, self.dtype, 1)
            values = {"numbers": numbers, "apart": apart}
            for axis, span, middle in zip(AXES, self.sizes.span, self.sizes.middle):
                values |= {f"half_{axis}": span * 0.5, f"middle_{axis}": middle}
            return values
        with quietly():
            plans = self.held("fold", self.transform.fold(self.solved, self.sizes), self.transform.plan_size)
            if self.transform.basis is None:
                return {"plans": np.ascontiguousarray(plans), "plan_size": self.transform.plan_size}
            count = (self.solved.shape[1] - self.transform.plan_size) // 2
            plans = np.hstack([plans, self.in_pixels(self.solved[:, self.transform.plan_size :])])
        side = kernels("tiles").SIDE
        kept = side * side * count
        return {
            "plans": plans, "plan_size": plans.shape[1], "functions": count, "centres": centres_of(self.transform, count),
            "unit_x": 2.0 / self.sizes.steps[0], "unit_y": 2.0 / self.sizes.steps[1],
            "kept_size": kept if kept <= KEEP else 0,
        }  # fmt: skip

    @property
    def folded_size(self):
        """Numbers that ``fold`` is given of each sample, and looks at."""
        return self.transform.plan_size if self.transform.basis else self.solved.shape[1]

    def held(self, name, found, count, rows=None):
        """What a row's function answers, if it is so many numbers for each sample, or for each row: kernels read that many."""
        expected = (len(self.given) if rows is None else rows, count)
        if np.shape(found) == expected:
            return found
        row = next((name for table in TABLES.values() for name, row in table.items() if row is self.transform), None)
        raise TypeError(
            f"transform_type is {row!r}, whose {name} returns an array of shape {np.shape(found)}, expected {expected}; "
            "return one row of numbers for each sample."
        )

    def room(self, threads):
        """Memory that a sum of functions needs, for so many threads."""
        if self.transform is None or self.transform.basis is None:
            return {}
        values = self.values
        lanes = 2 * kernels("trace").LANES * values["functions"]
        return {"kept": np.empty(threads * values["kept_size"]), "lanes": np.empty(threads * lanes)}

    def in_pixels(self, coefficients):
        """Coefficients of x and y, side by side, in source pixels; the transpose is the same."""
        return coefficients * np.tile([span * 0.5 for span in self.sizes.span], coefficients.shape[1] // 2)

    def changes(self, tangent):
        """How what kernels are given changes when the input changes by ``tangent``."""
        if self.transform is None:
            return {"changes": plain(tangent, self.dtype)}
        size = self.transform.plan_size
        with quietly():
            change = tangent.astype("float64")
            if self.transform.solve is not None:
                change = self.transform.solve(change)
            slopes = self.held("unfold", self.transform.unfold(np.eye(size), self.sizes), self.folded_size, size)
            folded = np.where(slopes != 0, slopes * change[:, None, : slopes.shape[1]], 0.0).sum(axis=2)
            if self.transform.basis is not None:
                folded = np.hstack([folded, self.in_pixels(change[:, size:])])
            return {"changes": np.ascontiguousarray(folded)}

    def gradient(self, grad):
        """The gradient with respect to the parameters, from that with respect to the plans, one sample to a row."""
        size = self.transform.plan_size
        with quietly():
            pulled = self.held("unfold", self.transform.unfold(grad[:, :size], self.sizes), self.folded_size)
            if self.transform.basis is not None:
                pulled = np.hstack([pulled, self.in_pixels(grad[:, size:])])
            return pulled if self.transform.pull_solve is None else self.transform.pull_solve(pulled)
