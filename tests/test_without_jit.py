"""The machine that computes with NumPy, beside compiled kernels."""

import textwrap

import numpy as np
from programs import run

HELPERS = """
    def dtype_of(x, dtype):
        return np.dtype(dtype).type(x)

    def second(op, inputs, params):
        out, pullback = so.vjp(op, *inputs, **params)
        return [
            *so.vjp(pullback, *inputs, out + 1)[1](inputs),
            op.operator.prepare(*inputs, **params).second_tangent(inputs, inputs),
        ]
"""


def test_without_jit(tmp_path):
    """Every row of every table, uncompiled and compiled."""
    code = """
    from spatial_op.paddings import PADDINGS
    from spatial_op.samplers import SAMPLERS
    from spatial_op.transforms import TRANSFORMS
    results = []
    rng = np.random.default_rng(7)
    for transform in TRANSFORMS:
        for sampler in SAMPLERS:
            for padding in PADDINGS:
                rules = [("bilinear", "zeros"), ("nearest", "border"), ("bicubic", "reflection")]
                if (sampler, padding) not in (rules if transform == "affine" else rules[:1]):
                    continue
                for zoom, dtype in ((1, "float64"), (15, "float64"), (1, "float32")):
                    if dtype == "float32" and (transform, sampler, padding) != ("affine", "bilinear", "zeros"):
                        continue
                    data = rng.standard_normal((1, 2, 50, 47)).astype(dtype)
                    loc = so.identity_loc(transform, 1, dtype) * dtype_of(zoom, dtype) + rng.standard_normal() * dtype_of(0.1, dtype)
                    params = dict(transform_type=transform, sampler_type=sampler, padding_mode=padding, target_shape=(5, 6))
                    out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
                    results += [out, *pullback(out + dtype_of(1, dtype))]
    for transform in ("affine", "translation", "attention"):  # plans with zeros, whose products duals leave out
        data = rng.standard_normal((1, 3, 9, 27)).astype("float32")
        out, pullback = so.vjp(so.SpatialTransformer, data, so.identity_loc(transform), target_shape=(9, 27), transform_type=transform)
        results += [out, *pullback(out + dtype_of(1, "float32"))]
    data, loc = rng.standard_normal((1, 2, 9, 8)), so.identity_loc("affine", 1, "float64")
    loc[0, 0] = np.nan
    results.append(so.SpatialTransformer(data, loc, (3, 3)))
    for axes, sides in ((2, (7, 18)), (3, (2, 3, 18))):
        data, grid = rng.standard_normal((1, 2, *sides)), rng.uniform(-1.5, 1.5, (1, axes, *sides))
        for sampler, padding in (("bilinear", "zeros"), ("nearest_even", "reflection"))[: axes - 1]:
            out, pullback = so.vjp(so.GridSampler, data, grid, sampler_type=sampler, padding_mode=padding)
            results += [out, *pullback(out + 1)]
        loc = so.identity_loc("affine", 1, "float64", axes=axes) + 0.1
        for op, inputs, params in (
            (so.SpatialTransformer, (data, loc), {"target_shape": sides}),
            (so.GridGenerator, (loc,), {"transform_type": "affine", "target_shape": sides}),
        ):
            out, pullback = so.vjp(op, *inputs, **params)
            results += [out, *pullback(out + 1), *second(op, inputs, params)]
    for transform in ("projective", "tps"):
        loc = so.identity_loc(transform, 1, "float64", 9) * 0.9 + 0.02
        params = dict(transform_type=transform, target_shape=(3, 18))
        results += second(so.SpatialTransformer, (rng.standard_normal((1, 2, 9, 8)), loc), params)
    for transform in ("affine", "tps"):
        data, loc = rng.standard_normal((2, 2, 19, 18)), so.identity_loc(transform, 2, "float64", 9) * 1.1
        params = dict(transform_type=transform, target_shape=(3, 18), antialias=(2, 3))
        out, pullback = so.vjp(so.SpatialTransformer, data, loc, **params)
        results += [out, *pullback(out + 1), *second(so.SpatialTransformer, (data, loc), params)]
    grid = so.GridGenerator(loc, "tps", (3, 18))
    out, pullback = so.vjp(so.GridSampler, data, grid, antialias=True)
    results += [out, *pullback(out + 1), *second(so.GridSampler, (data, grid), {"antialias": True})]
    shapes = [(1, 3, 5, 6), (1, 18, 5, 6), (1, 9, 5, 6), (4, 3, 3, 3), (4,)]
    inputs = [rng.standard_normal(shape) for shape in shapes]
    params = dict(kernel=(3, 3), pad=(1, 1), num_filter=4)
    results += second(so.ModulatedDeformableConvolution, inputs, params)
    results += second(so.DeformableConvolution, [*inputs[:2], *inputs[3:]], params)
    out, pullback = so.vjp(so.GridGenerator, rng.standard_normal((1, 2, 5, 6)), transform_type="warp")
    results += [out, *pullback(out + 1)]
    np.savez(TARGET, *results)
    """
    code = textwrap.dedent(HELPERS) + textwrap.dedent(code)
    for name, disable in (("compiled", "0"), ("plain", "1")):
        target = repr(str(tmp_path / f"{name}.npz"))
        run(code.replace("TARGET", target), None, size=5, NUMBA_DISABLE_JIT=disable)
    with np.load(tmp_path / "compiled.npz") as compiled, np.load(tmp_path / "plain.npz") as plain:
        assert len(compiled.files) == len(plain.files) > 50
        for name in compiled.files:
            tolerance = 1e-12 if compiled[name].dtype == "float64" else 2e-5
            np.testing.assert_allclose(plain[name], compiled[name], rtol=tolerance, atol=tolerance * 100, err_msg=name)
