"""A script that runs on MXNet, on these operators instead of MXNet's own."""

import functools
import inspect

import mxnet as mx

from .. import check
from ..operators.table import OPERATORS
from . import patching
from .mxnet import apply, symbol
from .mxnet_nodes import value_of

ARRAYS = (mx.nd, mx.nd.op, mx.nd.contrib)
SYMBOLS = (mx.sym, mx.sym.op, mx.sym.contrib)

# What each call of ``patch`` replaced: (module, name, function).
REPLACED = []


class patch:
    """Put these operators in the place of MXNet's, in ``mx.nd``, ``mx.sym`` and their ``contrib``, until ``unpatch``.

    Conventions: a script runs unchanged, eagerly, in symbols and in Gluon blocks; what was composed before keeps MXNet's
    operators. As a context manager it ends with the block. Calls can be nested.

    Notes
    -----
    Results are MXNet's, except where those were wrong: docs/differences.md lists them.

    Examples
    --------
    >>> import mxnet as mx
    >>> import spatial_op.mxnet
    >>> data, loc = mx.nd.arange(12).reshape((1, 1, 3, 4)), mx.nd.array([[-1, 0, 0, 0, 1, 0]])
    >>> with spatial_op.mxnet.patch():
    ...     out = mx.nd.SpatialTransformer(data, loc, (3, 4), "affine", "bilinear")
    >>> out[0, 0, 0].asnumpy()
    array([3., 2., 1., 0.], dtype=float32)
    """

    def __init__(self):
        places = [
            (module, name, make(op))
            for modules, make in ((ARRAYS, array_function), (SYMBOLS, symbol_function))
            for module in modules
            for name, op in OPERATORS.items()
            if hasattr(module, name)
        ]
        patching.put(REPLACED, places)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        unpatch()


def unpatch():
    """Undo the latest ``patch`` that is not undone.

    Conventions: those of ``patch``.

    Raises
    ------
    RuntimeError
        If there is none.
    """
    patching.undo(REPLACED)


def array_function(op):
    """In the place of ``mx.nd.<name>``."""
    signature = inspect.signature(op)

    @functools.wraps(op)
    def function(*args, **kwargs):
        inputs, params = split(op, signature, args, kwargs)
        return apply(op, inputs, params.pop("out", None), None, params)

    return function


def symbol_function(op):
    """In the place of ``mx.sym.<name>``, whose last positions are name, attr and out."""
    signature = inspect.signature(op)
    known = signature.parameters
    positions = [label for label in known if label not in ("out", "name")]

    @functools.wraps(op)
    def function(*args, attr=None, **kwargs):
        more = {label: kwargs.pop(label) for label in list(kwargs) if label not in known}
        attr = {**(attr or {}), **{f"__{label}__": str(value) for label, value in more.items()}}
        name = kwargs.pop("name", None)
        inputs, params = split(op, signature, (), {**dict(zip(positions, args)), **kwargs})
        params.pop("out", None)
        return symbol(op, inputs, name, params, attr)

    return function


def split(op, signature, args, kwargs):
    """Inputs and parameters, of which MXNet takes texts too."""
    check.keywords(op.__name__, op.__name__, kwargs, (), list(signature.parameters))
    given = signature.bind_partial(*args, **kwargs).arguments
    inputs = [given.pop(label, None) for label in op.operator.inputs]
    params = {
        label: value_of(value, signature.parameters[label].default) if isinstance(value, str) else value
        for label, value in given.items()
        if label not in ("name", "cudnn_off", "workspace")
    }
    return inputs, params
