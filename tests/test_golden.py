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
    "DeformableConvolution": (reference.deformable_convolution, reference.deformable_convolution_backward),
    "ModulatedDeformableConvolution": (
        reference.modulated_deformable_convolution,
        reference.modulated_deformable_convolution_backward,
    ),
}


@pytest.fixture(scope="module")
def golden():
    with np.load(record_golden.GOLDEN) as file:
        return {name: file[name] for name in file.files}


def recorded(golden, case):
    """The call as it was recorded, out and, where MXNet has them, the gradients."""
    call = json.loads(golden["calls"].item())[case]
    inputs = {name: golden[f"{case}/{name}"] for name in call["inputs"]}
    call = record_golden.Call(call["operator"], inputs, call["params"], golden[f"{case}/out_grad"])
    return call, [golden[f"{case}/{name}"] for name in record_golden.results(call)]


def test_file_holds_every_case(golden):
    assert set(golden) == {"calls"} | {
        f"{case}/{name}"
        for case, call in CALLS.items()
        for name in (*call.inputs, "out_grad", *record_golden.results(call))
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
    results = (out, *pullback(call.out_grad))[: len(expected)]
    assert [result.dtype for result in results] == [array.dtype for array in expected]
    assert_same_answers(results, expected, call)


@every_case
def test_reference(golden, case):
    call, expected = recorded(golden, case)
    forward, backward = REFERENCE[call.operator]
    params = {name: value for name, value in call.params.items() if name != "no_bias"}
    inputs = [*call.inputs.values()] + [None] * call.params.get("no_bias", False)
    out = forward(*inputs, **params)
    grads = backward(*inputs, call.out_grad, **params)
    assert_same_answers((out, *(grads if isinstance(grads, tuple) else (grads,))), expected, call)
