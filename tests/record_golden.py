"""Record what MXNet 1.9.1 answers: ``python tests/record_golden.py`` writes ``spatial_op/cli/golden.npz``.

The file maps "<case>/<array>" to an array, where the arrays of a case are data, loc, out_grad, out, grad_data and
grad_loc. The cases of float32 have smooth data: on noise, rounding decides on which side of a kink a sample lies, and
the gradients of ``loc`` in float32 then tell nothing.
"""

import contextlib
import pathlib
import warnings

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
CASES = {
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


def main():
    """Record every case in both precisions."""
    with mxnet_imports():
        import mxnet
    arrays = {}
    for dtype in ("float32", "float64"):
        rng = np.random.default_rng(20151)
        for name, case in CASES.items():
            data, loc, out_grad = inputs(rng, *case, dtype)
            results = spatial_transformer(mxnet, data, loc, out_grad)
            for key, array in zip(
                ("data", "loc", "out_grad", "out", "grad_data", "grad_loc"), (data, loc, out_grad, *results)
            ):
                arrays[f"{name}-{dtype}/{key}"] = array
    np.savez_compressed(GOLDEN, **arrays)


@contextlib.contextmanager
def mxnet_imports():
    """Let MXNet 1.9.1 be imported: it warns about old names and needs ``numpy.bool``, which NumPy 1.24 to 1.26 lack."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        vars(np).setdefault("bool", bool)
        yield


def inputs(rng, shape, target_shape, rows, dtype):
    """Arrays data, loc and out_grad of a case."""
    if rows is None:
        rows = IDENTITY + 0.4 * rng.normal(size=(shape[0], 6))
    data = smooth(rng, shape) if dtype == "float32" else rng.normal(size=shape)
    out_grad = rng.normal(size=shape[:2] + target_shape)
    return data.astype(dtype), np.array(rows, dtype), out_grad.astype(dtype)


def smooth(rng, shape):
    """Images of one wave each, about as long as the image."""
    n, c, h, w = shape
    phase, along_y, along_x = rng.uniform(1, 3, size=(3, n, c, 1, 1))
    return np.sin(phase + along_y * np.linspace(-1, 1, h)[:, None] + along_x * np.linspace(-1, 1, w))


def spatial_transformer(mxnet, data, loc, out_grad):
    """MXNet's result and gradients, as NumPy arrays: out, grad_data, grad_loc."""
    images, parameters, upper = (mxnet.nd.array(array, dtype=array.dtype) for array in (data, loc, out_grad))
    images.attach_grad()
    parameters.attach_grad()
    with mxnet.autograd.record():
        out = mxnet.nd.SpatialTransformer(images, parameters, out_grad.shape[2:], "affine", "bilinear")
    out.backward(upper)
    return out.asnumpy(), images.grad.asnumpy(), parameters.grad.asnumpy()


if __name__ == "__main__":
    main()
