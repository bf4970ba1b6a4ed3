"""MXNet: arrays, recorded or not, and symbols.

Recorded arrays and symbols go to a custom operator of MXNet's for each of the table, ``Custom(op_type="spatial_op.<name>")``,
which honours ``grad_req``; ``autograd.Function`` would be quicker, but drops gradients without a word. Arrays that nothing
records are computed on at once. All share their memory with the arrays that are computed with.

An exception in a property's constructor would end the process: it keeps its arguments and looks at none.
"""

import ctypes

import mxnet as mx
import numpy as np
from mxnet.base import _LIB, check_call

from .. import check
from ..operators.table import OPERATORS, PREPARATIONS
from ..words import Words, speaking
from .calls import describe, given, of_one_kind, plain, prepared
from .mxnet_nodes import op_type, params_of

WORDS = Words(
    array="a mxnet.nd.NDArray",
    convert="mxnet.nd.array",
    move="{0}.transpose(({1}))",
    empty="mxnet.nd.empty({0}, dtype={1})",
    vjp="MXNet has gradients of its own: call {op} under mxnet.autograd.record() and then backward()",
    jvp="convert it with asnumpy(), MXNet's arrays have no tangents",
)


def apply(op, inputs, out, name, params):
    """The operator on arrays or symbols."""
    if any(isinstance(value, mx.sym.Symbol) for value in inputs):
        return symbol(op, inputs, name, params)
    inputs, params = given(op, inputs), {key: plain(value) for key, value in params.items()}
    of_one_kind(op, inputs, mx.nd.NDArray, WORDS)
    if out is not None and not isinstance(out, mx.nd.NDArray):
        raise TypeError(
            f"{op.__name__}: out is a {check.kind(out)}, expected a mxnet.nd.NDArray like the inputs; pass one, or leave it out."
        )
    for argument, value in zip(op.operator.inputs, inputs):
        if value.stype != "default":
            raise TypeError(
                f"{op.__name__}: {argument} is a {value.stype} array, expected a dense one; convert it with {argument}.tostype('default')."
            )
        if value.context.device_type not in ("cpu", "cpu_pinned", "cpu_shared"):
            raise TypeError(
                f"{op.__name__}: {argument} is on {value.context}, expected an array on the CPU; "
                f"move it with {argument}.as_in_context(mxnet.cpu())."
            )
    if isinstance(inputs[0], mx.np.ndarray):
        result = apply(op, [value.as_nd_ndarray() for value in inputs], out, name, params)
        return result.as_np_ndarray()
    if mx.autograd.is_recording():
        describe(op, [value.shape for value in inputs], [value.dtype for value in inputs], params, WORDS)
        return mx.nd.Custom(*inputs, op_type=op_type(op), out=out, **texts(params))
    call = prepared(op, map(view, inputs), params, WORDS)
    if out is None:
        out = mx.nd.empty(call.shape, inputs[0].context, call.dtype)
    check_call(_LIB.MXNDArrayWaitToWrite(out.handle))
    with speaking(WORDS):
        call.forward(view(out))
    return out


def symbol(op, inputs, name, params, attr=None):
    """A symbol; inputs that are left out become variables, as MXNet does it."""
    labels = arguments(op, params)
    composed = {label: value for label, value in zip(labels, inputs) if value is not None}
    for label, value in composed.items():
        if not isinstance(value, mx.sym.Symbol):
            raise TypeError(
                f"{op.__name__}: {label} is a {check.kind(value)}, expected a mxnet.sym.Symbol like the other inputs; "
                f"pass mxnet.sym.var({label!r}), and the array when it is bound."
            )
    names = mx.name.NameManager._current  # the public way to it warns
    if not hasattr(names, "value"):
        names.value = mx.name.NameManager()
    name = names.value.get(name, op.__name__.lower())
    return mx.sym.Custom(name=name, attr=attr, op_type=op_type(op), **composed, **texts(params))


def texts(params):
    """Parameters as MXNet keeps them, those with a value."""
    return {key: str(plain(value)) for key, value in params.items() if value is not None}


def arguments(op, params):
    """Names of the inputs."""
    labels = op.operator.inputs
    return labels[: len(labels) - op.operator.optional] if params.get("no_bias") else labels


def view(array):
    """The memory of an array, ready to be read, as NumPy's array."""
    array.wait_to_read()
    size = int(np.prod(array.shape)) * np.dtype(array.dtype).itemsize
    if not size:
        return np.empty(array.shape, array.dtype)
    pointer = ctypes.c_void_p()
    check_call(_LIB.MXNDArrayGetData(array.handle, ctypes.byref(pointer)))
    memory = (ctypes.c_char * size).from_address(pointer.value)
    return np.frombuffer(memory, array.dtype).reshape(array.shape)


class Call(mx.operator.CustomOp):
    """An operator with its parameters."""

    def __init__(self, op, params):
        super().__init__()
        self.op, self.params = op, params

    def forward(self, is_train, req, in_data, out_data, aux):
        """Write, or add, the result."""
        call = self.op.operator.prepare(*map(view, in_data), **self.params)
        out = view(out_data[0])
        if req[0] == "add":
            out += call.forward()
        elif req[0] != "null":
            call.forward(out)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        """Write, or add, the gradients that are asked for."""
        call = self.op.operator.prepare(*map(view, in_data), **self.params)
        upper = view(out_grad[0])
        if "inplace" in req:  # a gradient is where ``out_grad`` is
            upper = upper.copy()
        grads = [None if word == "null" else view(grad) for word, grad in zip(req, in_grad)]
        if any(grad is not None for grad in grads):
            call.backward(upper, grads, [word == "add" for word in req])


class Property(mx.operator.CustomOpProp):
    """What MXNet asks about an operator before it has arrays.

    Which arrays gradients need is left at MXNet's default, all: it keeps one answer for all custom operators together.
    """

    op = None

    def __init__(self, **words):
        super().__init__(need_top_grad=True)
        self.words = words

    def params(self):
        """The parameters, from MXNet's texts."""
        return params_of(self.op, self.words)

    def list_arguments(self):
        """Names of the inputs."""
        return list(arguments(self.op, self.params()))

    def infer_shape(self, in_shape):
        """Shapes of the inputs, those that follow from the data's among them, and of the result."""
        params, labels = self.params(), self.list_arguments()
        if unknown(in_shape[0]):
            return in_shape, [[]], []
        follow = self.op.operator.shapes(tuple(in_shape[0]), **params)
        shapes = [follow.get(name, shape) if unknown(shape) else shape for name, shape in zip(labels, in_shape)]
        if any(map(unknown, shapes)):
            return shapes, [[]], []
        result, _ = describe(self.op, map(tuple, shapes), [np.float32] * len(shapes), params, WORDS)
        return shapes, [result], []

    def infer_type(self, in_type):
        """Inputs whose dtype nobody said are as the first that is known; the result is as the data unless it is asked for otherwise."""
        known = next((kind for kind in in_type if kind is not None), None)
        types = [known if kind is None else kind for kind in in_type]
        return types, [np.dtype(self.params().get("out_dtype") or types[0]).type], []

    def create_operator(self, ctx, shapes, dtypes):
        """The operator itself."""
        return Call(self.op, self.params())


def unknown(shape):
    """Whether a shape is not known, or not all of it."""
    return not shape or any(size <= 0 for size in shape)


def register(op):
    """Tell MXNet of an operator."""
    kind = type(f"{op.__name__}Property", (Property,), {"op": staticmethod(op)})
    mx.operator.register(op_type(op))(kind)


for operator_function in (*OPERATORS.values(), *PREPARATIONS.values()):
    register(operator_function)
