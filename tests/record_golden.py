"""Record what MXNet 1.9.1 answers: ``python tests/record_golden.py`` writes ``spatial_op/cli/golden.npz``.

The file maps "<case>/<array>" to an array. The arrays of a case are its inputs, under their names, out_grad, out and
the gradient of each input, under grad_<input>, unless MXNet has none. The entry "calls" says in JSON what was called:
for each case the operator, the names of its inputs in order, and its other parameters. The cases of float32 have smooth
data: on noise, rounding decides on which side of a kink a sample lies, and the gradients of ``loc`` in float32 then
tell nothing.
"""

import contextlib
import json
import math
import pathlib
import warnings
from typing import NamedTuple

import numpy as np

GOLDEN = pathlib.Path(__file__).parents[1] / "spatial_op" / "cli" / "golden.npz"

IDENTITY = (1, 0, 0, 0, 1, 0)
FLIPPED = (-1, 0, 0, 0, -1, 0)
ROTATED = (0.7648, -0.6442, 0.1037, 0.6442, 0.7648, -0.2171)
SHEARED = (1.0213, 0.4517, -0.0529, 0.3071, 0.9871, 0.1523)
ZOOMED_IN = (0.1301, 0.0217, 0.2113, -0.0119, 0.1709, -0.3217)
ZOOMED_OUT = (2.7103, 0.3119, 0.1087, -0.2143, 3.1019, 0.2081)
PARTLY_OUTSIDE = (1.1027, 0.2011, 0.7019, -0.1109, 0.9133, -0.6151)
FAR_OUTSIDE = (1.0307, 0.1013, 5.0171, 0.1117, 1.0519, -7.0143)
COLLAPSED = (0, 0, 0.3121, 0, 0, -0.4139)

# Samples at whole pixels and exactly at -1, 0, W - 1 and W, for images whose sizes less one are powers of two, so that
# the arithmetic is exact and every sample lies on its own side of the kink.
ON_PIXELS = (
    IDENTITY,
    FLIPPED,
    (1, 0, 0.25, 0, 1, -0.5),
    (1, 0, 2, 0, 1, 0),
    (1.25, 0, 0, 0, 1.5, 0),
    (0, 1, 0, 1, 0, 0),
)

# name -> (data's shape, target_shape, rows of loc; None is random). No two sizes of a case are equal.
SPATIAL_TRANSFORMER = {
    "identity": ((2, 3, 5, 7), (8, 12), (IDENTITY, IDENTITY)),
    "rotation": ((2, 3, 11, 7), (5, 13), (ROTATED, ROTATED[::-1])),
    "shear": ((2, 3, 7, 5), (4, 6), (SHEARED, SHEARED[::-1])),
    "flip": ((1, 2, 6, 8), (4, 5), (FLIPPED,)),
    "enlarging": ((2, 3, 4, 5), (16, 19), (ROTATED, SHEARED)),
    "shrinking": ((2, 3, 23, 19), (5, 7), (ROTATED, SHEARED)),
    "zoomed_in": ((2, 3, 7, 11), (5, 13), (ZOOMED_IN, ZOOMED_IN[::-1])),
    "zoomed_out": ((2, 3, 7, 11), (5, 13), (ZOOMED_OUT, ZOOMED_OUT[::-1])),
    "partly_outside": ((2, 3, 7, 11), (5, 13), (PARTLY_OUTSIDE, PARTLY_OUTSIDE[::-1])),
    "fully_outside": ((2, 3, 7, 11), (5, 13), (FAR_OUTSIDE, (1, 0, -3, 0, 1, 0))),
    "one_place": ((2, 3, 7, 11), (5, 13), (COLLAPSED, (0, 0, -0.8119, 0, 0, 0.5171))),
    "on_pixels": ((6, 2, 5, 9), (3, 17), ON_PIXELS),
    "one_sample": ((1, 3, 7, 11), (5, 13), None),
    "one_channel": ((2, 1, 7, 11), (5, 13), None),
    "one_row": ((2, 3, 1, 7), (4, 5), None),
    "one_column": ((2, 3, 7, 1), (4, 5), None),
    "random": ((4, 3, 5, 7), (6, 11), None),
    "large": ((1, 2, 37, 29), (31, 41), None),
}

