"""The operators: documentation, checks, forward and its gradient side by side, one file each.

Each operator is a function with an attribute ``operator``, which holds what automatic differentiation needs:

* ``inputs``: the names of the differentiable inputs, in order, of which the last ``optional`` ones may be left out;
  the ``shared`` ones have no batch axis, the others have it first; in each of the ``linear`` ones the result is linear;
  of the ``single`` ones one sample goes with any number of the others; the ones of any ``numbers`` may hold integers, booleans and
  complex numbers, too;
* ``shapes(data_shape, **params)``: shapes of those inputs that follow from that of the data, by name;
* ``result(shapes, **params)``: the result's shape for the inputs' shapes, by name, of which sizes may be symbols; only what is
  compiled or exported for any size asks for it, after one example of these sizes has been checked;
* ``prepare(*inputs, **params)``: check everything and return a call, whose ``forward(out)`` gives the result and whose
  ``backward(out_grad, grads, add)`` writes, or adds, to those arrays of ``grads`` that are not None; ``tangent(tangents)``
  gives the result's change along those tangents that are not None. ``backward_tangent(out_grad, tangents, grads, add)`` writes, or
  adds, how the gradients change along tangents, and ``second_tangent(tangents, others)`` gives the tangent's change along others.
"""

from collections.abc import Callable
from typing import NamedTuple


class Operator(NamedTuple):
    """What automatic differentiation knows of an operator; the module's first lines say what the fields mean."""

    inputs: tuple
    prepare: Callable
    result: Callable
    optional: int = 0
    shared: tuple = ()
    linear: tuple = ("data",)
    numbers: tuple = ()
    single: tuple = ()
    shapes: Callable = lambda data_shape, **params: {}
