"""For MXNet's users: run a script, or a saved network, on these operators instead of MXNet's own.

``spatial_op.SpatialTransformer`` and the others also take MXNet's arrays and symbols themselves.
"""

import functools
import inspect
import json

import mxnet as mx

from . import check
from .adapters.mxnet import apply, op_type, symbol, value_of
from .operators.table import OPERATORS

__all__ = ["convert", "patch", "revert", "unpatch"]

ARRAYS = (mx.nd, mx.nd.op, mx.nd.contrib)
SYMBOLS = (mx.sym, mx.sym.op, mx.sym.contrib)
CONTRIB = ("DeformableConvolution", "ModulatedDeformableConvolution")

# What each call of ``patch`` replaced: (module, name, function).
REPLACED = []


class patch:
    """Put these operators in the place of MXNet's, in ``mx.nd``, ``mx.sym`` and their ``contrib``, until ``unpatch``.

    Conventions: a script runs unchanged, eagerly, in symbols and in Gluon blocks; what was composed before keeps MXNet's
    operators. As a context manager it ends with the block. Calls can be nested.

    Notes
    -----
    Results are MXNet's, except where those were wrong: README.md lists the differences.

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
        replaced = []
        for modules, make in ((ARRAYS, array_function), (SYMBOLS, symbol_function)):
            for module in modules:
                for name, op in OPERATORS.items():
                    if hasattr(module, name):
                        replaced.append((module, name, getattr(module, name)))
                        setattr(module, name, make(op))
        REPLACED.append(replaced)

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
    if not REPLACED:
        raise RuntimeError("unpatch: there is no patch to undo, expected an earlier call of patch(); leave it out.")
    for module, name, function in REPLACED.pop():
        setattr(module, name, function)


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


def convert(symbol):
    """A symbol, such as one from a file, whose nodes run on these operators.

    Conventions: names, arguments and outputs stay, so the parameters saved with it still fit.

    Parameters
    ----------
    symbol : mxnet.sym.Symbol
        From ``mx.sym.load``, say.

    Returns
    -------
    converted : mxnet.sym.Symbol
        Where it is loaded again, ``spatial_op.mxnet`` must be imported first.

    Raises
    ------
    TypeError
        If it is no symbol.

    Examples
    --------
    >>> import mxnet as mx
    >>> import spatial_op.mxnet
    >>> data, loc = mx.sym.var("data"), mx.sym.var("loc")
    >>> network = mx.sym.SpatialTransformer(data, loc, (4, 4), "affine", "bilinear", name="warp")
    >>> spatial_op.mxnet.convert(network).attr("op_type")
    'spatial_op.SpatialTransformer'
    """
    return rewritten("convert", symbol, to_custom)


def revert(symbol):
    """A symbol whose nodes run on MXNet's own operators again: the inverse of ``convert``.

    Conventions: those of ``convert``.

    Parameters
    ----------
    symbol : mxnet.sym.Symbol
        From ``convert``, or composed of these operators.

    Returns
    -------
    reverted : mxnet.sym.Symbol
        It can be loaded where this package is not installed.

    Raises
    ------
    TypeError
        If it is no symbol.
    ValueError
        If a node uses what MXNet does not have.
    """
    return rewritten("revert", symbol, to_builtin)


def rewritten(caller, network, change):
    """The symbol with each node changed, those of loops' and branches' bodies too."""
    if not isinstance(network, mx.sym.Symbol):
        raise TypeError(
            f"{caller}: symbol is a {type(network).__module__}.{type(network).__qualname__}, expected a mxnet.sym.Symbol; "
            "pass for example mxnet.sym.load(path)."
        )
    graph = json.loads(network.tojson())
    graphs = [graph]
    for part in graphs:
        for node in part["nodes"]:
            change(node)
            graphs += node.get("subgraphs", ())
    return mx.sym.load_json(json.dumps(graph))


def builtin_name(name):
    """MXNet's name of an operator."""
    return f"_contrib_{name}" if name in CONTRIB else name


def to_custom(node):
    """Make a node of MXNet's one of ours."""
    name = node["op"].removeprefix("_contrib_")
    if name in OPERATORS and node["op"] == builtin_name(name):
        node["attrs"] = {**node.get("attrs", {}), "op_type": op_type(OPERATORS[name])}
        node["op"] = "Custom"


def to_builtin(node):
    """Make a node of ours one of MXNet's."""
    attrs = node.get("attrs", {})
    kind, _, name = attrs.get("op_type", "").partition(".")
    if node["op"] != "Custom" or kind != "spatial_op":
        return
    attrs.pop("op_type")
    for key, default in (("padding_mode", "zeros"), ("align_corners", "True"), ("border", "mxnet")):
        if attrs.pop(key, default) != default:
            raise ValueError(
                f"revert: node {node['name']!r} has a {key} that MXNet does not have, expected {default!r}; keep this one as it is."
            )
    node["op"] = builtin_name(name)
