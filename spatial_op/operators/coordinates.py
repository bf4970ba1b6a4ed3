"""Where an operator samples: parameters of a transform, or a grid, as kernels are given them, and their gradients."""

import functools

import numpy as np

from ..dtypes import DTYPES
from .engine import kernels
from .memory import laid_out, made_once, plain

AXES = "xyz"

# Numbers of one tile's functions that each thread may keep, which the caches hold. Of more functions, none are.
KEEP = 2**18


@functools.lru_cache(maxsize=256)
def sizes_of(source, target, edge):
    """The images under a corner rule; ``source`` is None if what is wanted are normalised coordinates."""
    values = {}
    for place, axis in enumerate(AXES[: len(target)]):
        values[f"steps_{axis}"] = float(max(target[-1 - place] - 1 + edge, 1))
        n = None if source is None else source[-1 - place]
        values[f"span_{axis}"] = 2.0 if n is None else float(n - 1 + edge)
        values[f"middle_{axis}"] = 0.0 if n is None else (n - 1) * 0.5
    return values


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
        solved = transform is not None and transform.solve is not None
        self.dtype = "f8" if solved else DTYPES[given.dtype.newbyteorder("=")].str[1:]
        self.sizes = sizes_of(source, target, edge)

    @made_once
    def solved(self):
        """A grid as it is, parameters as they are or combined by the transform's ``solve``."""
        given = self.given
        if self.transform is None or self.transform.solve is None:
            return given
        rest = at_rest(self.transform, given.shape[1], given.dtype.newbyteorder("="))
        return self.transform.solve(given.astype("float64") - rest)

    @made_once
    def values(self):
        """What kernels are given."""
        numbers, (apart,) = laid_out(self.solved, np.dtype(self.dtype), 1)
        values = {**self.sizes, "numbers": numbers, "apart": apart, "count": self.solved.shape[1]}
        if self.transform is not None and self.transform.basis is not None:
            count = (self.solved.shape[1] - self.transform.plan_size) // 2
            kept = kernels("tiles").SIDE ** 2 * count
            values |= {"functions": count, "centres": centres_of(self.transform, count), "kept_size": kept if kept <= KEEP else 0}
        return values

    def room(self, threads):
        """Memory that a sum of functions needs, for so many threads."""
        if self.transform is None or self.transform.basis is None:
            return {}
        values = self.values
        lanes = 2 * kernels("trace").LANES * values["functions"]
        return {"kept": np.empty(threads * values["kept_size"]), "lanes": np.empty(threads * lanes)}

    def changes(self, tangent):
        """How what kernels are given changes when the input changes by ``tangent``."""
        if self.transform is None:
            return {"changes": plain(tangent, self.dtype)}
        change = tangent.astype("float64")
        return {"changes": plain(change if self.transform.solve is None else self.transform.solve(change), "f8")}

    def gradient(self, grad):
        """The gradient with respect to the input, from that with respect to what kernels are given."""
        return grad if self.transform.pull_solve is None else self.transform.pull_solve(grad)
