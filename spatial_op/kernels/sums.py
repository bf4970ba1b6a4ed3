"""From coordinates back to parameters: the sums over a tile that a transform's ``pull_back`` asks for."""

import numpy as np

from .jit import index, inner
from .lanes import COUNT, load, store, widen
from .tiles import columns
from .vectors import rest


@inner
def add(sums, i, value):
    """Add to the i-th sum, which is kept lane by lane."""
    at = index(i * COUNT)
    store(sums, at, load(sums, at) + value)


@inner
def contract(pull_back, plan, sizes, tile, pitch, steps, grad_x, grad_y, spare, sums):
    """Sums over a tile of what each coordinate's gradient means for the plan."""
    _, _, h_out, w_out, _ = sizes
    row, _, rows, cols = tile
    whole = index(cols - cols % COUNT)
    for q in range(index(rows)):
        v = np.float64(q) + (row - (h_out - 1) * 0.5)
        j = q * index(pitch)
        for k in range(index(0), whole, index(COUNT)):
            pull_back(
                plan,
                columns(steps, k, tile, w_out),
                v,
                widen(load(grad_x, j + k)),
                widen(load(grad_y, j + k)),
                sums,
                add,
            )
        if whole < cols:
            rest(grad_x, j + whole, cols - whole, spare)
            along_x = widen(load(spare, index(0)))
            rest(grad_y, j + whole, cols - whole, spare)
            pull_back(plan, columns(steps, whole, tile, w_out), v, along_x, widen(load(spare, index(0))), sums, add)
