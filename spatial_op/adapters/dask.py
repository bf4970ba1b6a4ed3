"""Dask: lazy results in chunks of samples, each computed by one thread where Dask says.

Inputs may be NumPy's arrays too. Checks happen at once, the rest when Dask computes.
"""

import dask.array as da
import numpy as np

from .. import check
from ..kernels.threads import one_thread
from ..words import Words
from .calls import describe, given, no_out, of_one_kind, plain

WORDS = Words(
    array="a Dask or NumPy array",
    convert="dask.array.asarray",
    vjp="compute it first with compute(), Dask's arrays have no gradients",
    jvp="compute it first with compute(), Dask's arrays have no tangents",
)


def apply(op, inputs, out, name, params):
    """The operator on chunked arrays."""
    no_out(op, out, "Dask arrays")
    inputs = given(op, inputs)
    of_one_kind(op, inputs, (da.Array, np.ndarray), WORDS)
    for argument, value in zip(op.operator.inputs, inputs):
        if np.isnan(value.shape).any():
            raise ValueError(
                f"{op.__name__}: {argument} has shape {value.shape}, expected known sizes; call {argument}.compute_chunk_sizes()."
            )
        check_chunks(op, argument, value)
    params = {key: plain(value.compute() if isinstance(value, da.Array) else value) for key, value in params.items()}
    shapes, dtypes = [value.shape for value in inputs], [value.dtype for value in inputs]
    shape, dtype = describe(op, shapes, dtypes, params, WORDS)
    operands = []
    for argument, value in zip(op.operator.inputs, inputs):
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


def check_chunks(op, argument, value):
    """Refuse chunks that are no NumPy arrays, or whose numbers mean something else."""
    chunk = getattr(value, "_meta", value)
    if isinstance(chunk, np.ma.MaskedArray) and chunk is not value:
        raise TypeError(
            f"{op.__name__}: {argument} has masked chunks, whose masks would be ignored, expected plain ones; "
            f"fill them with dask.array.ma.filled({argument}, 0)."
        )
    if not isinstance(chunk, np.ndarray):
        raise TypeError(
            f"{op.__name__}: {argument} has chunks of {check.kind(chunk)}, expected NumPy arrays; "
            f"convert them with {argument}.map_blocks(numpy.asarray)."
        )
    if type(chunk) is not np.ndarray:
        check.ordinary(op.__name__, argument, chunk)


def run(*arrays, op, params):
    """One chunk."""
    with one_thread():
        return op.operator.prepare(*arrays, **params).forward()
