"""Dask: lazy results in chunks of samples, each computed by one thread where Dask says.

Inputs may be NumPy's arrays too. Checks happen at once, the rest when Dask computes.
"""

import dask.array as da
import numpy as np

from ..kernels.jit import one_thread
from .calls import describe, given, no_out


def apply(op, inputs, out, name, params):
    """The operator on chunked arrays."""
    no_out(op, out, "Dask arrays")
    inputs = given(op, inputs)
    labels = op.operator.inputs
    for argument, value in zip(labels, inputs):
        if not isinstance(value, (da.Array, np.ndarray)):
            raise TypeError(
                f"{op.__name__}: {argument} is a {type(value).__module__}.{type(value).__qualname__}, expected a Dask or "
                "NumPy array like the other inputs; convert it with dask.array.asarray."
            )
        if np.isnan(value.shape).any():
            raise ValueError(
                f"{op.__name__}: {argument} has shape {value.shape}, expected known sizes; call {argument}.compute_chunk_sizes()."
            )
    shape, dtype = checked(op, labels, inputs, params)
    operands = []
    for argument, value in zip(labels, inputs):
        shared = argument in op.operator.shared
        whole = {axis: -1 for axis in range(value.ndim) if shared or axis}
        value = da.asarray(value).rechunk(whole)
        axes = tuple(f"{argument}{axis}" for axis in range(value.ndim))
        operands += [value, axes if shared else ("sample", *axes[1:])]
    places = ("sample", *(f"out{axis}" for axis in range(1, len(shape))))
    return da.blockwise(
        run, places, *operands, op=op, params=params, name=None, token=f"spatial-op-{op.__name__}",
        new_axes=dict(zip(places[1:], shape[1:])), concatenate=True, dtype=dtype, meta=np.empty((0,) * len(shape), dtype),
    )  # fmt: skip


def checked(op, labels, inputs, params):
    """Shape and dtype of the result, or what the operator raises; of many samples, two are checked."""
    shapes, dtypes = [value.shape for value in inputs], [value.dtype for value in inputs]
    apart = [label not in op.operator.shared for label in labels[: len(inputs)]]
    if not all(shapes) or len({shape[0] for shape, own in zip(shapes, apart) if own}) > 1:
        return describe(op, shapes, dtypes, params)
    batch = shapes[0][0]
    few = [(min(batch, 2), *shape[1:]) if own else shape for shape, own in zip(shapes, apart)]
    shape, dtype = describe(op, few, dtypes, params)
    return (batch, *shape[1:]), dtype


def run(*arrays, op, params):
    """One chunk."""
    with one_thread():
        return op.operator.prepare(*arrays, **params).forward()