# name -> (target_shape, rows of the affine parameters; None is random).
GRID_GENERATOR_AFFINE = {
    "grid_identity": ((8, 12), (IDENTITY, FLIPPED)),
    "grid_rotation": ((5, 13), (ROTATED, SHEARED)),
    "grid_zoomed": ((11, 7), (ZOOMED_IN, ZOOMED_OUT)),
    "grid_outside": ((4, 6), (FAR_OUTSIDE, PARTLY_OUTSIDE)),
    "grid_one_place": ((5, 3), (COLLAPSED,)),
    "grid_random": ((6, 11), None),
    "grid_large": ((23, 19), (SHEARED,)),
}

# name -> (the flow's shape, its standard deviation in pixels).
GRID_GENERATOR_WARP = {
    "flow_none": ((1, 2, 5, 9), 0),
    "flow_random": ((3, 2, 5, 7), 1.5),
    "flow_far": ((2, 2, 7, 4), 50),
    "flow_large": ((1, 2, 17, 23), 3),
}

# name -> (data's shape, the grid's, rows of the affine map that makes the grid; None scatters it).
BILINEAR_SAMPLER = {
    "sampler_on_pixels": ((6, 1, 5, 9), (3, 17), ON_PIXELS),
    "sampler_affine": ((2, 2, 7, 5), (3, 8), (ROTATED, SHEARED)),
    "sampler_outside": ((2, 2, 3, 7), (5, 4), (FAR_OUTSIDE, PARTLY_OUTSIDE)),
    "sampler_scattered": ((2, 3, 5, 7), (6, 4), None),
    "sampler_one_sample": ((1, 3, 7, 4), (5, 6), None),
    "sampler_one_channel": ((2, 1, 5, 7), (6, 4), None),
    "sampler_one_row": ((2, 3, 1, 7), (4, 5), None),
    "sampler_one_column": ((2, 3, 7, 1), (4, 5), None),
    "sampler_one_place": ((2, 3, 5, 7), (1, 1), None),
    "sampler_large": ((1, 1, 37, 29), (11, 17), None),
}

# name -> (data's shape, num_filter, other parameters; the kernel is 3x3 unless they have one).
DEFORMABLE_CONVOLUTION = {
    "deformable": ((2, 3, 5, 7), 4, {}),
    "deformable_padded": ((1, 3, 4, 5), 2, {"pad": (1, 2)}),
    "deformable_stride": ((1, 3, 11, 8), 2, {"stride": (2, 3), "pad": (1, 1)}),
    "deformable_dilated": ((1, 3, 8, 7), 2, {"dilate": (3, 2), "pad": (2, 1)}),
    "deformable_groups": ((1, 6, 4, 5), 2, {"pad": (1, 1), "num_group": 2}),
    "deformable_offset_groups": ((1, 6, 4, 5), 2, {"pad": (1, 1), "num_deformable_group": 2}),
    "deformable_both_groups": ((1, 12, 4, 5), 6, {"pad": (1, 0), "num_group": 3, "num_deformable_group": 2}),
    "deformable_everything": (
        (2, 8, 5, 9),
        4,
        {
            "kernel": (3, 2),
            "stride": (2, 3),
            "dilate": (1, 2),
            "pad": (2, 1),
            "num_group": 4,
            "num_deformable_group": 2,
        },
    ),
    "deformable_3x2": ((2, 3, 4, 5), 2, {"kernel": (3, 2), "pad": (1, 0)}),
    "deformable_1x1": ((2, 3, 4, 5), 2, {"kernel": (1, 1)}),
    "deformable_1x3": ((2, 3, 4, 5), 2, {"kernel": (1, 3), "pad": (0, 1)}),
    "deformable_no_bias": ((2, 3, 4, 5), 2, {"no_bias": True}),
    "deformable_one_of_each": ((1, 1, 4, 5), 1, {"pad": (1, 1)}),
    "deformable_one_row": ((2, 3, 1, 7), 4, {"pad": (1, 1)}),
    "deformable_many_channels": ((1, 35, 3, 2), 17, {"kernel": (2, 1)}),
}

