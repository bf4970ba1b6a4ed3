"""``compile``: get kernels ready before they are needed, in an image of a container or before tests."""

import itertools

import click
import numpy as np

import spatial_op

from ..dtypes import PICTURES, precision
from ..kernels import disk, kernel, threads
from ..operators import arguments
from ..transforms import TABLES
from . import text
from .progress import listening, progress
from .usual import CHANNELS, FLOW, USUAL, WARP

# An image so large, and so few points of it, that no window pays: what is sampled pixel by pixel is compiled, too.
SIDE, FEW = {1: 64, 2: 64, 3: 16}, 2


def run(volumes, signals, gradients, **chosen):
    """Compile and print the table; the exit code."""
    reason = impossible()
    if reason:
        click.echo(f"Error: {reason}", err=True)
        return 1
    chosen = {name: chosen.get(name) or usual for name, usual in USUAL.items()}
    kinds = [2, *[3] * volumes, *[1] * signals]
    ready = {}  # operators share kernels
    with (
        listening(end=lambda record: ready.setdefault(record.kernel, record)),
        progress(calls(kinds, **chosen), "Compiling") as shown,
    ):
        threads.share()
        for operator, inputs, params in shown:
            if gradients and has_gradients(operator, inputs):
                out, pullback = spatial_op.vjp(operator, *inputs, **params)
                pullback(out)
            else:
                operator(*inputs, **params)
    rows = [("kernel", "seconds", "kept")]
    rows += [(record.kernel, f"{record.seconds:.2f}", whereabouts(record)) for record in ready.values()]
    text.show(rows)
    click.echo(f"\n{len(ready)} kernel{'s' * (len(ready) != 1)}; new ones are kept in {disk.folder()}")
    lost = sum(record.folder is None for record in ready.values())
    if lost:
        click.echo(f"Error: {lost} of them could not be written there; is the disk full?", err=True)
    return 1 if lost else 0


def impossible():
    """Why nothing can be compiled, or None."""
    if not kernel.COMPILED:
        return "NUMBA_DISABLE_JIT is set, so that nothing is compiled; unset it."
    if disk.folder() is None:
        tried = ", ".join(map(str, disk.places()))
        return f"no folder for compiled code can be written to, of {tried}; set NUMBA_CACHE_DIR to one that can."
    return None


def whereabouts(record):
    """Whether a kernel was compiled now, was there, or lies in another folder than new ones."""
    if record.folder is None:
        return "nowhere"
    if record.folder != str(disk.folder()):
        return record.folder
    return "now" if record.levelname == "INFO" else "before"


def calls(kinds, operator, transform, sampler, dtype, channels):
    """Tiny calls, operator, inputs and parameters, that need the kernels for images of so many axes; those that a kind has not are left out."""
    counts = sorted({count for name in channels for count in CHANNELS[name]})
    found = []
    for name, axes, number in itertools.product(operator, kinds, dtype):
        if name not in OF_FLOATS or np.dtype(number) not in PICTURES:
            found += MAKERS[name](getattr(spatial_op, name), axes, number, transform, sampler, counts)
    return found


def has_gradients(operator, inputs):
    """Whether there is a backward pass of a call: not of pictures, which are rounded."""
    return operator is not spatial_op.warp and inputs[0].dtype not in PICTURES


def images(axes, count, dtype):
    """One image, volume or signal."""
    return np.zeros((1, count, *[SIDE[axes]] * axes), dtype)


def at_rest(axes, transform, dtype):
    """Parameters that change nothing, of a transform that there is for so many axes."""
    return spatial_op.identity_loc(transform, 1, precision(np.dtype(dtype)), axes=axes)


def transformed(operator, axes, dtype, transforms, samplers, counts):
    """Calls of ``SpatialTransformer``."""
    for transform, sampler, count in itertools.product(transforms, samplers, counts):
        if transform in TABLES[axes]:
            params = {"target_shape": (FEW,) * axes, "transform_type": transform, "sampler_type": sampler}
            yield operator, (images(axes, count, dtype), at_rest(axes, transform, dtype)), params


def generated(operator, axes, dtype, transforms, samplers, counts):
    """Calls of ``GridGenerator``."""
    for transform in transforms:
        if transform == FLOW:
            yield operator, (np.zeros((1, axes, *[FEW] * axes), dtype),), {"transform_type": FLOW}
        elif transform in TABLES[axes]:
            params = {"target_shape": (FEW,) * axes, "transform_type": transform}
            yield operator, (at_rest(axes, transform, dtype),), params


def sampled(operator, axes, dtype, transforms, samplers, counts):
    """Calls of ``GridSampler``, at grids of the images' dtype, or of float32."""
    line = np.linspace(-1, 1, FEW, dtype=precision(np.dtype(dtype)))
    grid = np.stack(np.meshgrid(*[line] * axes))[None]
    for sampler, count in itertools.product(samplers, counts):
        yield operator, (images(axes, count, dtype), grid), {"sampler_type": sampler}


def bilinear(operator, axes, dtype, transforms, samplers, counts):
    """Calls of ``BilinearSampler``."""
    for _, inputs, _ in sampled(operator, axes, dtype, transforms, ("bilinear",), counts):
        yield operator, inputs, {}


def convolved(operator, axes, dtype, transforms, samplers, counts):
    """Calls of a deformable convolution with as many filters as channels."""
    for count, border in itertools.product(counts, ("mxnet", "zeros")):
        kernel, places = (3,) * axes, (4,) * axes
        inputs = {
            "data": (1, count, *places),
            "offset": (1, axes * 3**axes, *places),
            "mask": (1, 3**axes, *places),
            "weight": (count, count, *kernel),
            "bias": (count,),
        }
        params = {"kernel": kernel, "pad": (1,) * axes, "num_filter": count, "border": border}
        yield operator, tuple(np.zeros(inputs[name], dtype) for name in operator.operator.inputs), params


def warped(operator, axes, dtype, transforms, samplers, counts):
    """Calls of ``warp``, by a matrix that is affine or projective and, for "warp", by displacements."""
    if axes not in arguments.PICTURES:
        return
    far = np.diag([*[(SIDE[axes] - 1.0) / (FEW - 1)] * axes, 1.0])
    turned = far.copy()
    turned[-1, 0] = 0.5
    ways = {
        "affine": {"matrix": far, "target_shape": (FEW,) * axes},
        "projective": {"matrix": turned, "target_shape": (FEW,) * axes},
        FLOW: {"displacement": np.stack(np.meshgrid(*[np.arange(FEW) * (SIDE[axes] - 2.0)] * axes))},
    }
    for transform, sampler, count in itertools.product(transforms, samplers, counts):
        if transform in ways:
            shape = [SIDE[axes]] * axes + [count] * (count > 1)
            yield operator, (np.zeros(shape, dtype),), {**ways[transform], "sampler_type": sampler}


# What samples no image, or multiplies it, has no pictures of integers.
OF_FLOATS = ("GridGenerator", "DeformableConvolution", "ModulatedDeformableConvolution")

MAKERS = {
    "SpatialTransformer": transformed,
    "GridGenerator": generated,
    "GridSampler": sampled,
    "BilinearSampler": bilinear,
    "DeformableConvolution": convolved,
    "ModulatedDeformableConvolution": convolved,
    WARP: warped,
}
