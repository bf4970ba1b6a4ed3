"""What MXNet 1.9.1 answered, recorded by ``record_golden.py``, against the package and against the reference."""

import json

import numpy as np
import pytest
import record_golden
from oracle import assert_same_answers

import reference
import spatial_op as so

CALLS = dict(record_golden.calls())
every_case = pytest.mark.parametrize("case", CALLS)
REFERENCE = {
    "SpatialTransformer": (reference.spatial_transformer, reference.spatial_transformer_backward),
    "GridGenerator": (reference.grid_generator, reference.grid_generator_backward),
    "BilinearSampler": (reference.bilinear_sampler, reference.bilinear_sampler_backward),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(record_golden.GOLDEN) as file:
        return {name: file[name] for name in file.files}


def recorded(golden, case):
    """The call as it was recorded, out and the gradients."""
    call = json.loads(golden["calls"].item())[case]
    inputs = {name: golden[f"{case}/{name}"] for name in call["inputs"]}
    expected = [golden[f"{case}/{name}"] for name in ("out", *(f"grad_{name}" for name in inputs))]
    return record_golden.Call(call["operator"], inputs, call["params"], golden[f"{case}/out_grad"]), expected


def test_file_holds_every_case(golden):
    arrays = ("out_grad", "out")
    assert set(golden) == {"calls"} | {
        f"{case}/{name}"
        for case, call in CALLS.items()
        for name in (*arrays, *call.inputs, *(f"grad_{name}" for name in call.inputs))
    }
    assert record_golden.GOLDEN.stat().st_size < 1e6


@every_case
def test_file_holds_what_was_called(golden, case):
    call, _ = recorded(golden, case)
    assert record_golden.described(call) == json.loads(json.dumps(record_golden.described(CALLS[case])))
    assert {array.dtype.name for array in (*call.inputs.values(), call.out_grad)} == {case.rpartition("-")[2]}


@every_case
def test_package(golden, case):
    call, expected = recorded(golden, case)
    out, pullback = so.vjp(getattr(so, call.operator), *call.inputs.values(), **call.params)
    results = (out, *pullback(call.out_grad))
    assert [result.dtype for result in results] == [array.dtype for array in expected]
    assert_same_answers(results, expected, call)


@every_case
def test_reference(golden, case):
    call, expected = recorded(golden, case)
    forward, backward = REFERENCE[call.operator]
    out = forward(*call.inputs.values(), **call.params)
    grads = backward(*call.inputs.values(), call.out_grad, **call.params)
    assert_same_answers((out, *(grads if isinstance(grads, tuple) else (grads,))), expected, call)