# What MXNet 1.9.1 cannot differentiate on processors.
FORWARD_ONLY = ("ModulatedDeformableConvolution",)


class Call(NamedTuple):
    """An operator, its inputs by name, its other parameters and a gradient to pull back."""

    operator: str
    inputs: dict
    params: dict
    out_grad: np.ndarray


def main():
    """Record every case."""
    with mxnet_imports():
        import mxnet
    recorded = dict(calls())
    arrays = {"calls": json.dumps({case: described(call) for case, call in recorded.items()})}
    for case, call in recorded.items():
        found = {**call.inputs, "out_grad": call.out_grad, **dict(zip(results(call), answers(mxnet, call)))}
        arrays |= {f"{case}/{name}": array for name, array in found.items()}
    np.savez_compressed(GOLDEN, **arrays)


def described(call):
    """The part of a call that is no array."""
    return {"operator": call.operator, "inputs": list(call.inputs), "params": call.params}


def results(call):
    """What MXNet's answers to a call are called."""
    return "out", *(f"grad_{name}" for name in call.inputs if call.operator not in FORWARD_ONLY)


def calls():
    """Every case with its call; MXNet's grid generator has float32 only."""
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(20151)
        for name, (shape, target_shape, rows) in SPATIAL_TRANSFORMER.items():
            yield f"{name}-{dtype}", spatial_transformer(*inputs(rng, shape, target_shape, rows, dtype))
    rng = np.random.default_rng(20152)
    for name, (target_shape, rows) in GRID_GENERATOR_AFFINE.items():
        loc = parameters(rng, rows, 4).astype("float32")
        params = {"transform_type": "affine", "target_shape": target_shape}
        yield f"{name}-float32", grid_generator(rng, loc, (len(loc), 2, *target_shape), params)
    for name, (shape, spread) in GRID_GENERATOR_WARP.items():
        flow = np.float32(spread * rng.normal(size=shape))
        yield f"{name}-float32", grid_generator(rng, flow, shape, {"transform_type": "warp"})
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(20153)
        for name, case in BILINEAR_SAMPLER.items():
            yield f"{name}-{dtype}", bilinear_sampler(rng, *case, dtype)
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(20154)
        for name, case in DEFORMABLE_CONVOLUTION.items():
            yield f"{name}-{dtype}", deformable_convolution(rng, *case, dtype)
            yield f"modulated_{name}-{dtype}", deformable_convolution(rng, *case, dtype, modulated=True)


