"""Warping arrays of any dtype: integers, booleans and complex numbers by way of floating point numbers that hold them exactly."""

import numpy as np
from dask import array as da

from ..dask import warp
from ..dtypes import DTYPES
from ..samplers import SAMPLERS


def kind_of(dtype):
    """Whether ``warped`` takes the dtype."""
    dtype = np.dtype(dtype).newbyteorder("=")
    return dtype in DTYPES or dtype.kind in "biu" or dtype in (np.complex64, np.complex128)


def picks(sampler_type):
    """Whether a sampler takes the value of one pixel, and mixes none."""
    return len(SAMPLERS[sampler_type].taps(0.5)) == 1


def mixes(dtype):
    """Whether ``warped_with_opacity`` can weigh numbers of the dtype."""
    return dtype.kind == "f" or (dtype.kind in "iu" and dtype.itemsize < 8)


def warped(image, matrix, **options):
    """The warped Dask array, (..., H, W), in its own dtype.

    Integers are rounded, halves to even, and kept in their range; where there is no source point they are 0. Those of 64
    bits are warped as two halves of 32 bits, which are exact in float64. Complex numbers are two real ones.
    """
    dtype = image.dtype.newbyteorder("=")
    if dtype in DTYPES:
        return warp(image, matrix, **options)
    if dtype.kind == "b":
        return warp(image.astype("float32"), matrix, **options) >= 0.5
    if dtype.kind == "c":
        parts = [warp(part, matrix, **options) for part in (image.real, image.imag)]
        return da.map_blocks(complex_of, *parts, dtype=dtype)
    if dtype.itemsize < 8:
        return da.map_blocks(whole, warp(image.astype(working(dtype)), matrix, **options), dtype, dtype=dtype)
    image = image.astype(dtype)
    parts = [warp(part.astype("float64"), matrix, **options) for part in (image >> 32, image & 0xFFFFFFFF)]
    return da.map_blocks(whole_of_halves, *parts, dtype, dtype=dtype)


def working(dtype):
    """The dtype to compute with: products of two bytes are exact in float32, those of wider integers in float64."""
    dtype = np.dtype(dtype)
    return np.dtype("float32" if dtype.itemsize == 1 or dtype in (np.float16, np.float32) else "float64")


def complex_of(real, imaginary):
    """Complex numbers of their parts, be these infinite or not."""
    out = np.empty(real.shape, np.result_type(real.dtype, np.complex64))
    out.real, out.imag = real, imaginary
    return out


def whole(values, dtype):
    """Integers of up to 32 bits."""
    if np.dtype(dtype).kind == "f":
        return values.astype(dtype)
    limits = np.iinfo(dtype)
    values = np.where(np.isnan(values), 0, np.rint(values)).astype("float64")
    return np.clip(values, limits.min, limits.max).astype(dtype)


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


def warped_with_opacity(image, matrix, **options):
    """``warped`` of (..., C, H, W) whose last channel is the opacity, so that transparent pixels lend no colour to others.

    Colours are warped as they are and multiplied by the opacity; the second, divided by the warped opacity, are meant. The
    difference is added to the first, which leaves them bit for bit where the map is one of whole pixels.
    """
    dtype = image.dtype.newbyteorder("=")
    if picks(options["sampler_type"]):
        return warped(image, matrix, **options)
    work = image.astype(working(dtype))
    colours, opacity = work[..., :-1, :, :], work[..., -1:, :, :]
    out = warp(da.concatenate([work, colours * opacity], axis=-3), matrix, **options)
    out = out.rechunk({out.ndim - 3: -1})
    channels = {out.ndim - 3: (image.shape[-3],)}
    return da.map_blocks(
        divided, out, dtype, dtype=dtype, chunks=tuple(channels.get(k, c) for k, c in enumerate(out.chunks))
    )


def divided(layers, dtype):
    """Colours and opacity, from colours, opacity and their products."""
    count = (layers.shape[-3] + 1) // 2
    straight, opacity, products = np.split(layers, (count - 1, count), axis=-3)
    with np.errstate(all="ignore"):
        change = (products - straight * opacity) / opacity
        colours = straight + np.where(opacity > 0, change, 0)
    return whole(np.concatenate([colours, opacity], axis=-3), dtype)
