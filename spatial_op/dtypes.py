"""The dtypes: one row each, how numbers are stored -> how they are computed with."""

import numpy as np

DTYPES = {
    np.dtype("float16"): np.dtype("float32"),
    np.dtype("float32"): np.dtype("float32"),
    np.dtype("float64"): np.dtype("float64"),
}
