"""Pictures of any dtype: by floating point numbers that hold integers, booleans and complex ones exactly, where kernels do not take them."""

import numpy as np

from .. import check
from ..dtypes import DTYPES, IMAGES, PARTS
from .arguments import picks


def kind_of(dtype):
    """Whether pictures can be of the dtype."""
    return np.dtype(dtype).newbyteorder("=") in IMAGES


def check_kind(op, argument, dtype):
    """Refuse other dtypes."""
    if not kind_of(dtype):
        check.unknown(op, argument, np.dtype(dtype), IMAGES)


def working(dtype):
    """The dtype of floats to compute with: products of two bytes are exact in float32, those of wider integers in float64."""
    dtype = np.dtype(dtype)
    return np.dtype("float32" if dtype.itemsize == 1 or dtype in (np.float16, np.float32) else "float64")


def of_any(sample, data, sampler, fill=None, mixing=False):
    """What ``sample``, a function of arrays and a fill, makes of an array of any dtype with a row of the samplers, in this dtype.

    Kernels sample arrays as they are, but for mixtures of labels that they do not know; ``mixing`` says that samples are averaged.
    """
    dtype = data.dtype.newbyteorder("=")
    labels = dtype.kind == "b" or (dtype.kind in "iu" and dtype in PARTS)
    return by_floats(sample, data, fill) if labels and (mixing or not picks(sampler)) else sample(data, fill)


def by_floats(sample, data, fill=None):
    """What ``sample``, a function of floating point arrays and a fill, makes of an array of any dtype, in this dtype.

    Integers are rounded, halves to even, and kept in their range; where there is no source point they are 0. Those of 64
    bits are sampled in two halves of 32 bits, which are exact in float64. Complex numbers are two real ones. Axes stay in
    memory in the order in which they are.
    """
    dtype = data.dtype.newbyteorder("=")
    if dtype in DTYPES:
        return sample(data, fill)
    if dtype.kind == "b":
        return sample(data.astype("float32"), fill) >= 0.5
    if dtype.kind == "c":
        parts = (data.real, each(fill, lambda number: number.real)), (data.imag, each(fill, lambda number: number.imag))
        return complex_of(*(sample(part.copy(order="K"), of_part) for part, of_part in parts))
    if dtype.itemsize < 8:
        return whole(sample(data.astype(working(dtype)), fill), dtype)
    data = data.astype(dtype)
    halves = (
        (data >> 32, each(fill, lambda number: number // 2**32)),
        (data & 0xFFFFFFFF, each(fill, lambda number: number % 2**32)),
    )
    return whole_of_halves(*(sample(part.astype("float64"), of_part) for part, of_part in halves), dtype)


def each(fill, part):
    """A part of every number of a fill, if there is one."""
    return fill and tuple(map(part, fill))


def complex_of(real, imaginary):
    """Complex numbers of their parts, be these infinite or not."""
    out = np.empty_like(real, np.result_type(real.dtype, np.complex64))
    out.real, out.imag = real, imaginary
    return out


def whole(values, dtype):
    """Integers of up to 32 bits, of floats that hold their limits, which are written over."""
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    nowhere = np.isnan(values)
    if nowhere.any():
        values[nowhere] = 0
    np.rint(values, out=values)
    return np.clip(values, limits.min, limits.max, out=values).astype(dtype)


def whole_of_halves(high, low, dtype):
    """Integers of 64 bits, 2^32 high + low."""
    nowhere = np.isnan(high) | np.isnan(low)
    high, low = np.where(nowhere, 0, high), np.where(nowhere, 0, low)
    upper = np.floor(high)
    lower = np.rint((high - upper) * 2.0**32 + low).astype("int64")
    upper = upper.astype("int64") + (lower >> 32)
    lower &= 0xFFFFFFFF
    limits = np.iinfo(dtype)
    out = (np.clip(upper, limits.min >> 32, limits.max >> 32).astype(dtype) << 32) | lower.astype(dtype)
    return np.where(upper < limits.min >> 32, limits.min, np.where(upper > limits.max >> 32, limits.max, out)).astype(
        dtype
    )
