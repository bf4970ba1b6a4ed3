"""Differentiation of the operators, in reverse and in forward mode."""

import functools
import inspect

import numpy as np

from . import check
from .dtypes import smooth
from .operators import Operator
from .operators.dispatch import words_of
from .operators.pixel_warp import warp
from .pullback import Pullback, alike, several

GRAD_REQS = ("write", "add", "null")


def vjp(op, *inputs, grad_req="write", **params):
    """Apply an operator and return its result with the function that pulls gradients back.

    Conventions: gradients come in the order of the operator's inputs, each with its input's shape and dtype.

    Parameters
    ----------
    op : function
        An operator of this package, such as ``SpatialTransformer``, or a pull back.
    *inputs : arrays
        The operator's differentiable inputs, in order. They must not change before the last pull back. One that the
        operator can do without, such as a bias, may be left out at the end, and has no gradient then.
    grad_req : str, sequence of str or dict of str
        MXNet's words, one for all inputs, one for each in order, or one for each by name: "write" a new gradient, "add"
        it to an array given to the pull back, or "null" to skip the work. An input that a dict leaves out is "write".
    **params
        The operator's other parameters.

    Returns
    -------
    out : array
        The operator's result.
    pullback : function
        ``pullback(out_grad, out=None)`` returns a tuple of gradients, None for "null". ``out_grad`` has ``out``'s shape
        and dtype. ``out`` is a sequence with an array to write or add to for each input, or None. It can be called any
        number of times.

    Raises
    ------
    ValueError
        If a shape or a word is wrong, an "add" has no array to add to, or an array of ``out`` overlaps an input.
    TypeError
        If ``op`` is no operator of this package, or a type or dtype is wrong.

    Notes
    -----
    A pull back is an operator too, whose inputs are those of ``op`` and ``out_grad`` and whose result is the tuple of gradients. So
    ``vjp`` and ``jvp`` give second derivatives; ``out_grad`` of what ``vjp`` returns then is a tuple with an array or None for each
    gradient. Third derivatives there are none of (NotImplementedError).

    Written v, the linear map ``pullback`` is the transpose of the operator's derivative J: ``<out_grad, J v> =
    <pullback(out_grad), v>``. Each element of each gradient is summed in one order, so the result has the same bits for
    any number of threads.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data, loc = np.ones((1, 1, 3, 3)), so.identity_loc("translation", dtype="float64")
    >>> out, pullback = so.vjp(so.SpatialTransformer, data, loc, target_shape=(3, 3), transform_type="translation")
    >>> grad_data, grad_loc = pullback(2 * out)
    >>> grad_data[0, 0]
    array([[2., 2., 2.],
           [2., 2., 2.],
           [2., 2., 2.]])
    >>> grad_loc
    array([[-6., -6.]])
    >>> (grad_data, grad_loc), pullback_twice = so.vjp(pullback, data, loc, out)
    >>> pullback_twice((None, grad_loc))[2][0, 0]  # with respect to out_grad: how the result changes along grad_loc
    array([[0., 0., 3.],
           [0., 0., 3.],
           [3., 3., 6.]])
    """
    operator, name, inputs = known("vjp", op, inputs)
    names = operator.inputs[: len(inputs)]
    own("vjp", name, names, inputs)
    requests = grad_requests(name, names, grad_req)
    settings("vjp", op, params)
    result = params.pop("out", None)
    call = operator.prepare(*inputs, **params)
    requests = of_numbers(name, dict(zip(names, inputs)), requests, grad_req)
    result = call.forward(result)
    return result, Pullback(op, params, call, dict(zip(names, inputs)), requests)


def operator_of(caller, op):
    """What is known of an operator."""
    operator = getattr(op, "operator", None)
    if not isinstance(operator, Operator):
        if op is warp:
            raise TypeError(
                f"{caller}: op is spatial_op.warp, expected an operator, which has gradients; pass spatial_op.SpatialTransformer, with the loc "
                "that spatial_op.pixel_matrix_to_loc makes of the matrix."
            )
        raise TypeError(
            f"{caller}: op is {check.shown(op)}, expected an operator of this package; pass for example spatial_op.SpatialTransformer."
        )
    return operator


def known(caller, op, inputs):
    """What is known of an operator, its name, and its inputs without those at the end that are left out."""
    operator, name = operator_of(caller, op), op.__name__
    count = len(operator.inputs)
    while len(inputs) > count - operator.optional and inputs[-1] is None:
        inputs = inputs[:-1]
    if not count - operator.optional <= len(inputs) <= count:
        raise TypeError(
            f"{caller}: {name} got {len(inputs)} inputs, expected {', '.join(operator.inputs)}; pass the other parameters by keyword."
        )
    return operator, name, inputs


