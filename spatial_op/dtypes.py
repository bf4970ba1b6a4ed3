"""The dtypes: one row each, how numbers are stored -> how they are computed with."""

import numpy as np

DTYPES = {
    np.dtype("float16"): np.dtype("float32"),
    np.dtype("float32"): np.dtype("float32"),
    np.dtype("float64"): np.dtype("float64"),
}

# Integers that images may hold: those of pictures, and those that are labels, of which samplers pick one.
PICTURES = {np.dtype(name): np.dtype("float32") for name in ("uint8", "int8", "uint16", "int16")}
LABELS = {
    np.dtype("bool"): np.dtype("float32"),
    **dict.fromkeys(map(np.dtype, ("int32", "uint32")), np.dtype("float64")),
}

# Numbers that are sampled in two parts, as channels: real and imaginary part, or 32 bits each.
PARTS = {
    np.dtype("complex64"): np.dtype("float32"),
    np.dtype("complex128"): np.dtype("float64"),
    np.dtype("int64"): np.dtype("uint32"),
    np.dtype("uint64"): np.dtype("uint32"),
}

# What images may hold -> what they are computed with.
IMAGES = {**DTYPES, **PICTURES, **LABELS, **{whole: {**DTYPES, **LABELS}[part] for whole, part in PARTS.items()}}


def are_labels(dtype):
    """Whether numbers of a native dtype are labels, which have nothing in between."""
    return dtype in LABELS or (dtype.kind in "iu" and dtype in PARTS)


def smooth(dtype):
    """The dtype of gradients and tangents of arrays of this one: its own, unless it is one of integers."""
    return dtype if dtype.kind in "fc" else IMAGES[dtype]


def precision(dtype):
    """The narrowest dtype of coordinates of such images."""
    return PARTS.get(dtype, dtype) if dtype.kind in "fc" else np.dtype("float32")
