"""A process of its own that makes calls one after the other, and says what each took: ``first_call`` starts it.

``python -m spatial_op.cli.child FOLDER CALL DTYPE`` keeps compiled code in the folder alone, and prints JSON: for each step its
name, and the seconds of processor and of wall clock.
"""

import json
import pathlib
import sys
import time

import numpy as np

import spatial_op

SIZE = 32
CONVOLVED = {"kernel": (3, 3), "pad": (1, 1), "num_filter": 4}
FOLLOWING = "SpatialTransformer, call after call"


def pulled(operator, *inputs, **params):
    """A call, and then its gradients, as two steps."""
    found = []

    def forward():
        found[:] = spatial_op.vjp(operator, *inputs, **params)

    return {"forward": forward, "gradients": lambda: found[1](found[0])}


def whole(operator, *inputs, **params):
    """A call with its gradients as one step."""
    steps = pulled(operator, *inputs, **params).values()
    return lambda: [step() for step in steps]


def images(dtype, size=SIZE):
    """One image of three channels."""
    return np.ones((1, 3, size, size), dtype)


def transformed(dtype):
    """A transform of an image."""
    params = {"target_shape": (SIZE, SIZE)}
    return pulled(spatial_op.SpatialTransformer, images(dtype), spatial_op.identity_loc("affine", 1, dtype), **params)


def generated(dtype):
    """A grid."""
    params = {"transform_type": "affine", "target_shape": (SIZE, SIZE)}
    return pulled(spatial_op.GridGenerator, spatial_op.identity_loc("affine", 1, dtype), **params)


def sampled(dtype):
    """Samples at a grid."""
    ramp = np.linspace(-1, 1, SIZE, dtype=dtype)
    grid = np.stack(np.meshgrid(ramp, ramp))[None]
    return pulled(spatial_op.GridSampler, images(dtype), grid)


def convolved(dtype, masked=False):
    """A deformable convolution."""
    arrays = [images(dtype), np.zeros((1, 18, SIZE, SIZE), dtype)]
    arrays += [np.ones((1, 9, SIZE, SIZE), dtype)] if masked else []
    arrays += [np.ones((4, 3, 3, 3), dtype), np.ones(4, dtype)]
    operator = spatial_op.ModulatedDeformableConvolution if masked else spatial_op.DeformableConvolution
    return pulled(operator, *arrays, **CONVOLVED)


def following(dtype):
    """Calls that differ in one thing from the first."""

    def step(transform="affine", dtype=dtype, size=SIZE, **params):
        loc = spatial_op.identity_loc(transform, 1, dtype)
        params = {"target_shape": (size, size), "transform_type": transform, **params}
        return whole(spatial_op.SpatialTransformer, images(dtype, size), loc, **params)

    other = "float64" if dtype == "float32" else "float32"
    return {
        "the first, affine and bilinear, with gradients": step(),
        "another size": step(size=SIZE - 7),
        "another padding": step(padding_mode="border"),
        "another transform: projective": step("projective"),
        "another sampler: bicubic": step(sampler_type="bicubic"),
        f"another dtype: {other}": step(dtype=other),
        "large enough for two threads": step(size=512),
    }


CALLS = {
    "SpatialTransformer": transformed,
    "GridGenerator": generated,
    "GridSampler": sampled,
    "DeformableConvolution": convolved,
    "ModulatedDeformableConvolution": lambda dtype: convolved(dtype, masked=True),
    FOLLOWING: following,
}


def main(folder, call, dtype):
    """Make the calls."""
    steps, taken = CALLS[call](dtype), []
    for name, step in steps.items():
        processor, wall = time.process_time(), time.perf_counter()
        if not taken:  # a part of the first call is that the kernels' modules are imported
            from ..kernels import disk

            disk.places = lambda: iter([pathlib.Path(folder)])
        step()
        taken.append((name, time.process_time() - processor, time.perf_counter() - wall))
    print(json.dumps(taken))


if __name__ == "__main__":
    main(*sys.argv[1:])
