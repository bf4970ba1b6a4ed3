"""From coordinates back to parameters: the sums over a tile that a transform's ``pull_back`` asks for."""

import numpy as np

from .jit import index, inner
from .lanes import COUNT, load, mix, spread, store, widen
from .tiles import columns


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
    for k in range(index(COUNT)):
        spare[k] = 1 if k < cols - whole else 0
    none, ours = spread(0.0, spare), load(spare, index(0))  # what lies beyond a row is another row's
    for q in range(index(rows)):
        v = np.float64(q) + (row - (h_out - 1) * 0.5)
        j = q * index(pitch)
        for k in range(index(0), whole, index(COUNT)):
            along_x, along_y = widen(load(grad_x, j + k)), widen(load(grad_y, j + k))
            pull_back(plan, columns(steps, k, tile, w_out), v, along_x, along_y, sums, add)
        if whole < cols:
            along_x = widen(mix(none, ours, load(grad_x, j + whole)))
            along_y = widen(mix(none, ours, load(grad_y, j + whole)))
            pull_back(plan, columns(steps, whole, tile, w_out), v, along_x, along_y, sums, add)
