"""``out_dtype``: results of integer images as the numbers that are computed, which are not rounded and have gradients everywhere."""

import numpy as np

from .. import check
from ..dtypes import PICTURES
from ..words import words


def named(out_dtype):
    """The name of a dtype of any framework, which text can hold; what is no dtype stays what it is."""
    name = str(out_dtype)
    given = name.removeprefix("torch.") if name.startswith("torch.") else out_dtype
    try:
        return np.dtype(given).name
    except TypeError:
        return given


def asked(params, out_dtype):
    """Parameters, and the name of the dtype if one is asked for."""
    return params if out_dtype is None else {**params, "out_dtype": named(out_dtype)}


def checked(op, out_dtype, dtype, argument="data"):
    """The dtype of results of images of a dtype if it is another one; None if it is that."""
    if out_dtype is None:
        return None
    floats, own = words().dtype.format("float32"), np.dtype(dtype).newbyteorder("=")
    try:
        found = np.dtype(named(out_dtype))
    except TypeError:
        raise TypeError(
            f"{op}: out_dtype is {check.shown(out_dtype)}, which is no dtype, expected None or, of integers of one or two bytes, {floats}; "
            "leave it out, or pass that."
        ) from None
    if found == own:
        return None
    if own in PICTURES and found == PICTURES[own]:
        return found
    expected, cure = "None, since only integers of one or two bytes are rounded", "leave it out"
    if own in PICTURES:
        expected, cure = f"None or {floats}, in which it is computed", f"pass out_dtype={floats}"
    raise TypeError(
        f"{op}: out_dtype is {found.name!r} and {argument} has dtype {own}, expected {expected}; {cure}, and convert the result with "
        f"{words().cast_to('out', found.name)}."
    )
