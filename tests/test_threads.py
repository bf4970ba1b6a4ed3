"""The same bits for any number of threads: every operator, planes, volumes and signals, lengths on both sides of every border, again and again."""

import numba
import numpy as np
import pytest
from tables import COMBINATIONS, options, random_loc

import spatial_op as so
from spatial_op.kernels import threads as workers
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS

# Images and outputs: one image and several, few channels and more than a block, runs that are no multiple of a vector,
# tiles that end early. The grids are smooth, scattered, and scattered beyond the image.
PLANES = (
    ((1, 1, 4, 5), (8, 131)),
    ((1, 3, 200, 190), (150, 140)),
    ((3, 33, 9, 150), (70, 31)),
    ((1, 2, 300, 17), (129, 65)),
)
VOLUMES = ((1, 1, 4, 4, 4), (8, 65, 130)), ((1, 2, 9, 8, 7), (3, 40, 129)), ((3, 35, 5, 4, 17), (5, 7, 19))
SIGNALS = ((1, 1, 40), (3000,)), ((3, 35, 700), (1030,))
SPREADS = 0.05, 1.0, 3.0
RULES = ("bilinear", "zeros", "float32"), ("bilinear", "zeros", "float64"), ("bilinear", "reflection", "float32")
DTYPES = ("float32", "float64")
CONVOLUTIONS = so.DeformableConvolution, so.ModulatedDeformableConvolution


def identity_of(target):
    """The grid of the identity."""
    axes = len(target)
    return so.GridGenerator(so.identity_loc("affine", dtype="float64", axes=axes), "affine", target)


def gridded(shape, target, rules, spread):
    """Samples at a grid."""
    rng, (sampler, padding, dtype) = np.random.default_rng(sum(shape)), rules
    noise = rng.uniform(-spread, spread, (shape[0], len(target), *target))
    inputs = rng.standard_normal(shape).astype(dtype), (identity_of(target) + noise).astype(dtype)
    return so.GridSampler, inputs, {"sampler_type": sampler, "padding_mode": padding}


def transformed(op, shape, target, zoom):
    """Samples of a transform, or its grid."""
    rng, axes = np.random.default_rng(sum(shape)), len(target)
    loc = so.identity_loc("affine", shape[0], axes=axes)
    loc = (zoom * (loc + 0.4 * rng.standard_normal(loc.shape))).astype("float32")
    if op is so.GridGenerator:
        return op, (loc,), {"transform_type": "affine", "target_shape": target}
    return op, (rng.standard_normal(shape).astype("float32"), loc), {"target_shape": target}


def convolved(op, shape, dtype):
    """Either convolution, of groups and few channels."""
    rng = np.random.default_rng(sum(shape))
    n, c, h, w = shape
    inputs = [(n, c, h, w), (n, 36, h, w), (n, 18, h, w), (6, c // 2, 3, 3), (6,)]
    if op is so.DeformableConvolution:
        del inputs[2]
    params = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 6, "num_group": 2, "num_deformable_group": 2}
    return op, tuple(rng.standard_normal(size).astype(dtype) for size in inputs), params


def of_rows(combination):
    """A transform of planes by any rows."""
    rng, shape = np.random.default_rng(5), (1, 2, 61, 67)
    data, loc = rng.standard_normal(shape), random_loc(rng, combination[0], 1, "float64")
    return so.SpatialTransformer, (data, loc), options(combination, target_shape=(59, 131))


def averaged(case):
    """The same with several samples in each pixel."""
    op, inputs, params = case
    return op, inputs, params | {"antialias": (2, 3, 1)[: inputs[0].ndim - 2]}


def halved(case):
    """The same in float16."""
    op, inputs, params = case
    return op, tuple(value.astype("float16") for value in inputs), params


CASES = [
    *(of_rows(combination) for combination in COMBINATIONS),
    *(
        gridded(*sizes, (sampler, padding, "float64"), 1.0)
        for sizes in (PLANES[3], VOLUMES[1], SIGNALS[1])
        for sampler in SAMPLERS
        for padding in PADDINGS
    ),
    halved(gridded(*PLANES[1], RULES[0], 1.0)),
    *(averaged(gridded(*sizes, RULES[0], 0.05)) for sizes in (*PLANES[1:3], VOLUMES[1])),
    *(averaged(transformed(so.SpatialTransformer, *sizes, 1.1)) for sizes in (*PLANES[1:3], VOLUMES[1])),
    (so.BilinearSampler, gridded(*PLANES[1], RULES[0], 1.0)[1], {}),
    *(gridded(*sizes, rules, spread) for sizes in PLANES + VOLUMES + SIGNALS for rules in RULES for spread in SPREADS),
    *(
        transformed(so.SpatialTransformer, *sizes, zoom)
        for sizes in PLANES + VOLUMES + SIGNALS
        for zoom in (0.6, 1.1, 7.0)
    ),
    *(transformed(so.GridGenerator, *sizes, 1.1) for sizes in PLANES + VOLUMES + SIGNALS),
    *(convolved(op, (2, 6, 61, 67), dtype) for op in CONVOLUTIONS for dtype in DTYPES),
    *(
        (so.GridGenerator, (np.random.default_rng(0).standard_normal(shape),), {"transform_type": "warp"})
        for shape in ((2, 2, 61, 131), (2, 3, 7, 61, 33), (2, 1, 3000))
    ),
    (so.GridGenerator, (so.identity_loc("tps", 2) + 0.01,), {"transform_type": "tps", "target_shape": (61, 131)}),
]


def everything(op, inputs, params, out_grad, tangents):
    """Result, gradients, written and added, tangent, and second derivatives, as bytes."""
    out, pullback = so.vjp(op, *inputs, **params)
    _, adding = so.vjp(op, *inputs, grad_req="add", **params)
    sums = adding(out_grad, out=[np.ones_like(value) for value in inputs])
    _, tangent = so.jvp(op, inputs, tangents, **params)
    _, pullback_twice = so.vjp(pullback, *inputs, out_grad)
    second = op.operator.prepare(*inputs, **params).second_tangent(tangents, inputs)
    return [array.tobytes() for array in (out, *pullback(out_grad), *sums, tangent, *pullback_twice(tangents), second)]


@pytest.mark.skipif(bool(numba.config.DISABLE_JIT) or numba.config.NUMBA_NUM_THREADS < 2, reason="needs two threads")
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0].__name__}-{'x'.join(map(str, case[1][0].shape))}")
def test_any_number_of_threads_gives_the_same_bits_every_time(case, monkeypatch):
    """As many parts as threads were asked for, on all of this machine's."""
    op, inputs, params = case
    rng = np.random.default_rng(1)
    monkeypatch.setattr(workers, "threads_for", lambda units, elements: 1)
    out = op(*inputs, **params)
    out_grad = rng.standard_normal(out.shape).astype(out.dtype)
    tangents = [rng.standard_normal(array.shape).astype(array.dtype) for array in inputs]
    expected = everything(op, inputs, params, out_grad, tangents)
    for threads in (2, 3, 7, 2):
        monkeypatch.setattr(workers, "threads_for", lambda units, elements, threads=threads: threads)
        assert everything(op, inputs, params, out_grad, tangents) == expected
