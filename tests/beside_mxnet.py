"""What the tests beside MXNet share: its answers and the package's to the same call."""

import pytest
import record_golden
from oracle import assert_same_answers

import spatial_op as so

with record_golden.mxnet_imports():
    mx = pytest.importorskip("mxnet")

# (data's shape, target_shape): no two sizes equal but where a batch or channel of 1 meets a size of 1.
SHAPES = (
    ((2, 3, 5, 7), (11, 13)),
    ((3, 2, 13, 11), (5, 7)),
    ((1, 3, 5, 7), (4, 6)),
    ((2, 1, 7, 5), (6, 4)),
    ((5, 2, 3, 19), (17, 4)),
    ((2, 3, 1, 7), (4, 5)),
    ((2, 3, 7, 1), (4, 5)),
    ((2, 37, 5, 3), (7, 4)),
    ((1, 2, 41, 37), (43, 47)),
    ((1, 2, 61, 67), (13, 11)),
)
# Centre and spread of the random parameters.
PLACES = {
    "inside": ((0.4, 0, 0, 0, 0.4, 0), 0.1),
    "near the identity": ((1, 0, 0, 0, 1, 0), 0.1),
    "partly outside": ((1, 0, 0.7, 0, 1, -0.6), 0.2),
    "fully outside": ((1, 0, 6, 0, 1, -7), 0.2),
    "anywhere": ((0, 0, 0, 0, 0, 0), 1.5),
}
DTYPES = ("float32", "float64")


def ours(call):
    out, pullback = so.vjp(getattr(so, call.operator), *call.inputs.values(), **call.params)
    return (out, *pullback(call.out_grad))


def theirs(call):
    return record_golden.answers(mx, call)


def nd(array):
    return mx.nd.array(array, dtype=array.dtype)


def bound(call):
    """MXNet's result and, where it has them, gradients by its symbolic interface."""
    differentiable = call.operator not in record_golden.FORWARD_ONLY
    operator = record_golden.function(mx.sym, call)
    executor = operator(*map(mx.sym.var, call.inputs), **call.params, name="result").simple_bind(
        mx.cpu(),
        "write" if differentiable else "null",
        type_dict={name: array.dtype for name, array in call.inputs.items()},
        **{name: array.shape for name, array in call.inputs.items()},
    )
    given = {name: nd(array) for name, array in call.inputs.items()}
    out = executor.forward(is_train=differentiable, **given)[0].asnumpy()
    if not differentiable:
        return (out,)
    executor.backward(nd(call.out_grad))
    return out, *(executor.grad_dict[name].asnumpy() for name in call.inputs)


def compare(call, expected):
    results = ours(call)[: len(expected)]
    assert [result.dtype for result in results] == [array.dtype for array in expected]
    assert_same_answers(results, expected, call)
