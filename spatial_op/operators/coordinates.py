"""Where an operator samples: parameters of a transform, or a grid, as kernels are given them, and their gradients."""

import functools

import numpy as np

from ..dtypes import DTYPES
from ..transforms import TABLES
from .engine import kernels
from .memory import laid_out, plain

AXES = "xyz"


def quietly():
    """Infinite numbers and no numbers are values like others, also to a row's own functions."""
    return np.errstate(all="ignore")


# Numbers of one tile's functions that each thread may keep, which the caches hold. Of more functions, none are.
KEEP = 2**18


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


def number_of(transform, dtype):
    """The kind of the numbers that kernels are given for an input of this dtype."""
    return "f8" if transform is not None and transform.solve is not None else DTYPES[dtype.newbyteorder("=")].str[1:]


def fixed_of(transform, count, source, target, edge):
    """What kernels are given of coordinates that depends on sizes only; ``count`` is that of the parameters."""
    values = sizes_of(source, target, edge)
    if transform is not None:
        functions = 0 if transform.basis is None else count // 2
        values["count"] = count + (transform.plan_size if functions else 0)
        if transform.term:
            values["terms"] = transform.control_points(count)
        if functions:
            kept = kernels("tiles").SIDE ** 2 * functions
            kept = kept if kept <= KEEP else 0
            values |= {"functions": functions, "centres": centres_of(transform, functions), "kept_size": kept}
    return values


def solved(transform, given):
    """A grid as it is, parameters as they are or combined by the transform's ``solve``."""
    if transform is None or transform.solve is None:
        return given
    rest = at_rest(transform, given.shape[1], given.dtype.newbyteorder("="))
    with quietly():
        return of_size(transform, "solve", transform.solve(given.astype("float64") - rest), given.shape)


def of_size(transform, name, found, shape):
    """What a row's function of a batch answers, if it is as many numbers as kernels read, or pull back."""
    if name == "solve":
        shape = shape[0], shape[1] + (transform.plan_size if transform.basis else 0)
    if np.shape(found) == shape:
        return found
    row = next((name for table in TABLES.values() for name, row in table.items() if row is transform), None)
    raise TypeError(
        f"transform_type is {row!r}, whose {name} returns an array of shape {np.shape(found)}, expected {shape}; "
        "return one row of numbers for each sample."
    )


def values_of(transform, given, number):
    """What kernels are given of an operator's coordinates."""
    numbers, (apart,) = laid_out(solved(transform, given), np.dtype(number), 1)
    return {"numbers": numbers, "apart": apart if len(given) > 1 else 0}  # one is that of all samples


def room(fixed, threads):
    """Memory that a sum of functions needs, for so many threads."""
    sums = fixed["count"] if "terms" in fixed else 2 * fixed.get("functions", 0)
    if not sums:
        return {}
    lanes = np.empty(threads * kernels("trace").LANES * sums)
    return {"lanes": lanes, "kept": np.empty(threads * fixed.get("kept_size", 0))}


def changes(transform, number, *tangents):
    """How what kernels are given changes when the input changes by one or two ``tangents``."""
    found = [change_of(transform, number, tangent) for tangent in tangents]
    each = found[0].size // len(found[0]) if len(found[0]) > 1 else 0
    return {**dict(zip(("changes", "others"), found)), "changes_apart": each}


def change_of(transform, number, tangent):
    """The same of one."""
    if transform is None:
        return plain(tangent, np.dtype(number))
    with quietly():
        change = tangent.astype("float64")
        if transform.solve is not None:
            change = of_size(transform, "solve", transform.solve(change), change.shape)
        return plain(change, np.dtype("f8"))


def gradient(transform, grad):
    """The gradient with respect to the parameters, from that with respect to what kernels are given."""
    if transform.pull_solve is None:
        return grad
    with quietly():
        return transform.pull_solve(grad)
