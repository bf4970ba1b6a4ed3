"""Calls whose second derivatives are tested: every row of every table, planes and volumes, every operator."""

import numpy as np
from tables import COMBINATIONS, options, random_loc

import reference
import spatial_op as so
from spatial_op.paddings import PADDINGS
from spatial_op.samplers import SAMPLERS
from spatial_op.transforms import TABLES

SIDES = {1: ((7,), (19,)), 2: ((6, 7), (5, 18)), 3: ((4, 5, 6), (3, 2, 18))}
BACKWARD = {
    so.SpatialTransformer: reference.spatial_transformer_backward,
    so.GridGenerator: reference.grid_generator_backward,
    so.GridSampler: reference.grid_sampler_backward,
    so.DeformableConvolution: reference.deformable_convolution_backward,
    so.ModulatedDeformableConvolution: reference.modulated_deformable_convolution_backward,
}


def transformers():
    """Transformers, and the generators of their grids."""
    rng = np.random.default_rng(3)
    for axes, table in TABLES.items():
        source, target = SIDES[axes]
        rows = COMBINATIONS if axes == 2 else [(name, "bilinear", "zeros") for name in table]
        for number, combination in enumerate(rows):
            data, loc = rng.standard_normal((2, 3, *source)), random_loc(rng, combination[0], 2, "float64", 0.2, axes)
            params = options(combination, target_shape=target, align_corners=number % 2 == 0)
            yield f"{axes}-{'-'.join(combination)}", so.SpatialTransformer, (data, loc), params
        for name in table:
            loc = random_loc(rng, name, 2, "float64", 0.2, axes)
            yield f"{axes}-{name}", so.GridGenerator, (loc,), {"transform_type": name, "target_shape": target}
        yield f"{axes}-flow", so.GridGenerator, (rng.standard_normal((2, axes, *target)),), {"transform_type": "warp"}


def samplers():
    """Samplers at grids, of which a part lies outside."""
    rng = np.random.default_rng(4)
    for axes, (source, target) in SIDES.items():
        for sampler in SAMPLERS:
            for number, padding in enumerate(PADDINGS):
                data, grid = rng.standard_normal((2, 3, *source)), rng.uniform(-1.4, 1.4, (2, axes, *target))
                params = {"sampler_type": sampler, "padding_mode": padding, "align_corners": number != 1}
                yield f"{axes}-{sampler}-{padding}", so.GridSampler, (data, grid), params


def means():
    """Transformers and samplers whose output pixels are means of samples."""
    rng = np.random.default_rng(6)
    for axes, table in TABLES.items():
        source, target = SIDES[axes]
        params = {"antialias": (2, 3, 2)[:axes]}
        for name in table:
            data, loc = rng.standard_normal((2, 3, *source)), random_loc(rng, name, 2, "float64", 0.2, axes)
            yield (
                f"{axes}-{name}-means",
                so.SpatialTransformer,
                (data, loc),
                params | {"transform_type": name, "target_shape": target},
            )
        data, grid = rng.standard_normal((2, 3, *source)), rng.uniform(-1.4, 1.4, (2, axes, *target))
        yield f"{axes}-means", so.GridSampler, (data, grid), params | {"padding_mode": "reflection"}


# Of images, signals and volumes: shapes of data, offsets, masks and filters; kernel and margins.
CONVOLVED = {
    "": ([(2, 4, 5, 6), (2, 24, 6, 4), (2, 12, 6, 4), (6, 2, 2, 3)], (2, 3), (1, 0)),
    "-signals": ([(2, 4, 6), (2, 6, 8), (2, 6, 8), (6, 2, 3)], (3,), (2,)),
    "-volumes": ([(2, 4, 2, 3, 4), (2, 24, 3, 3, 3), (2, 8, 3, 3, 3), (6, 2, 2, 1, 2)], (2, 1, 2), (1, 0, 0)),
}


def convolutions():
    """Both versions, with and without a bias, by either border rule, of images, signals and volumes."""
    rng = np.random.default_rng(5)
    for op in (so.DeformableConvolution, so.ModulatedDeformableConvolution):
        for border, bias, kind in (
            ("mxnet", True, ""), ("zeros", False, ""), ("mxnet", True, "-signals"), ("mxnet", False, "-volumes"),
        ):  # fmt: skip
            shapes, kernel, pad = CONVOLVED[kind]
            shapes = [*shapes, (6,)]
            if op is so.DeformableConvolution:
                del shapes[2]
            inputs = [rng.standard_normal(shape) for shape in shapes[: None if bias else -1]]
            params = {
                "kernel": kernel, "pad": pad, "num_filter": 6, "num_group": 2, "num_deformable_group": 2,
                "border": border, "no_bias": not bias,
            }  # fmt: skip
            yield f"{op.__name__}-{border}{kind}", op, tuple(inputs), params


CASES = {
    f"{op.__name__}-{name}": (op, inputs, params)
    for make in (transformers, samplers, means, convolutions)
    for name, op, inputs, params in make()
}


def reference_gradients(op, inputs, out_grad, params):
    """The reference's gradients, also of complex arrays."""
    words = {name: value for name, value in params.items() if name != "no_bias"}
    more = (None,) if params.get("no_bias") else ()
    found = BACKWARD[op](*inputs, *more, out_grad, **words)
    return found if isinstance(found, tuple) else (found,)