def jvp(op, inputs, tangents, **params):
    """Apply an operator and return its result with how the result changes along a direction.

    Conventions: tangents come in the order of the operator's inputs, each with its input's shape and dtype.

    Parameters
    ----------
    op : function
        An operator of this package, such as ``SpatialTransformer``, or a pull back that ``vjp`` returned.
    inputs : sequence of arrays
        The operator's differentiable inputs, in order.
    tangents : sequence of arrays or None
        A direction for each input; None for an input that stays as it is.
    **params
        The operator's other parameters.

    Returns
    -------
    out : array
        The operator's result.
    out_tangent : array
        The operator's derivative J times the tangents, of ``out``'s shape and dtype.

    Raises
    ------
    ValueError
        If a shape is wrong.
    TypeError
        If ``op`` is no operator of this package, or a type or dtype is wrong.

    Notes
    -----
    It costs about as much as two calls of the operator, whatever the number of inputs' elements; ``vjp`` is its
    transpose: ``<out_grad, out_tangent> = <pullback(out_grad), tangents>``. The tangent of a pull back is a product with the Hessian: ``out``
    and ``out_tangent`` are tuples, with None for what its ``grad_req`` leaves out.

    Examples
    --------
    >>> import numpy as np
    >>> import spatial_op as so
    >>> data, loc = np.arange(9.0).reshape(1, 1, 3, 3), so.identity_loc("translation", dtype="float64")
    >>> right = np.array([[1.0, 0.0]])  # one pixel, the image being two pixels from -1 to +1
    >>> params = {"target_shape": (3, 3), "transform_type": "translation", "padding_mode": "border"}
    >>> out, out_tangent = so.jvp(so.SpatialTransformer, (data, loc), (None, right), **params)
    >>> out_tangent[0, 0]
    array([[1., 1., 0.],
           [1., 1., 0.],
           [1., 1., 0.]])
    """
    labels = operator_of("jvp", op).inputs
    inputs, tangents = several("jvp", "inputs", inputs, labels), several("jvp", "tangents", tangents, labels)
    operator, name, inputs = known("jvp", op, inputs)
    names = operator.inputs[: len(inputs)]
    own("jvp", name, names, inputs)
    own("jvp", name, [f"the tangent of {argument}" for argument in names], tangents)
    settings("jvp", op, params)
    if len(tangents) != len(inputs):
        raise ValueError(
            f"jvp: {name} got {len(tangents)} tangents, expected one for each of {', '.join(names)}; pass None where there is none."
        )
    result = params.pop("out", None)
    call = operator.prepare(*inputs, **params)
    for argument, value, tangent in zip(names, inputs, tangents):
        if tangent is not None:
            label = f"the tangent of {argument}"
            if value.dtype.kind in "iub":
                raise TypeError(
                    f"{name}: {label} is an array and {argument} has dtype {value.dtype}, expected None, since integers have no "
                    "tangent; pass None."
                )
            alike(name, label, "tangent", tangent, value.shape, value.dtype.newbyteorder("="), argument)
    if result is not None:
        labels = {
            f"the tangent of {argument}": tangent for argument, tangent in zip(names, tangents) if tangent is not None
        }
        check.output(name, "out", result, call.shape, call.dtype, labels)
    out = call.forward(result)
    if all(tangent is None for tangent in tangents):
        return out, tuple(map(zeros_like, out)) if isinstance(out, tuple) else zeros_like(out)
    return out, call.tangent(tangents)


def zeros_like(value):
    """The tangent of an array that does not change, and nothing where there is none."""
    return None if value is None else np.zeros(value.shape, smooth(value.dtype.newbyteorder("=")))


def own(caller, name, arguments, values):
    """Refuse the arrays of a framework that differentiates by itself."""
    for argument, value in zip(arguments, values):
        row = words_of(value)
        if row is not None:
            cure = getattr(row, caller).format(op=name)
            raise TypeError(f"{caller}: {argument} of {name} is a {check.kind(value)}, expected a NumPy array; {cure}.")


@functools.cache
def parameters(op):
    """Names of an operator's parameters, and those of them that have no default."""
    found = inspect.signature(op).parameters
    names = [name for name in found if name not in op.operator.inputs]
    return names, [name for name in names if found[name].default is inspect.Parameter.empty]


def settings(caller, op, params):
    """The keywords must be an operator's parameters, and none may be missing."""
    names, needed = ((), ()) if isinstance(op, Pullback) else parameters(op)
    check.keywords(caller, op.__name__, params, op.operator.inputs, names)
    for name in needed:
        if name not in params:
            raise TypeError(
                f"{caller}: {name} of {op.__name__} is missing, expected it as a keyword; pass {name}=..., as the operator's documentation says."
            )


def of_numbers(name, inputs, requests, grad_req):
    """The same words, but "null" for integers, which have no gradient; who asks for it by name or place is told so."""
    found = []
    for (argument, value), request in zip(inputs.items(), requests):
        if value.dtype.kind in "iub" and request != "null":
            if not isinstance(grad_req, str):
                raise TypeError(
                    f"{name}: grad_req of {argument} is {request!r} and {argument} has dtype {value.dtype}, expected 'null', since integers "
                    f"have no gradient; pass 'null', or {argument}.astype('float32')."
                )
            request = "null"
        found.append(request)
    return tuple(found)


def grad_requests(name, inputs, grad_req):
    """One of MXNet's words for each input."""
    if isinstance(grad_req, str):
        requests = (grad_req,) * len(inputs)
    elif isinstance(grad_req, dict):
        for argument in grad_req:
            if argument not in inputs:
                raise ValueError(f"{name}: grad_req names {argument!r}, which is no input; use {check.listed(inputs)}.")
        requests = tuple(grad_req.get(argument, "write") for argument in inputs)
    else:
        if not isinstance(grad_req, (tuple, list)):
            raise TypeError(
                f"{name}: grad_req is {check.shown(grad_req)}, expected a word, a tuple of words or a dict of them; use {check.listed(GRAD_REQS)}."
            )
        requests = tuple(grad_req)
        if len(requests) != len(inputs):
            raise ValueError(
                f"{name}: grad_req has {len(requests)} words, expected one for each of {', '.join(inputs)}; pass one word or one for each."
            )
    for request in requests:
        if not isinstance(request, str) or request not in GRAD_REQS:
            raise ValueError(
                f"{name}: grad_req is {check.shown(request)}, which is not known; use {check.listed(GRAD_REQS)}."
            )
    return requests