@contextlib.contextmanager
def mxnet_imports():
    """Let MXNet 1.9.1 be imported: it warns about old names and needs ``numpy.bool``, which NumPy 1.24 to 1.26 lack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        vars(np).setdefault("bool", bool)
        yield


def inputs(rng, shape, target_shape, rows, dtype):
    """Arrays data, loc and out_grad of a case."""
    loc = parameters(rng, rows, shape[0])
    data = smooth(rng, shape) if dtype == "float32" else rng.normal(size=shape)
    out_grad = rng.normal(size=shape[:2] + target_shape)
    return data.astype(dtype), loc.astype(dtype), out_grad.astype(dtype)


def parameters(rng, rows, batch):
    """Affine parameters: the given rows, or so many random ones."""
    return IDENTITY + 0.4 * rng.normal(size=(batch, 6)) if rows is None else np.array(rows, np.float64)


def smooth(rng, shape):
    """Images of one wave each, about as long as the image."""
    n, c, h, w = shape
    phase, along_y, along_x = rng.uniform(1, 3, size=(3, n, c, 1, 1))
    return np.sin(phase + along_y * np.linspace(-1, 1, h)[:, None] + along_x * np.linspace(-1, 1, w))


def spatial_transformer(data, loc, out_grad):
    """The call."""
    params = {"target_shape": out_grad.shape[2:], "transform_type": "affine", "sampler_type": "bilinear"}
    return Call("SpatialTransformer", {"data": data, "loc": loc}, params, out_grad)


def grid_generator(rng, data, shape, params):
    """The call; the grid has the given shape."""
    return Call("GridGenerator", {"data": data}, params, rng.normal(size=shape).astype(data.dtype))


def bilinear_sampler(rng, shape, target_shape, rows, dtype):
    """The call; the grid is an affine one, or scattered, a fifth of its coordinates outside the image."""
    if rows is None:
        grid = 0.8 * rng.normal(size=(shape[0], 2, *target_shape))
    else:
        y, x = np.meshgrid(*(np.linspace(-1, 1, size) for size in target_shape), indexing="ij")
        grid = np.einsum("nij,jhw->nihw", np.reshape(rows, (-1, 2, 3)), np.stack([x, y, np.ones(target_shape)]))
    data, _, out_grad = inputs(rng, shape, target_shape, (), dtype)
    return Call("BilinearSampler", {"data": data, "grid": grid.astype(dtype)}, {}, out_grad)


def deformable_convolution(rng, shape, num_filter, params, dtype, modulated=False):
    """The call; many samples lie outside the image or at its border.

    All numbers are odd hundredths: a few values keep the file small, and none is a whole pixel, where the rules jump.
    """
    params = {"kernel": (3, 3), **params, "num_filter": num_filter}
    kernel, size = params["kernel"], output_size(shape[2:], **params)
    taps = math.prod(kernel) * params.get("num_deformable_group", 1)
    given = {
        "data": smooth(rng, shape) if dtype == "float32" else rng.normal(size=shape),
        "offset": 1.5 * rng.normal(size=(shape[0], 2 * taps, *size)),
        "mask": rng.normal(size=(shape[0], taps, *size)),
        "weight": rng.normal(size=(num_filter, shape[1] // params.get("num_group", 1), *kernel)),
        "bias": rng.normal(size=num_filter),
        "out_grad": rng.normal(size=(shape[0], num_filter, *size)),
    }
    given = {name: ((np.floor(50 * array) + 0.5) / 50).astype(dtype) for name, array in given.items()}
    out_grad = given.pop("out_grad")
    if not modulated:
        del given["mask"]
    if params.get("no_bias"):
        del given["bias"]
    return Call("ModulatedDeformableConvolution" if modulated else "DeformableConvolution", given, params, out_grad)


def output_size(size, kernel, stride=(1, 1), dilate=(1, 1), pad=(0, 0), **_):
    """Height and width of a convolution's result."""
    return tuple(
        (extent + 2 * margin - spread * (taps - 1) - 1) // step + 1
        for extent, taps, step, spread, margin in zip(size, kernel, stride, dilate, pad)
    )


def answers(mxnet, call):
    """MXNet's result and, where it has them, gradients, as NumPy arrays."""
    operator = function(mxnet.nd, call)
    arrays = [mxnet.nd.array(array, dtype=array.dtype) for array in call.inputs.values()]
    if call.operator in FORWARD_ONLY:
        return (operator(*arrays, **call.params).asnumpy(),)
    for array in arrays:
        array.attach_grad()
    with mxnet.autograd.record():
        out = operator(*arrays, **call.params)
    out.backward(mxnet.nd.array(call.out_grad, dtype=call.out_grad.dtype))
    return out.asnumpy(), *(array.grad.asnumpy() for array in arrays)


def function(namespace, call):
    """MXNet's operator of that name; ``namespace`` is ``mxnet.nd`` or ``mxnet.sym``."""
    return getattr(namespace.contrib if call.operator.endswith("Convolution") else namespace, call.operator)


if __name__ == "__main__":
    main()
