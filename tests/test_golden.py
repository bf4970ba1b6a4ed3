"""What MXNet 1.9.1 answered, recorded by ``record_golden.py``, against the package and against the reference."""

import numpy as np
import pytest
import record_golden
from tolerances import assert_close

import reference
import spatial_op as so

CASES = [f"{name}-{dtype}" for dtype in ("float32", "float64") for name in record_golden.CASES]
ARRAYS = ("data", "loc", "out_grad", "out", "grad_data", "grad_loc")


@pytest.fixture(scope="module")
def golden():
    with np.load(record_golden.GOLDEN) as file:
        return {name: file[name] for name in file.files}


def compare(results, expected, data):
    out, grad_data, grad_loc = expected
    assert_close(results[0], out, data.dtype, data.shape, scale=np.abs(data).max())
    assert_close(results[1], grad_data, data.dtype, data.shape)
    assert_close(results[2], grad_loc, data.dtype, data.shape)


def test_file_holds_every_case(golden):
    assert set(golden) == {f"{case}/{name}" for case in CASES for name in ARRAYS}
    assert record_golden.GOLDEN.stat().st_size < 1e6


@pytest.mark.parametrize("case", CASES)
def test_package(golden, case):
    data, loc, out_grad, *expected = (golden[f"{case}/{name}"] for name in ARRAYS)
    out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=out_grad.shape[2:])
    results = (out, *pullback(out_grad))
    assert [result.dtype for result in results] == [data.dtype] * 3
    compare(results, expected, data)


@pytest.mark.parametrize("case", CASES)
def test_reference(golden, case):
    data, loc, out_grad, *expected = (golden[f"{case}/{name}"] for name in ARRAYS)
    out = reference.spatial_transformer(data, loc, out_grad.shape[2:])
    grads = reference.spatial_transformer_backward(data, loc, out_grad, out_grad.shape[2:])
    compare((out, *grads), expected, data)
