"""``fill_value``: the number that lies where an image has no pixel, one for all channels or one for each."""

import math
import warnings

import numpy as np

from .. import check
from ..dtypes import PARTS


def checked(op, value, padding_mode, channels, dtype):
    """The fill of images of this dtype as a tuple of one number or one for each channel; None if it is zero."""
    expected = f"a number, or one for each of {channels} channels"
    numbers = entries(value)
    if numbers is None or numbers.dtype.kind not in ("iufc" if np.dtype(dtype).kind == "c" else "iuf"):
        raise TypeError(
            f"{op}: fill_value is {check.shown(value)}, expected {expected}; pass for example fill_value=0.5."
        )
    if numbers.ndim > 1 or (numbers.ndim == 1 and numbers.size not in (1, channels)):
        raise ValueError(
            f"{op}: fill_value has shape {numbers.shape}, expected {expected}; pass for example fill_value=0.5."
        )
    numbers = numbers.reshape(-1)
    if not numbers.any():
        return None
    if padding_mode != "zeros":
        raise ValueError(
            f"{op}: fill_value is {check.shown(value)} and padding_mode is {padding_mode!r}, expected 'zeros' with it, since other rules "
            "leave nothing to fill; pass padding_mode='zeros', or leave fill_value out."
        )
    for number in numbers:
        if not held(number, np.dtype(dtype)):
            raise ValueError(
                f"{op}: fill_value is {check.shown(value)} and the images have dtype {dtype}, expected a number that it holds; pass another "
                "one, or convert the images."
            )
    return tuple(numbers.tolist())


def entries(value):
    """A number or numbers as an array; None of what has none, or whose gradient would be lost."""
    if any(getattr(one, "requires_grad", False) for one in (value, *check.entries(value))):
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # which old versions of NumPy give lists of several lengths
        try:
            return np.asarray(value)
        except (TypeError, ValueError, UserWarning):
            return None


def held(number, dtype):
    """Whether a number lies in the range of a dtype; integers have no infinite ones."""
    if dtype.kind == "b":
        return 0 <= number <= 1
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.min <= number <= limits.max
    size = abs(number)
    return not math.isfinite(size) or size <= np.finfo(dtype).max


def in_parts(fill, channels, dtype):
    """The fill of numbers in two parts, as one of the parts of each channel."""
    if fill is None:
        return None
    numbers = np.empty(channels, dtype)
    numbers[:] = fill if dtype.kind == "c" else tuple(map(round, fill))
    return tuple(numbers.view(PARTS[dtype]).tolist())


def laid_out(fill, channels, group, dtype, lanes):
    """The fill of the channels as kernels read it: a vector from the first channel of a group on has that group's, over and over."""
    numbers = np.zeros(-(-channels // group) * group, dtype)
    if fill is not None:
        numbers[:channels] = fill
    return np.resize(numbers, max(len(numbers), lanes))
