"""Vector operations on small matrices: a product that stays in registers, a transposition, four sums at once.

Like the operations in ``lanes``, of which they are the matrix kind, they have twins in plain NumPy.
"""

import functools

from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from . import twins
from .jit import JITTED
from .vector_ir import (
    COUNT,
    ELEMENTS,
    FOUR,
    FUSE,
    INT32,
    INT64,
    Lanes,
    address,
    lanes_before,
    load_at,
    masked_memory,
    repeat,
    shuffle,
    size_of,
    store_at,
)

# What a processor can do -> bytes of its vector registers, and how many there are; the first that holds counts.
REGISTERS = {"avx512f": (64, 32), "avx": (32, 16), "neon": (16, 32)}
FEWEST = (16, 16)


@functools.cache
def block_shape(itemsize):
    """Rows, and vectors to a row, of the part of a product that stays in registers.

    Every step multiplies an element of each row with a row of vectors, so there must be registers left for one more row
    and for the element. Two vectors to a row halve the elements to be read. The rows are a power of two: it divides the
    number of filters, and more rows than eight would need more addresses than there are registers for those.
    """
    features = binding.get_host_cpu_features()
    size, count = next((found for name, found in REGISTERS.items() if features.get(name)), FEWEST)
    vectors = 2 if COUNT * itemsize <= size else 1
    row = max(1, vectors * COUNT * itemsize // size)
    rows = max(1, (count - 1) // row - 1)
    return 1 << rows.bit_length() - 1, vectors


@intrinsic
def multiply(typing, shape, a, first, row, step, b, b_first, depth, c, c_first, c_row, add):
    """Write, or ``add``, the product of some rows with a matrix that is some vectors wide.

    ``shape`` is a pair of tuples: as many rows and as many vectors as they have entries. Element k of row i is
    ``a[first + i * row + k * step]`` for k < ``depth``, at least 1; the rows of ``b`` follow each other; those of ``c`` are
    ``c_row`` apart.
    """

    def emit(context, builder, signature, values):
        kind = signature.args[1]
        size = INT64(size_of(kind))
        _, a, first, row, step, b, b_first, depth, c, c_first, c_row, add = values
        emit_product(
            builder, [part.count for part in shape], ELEMENTS[kind.dtype], depth, add,
            (address(context, builder, kind, a, first), builder.mul(row, size), builder.mul(step, size)),
            address(context, builder, signature.args[5], b, b_first),
            (address(context, builder, signature.args[8], c, c_first), builder.mul(c_row, size)),
        )  # fmt: skip
        return context.get_dummy_value()

    u = types.uint64
    return types.void(shape, a, u, u, u, b, u, u, c, u, u, types.boolean), emit


def emit_product(builder, shape, element, depth, add, left, right, out):
    """The loop over ``depth``, at least 1; addresses and strides are in bytes."""
    rows, vectors = shape
    (a, a_row, a_step), (c, c_row) = left, out
    vector = ir.VectorType(element, COUNT)
    size = {"float": 4, "double": 8}[str(element)]
    width = COUNT * size

    def place(row, v):
        return builder.add(builder.add(c, builder.mul(c_row, INT64(row))), INT64(v * width))

    places = [(row, v) for row in range(rows) for v in range(vectors)]
    before = builder.block
    start, loop, end = (builder.append_basic_block(name) for name in ("start", "loop", "end"))
    builder.cbranch(add, start, loop)
    with builder.goto_block(start):
        there = [load_at(builder, place(*at), vector, size) for at in places]
        builder.branch(loop)
    builder.position_at_end(loop)
    step = builder.phi(INT64)
    totals = [builder.phi(vector) for _ in places]
    for total, value in zip((step, *totals), (INT64(0), *there)):
        total.add_incoming(ir.Constant(total.type, 0 if total is step else [0.0] * COUNT), before)
        total.add_incoming(value, start)
    at = builder.add(right, builder.mul(step, INT64(vectors * width)))
    across = [load_at(builder, builder.add(at, INT64(v * width)), vector, size) for v in range(vectors)]
    down = builder.add(a, builder.mul(step, a_step))
    more = []
    for row in range(rows):
        one = load_at(builder, builder.add(down, builder.mul(a_row, INT64(row))), element, size)
        one = repeat(builder, one, COUNT)
        more += [builder.fmul(one, each, flags=FUSE) for each in across]
    sums = [builder.fadd(total, each, flags=FUSE) for total, each in zip(totals, more)]
    following = builder.add(step, INT64(1))
    for total, value in zip((step, *totals), (following, *sums)):
        total.add_incoming(value, loop)
    builder.cbranch(builder.icmp_unsigned("<", following, depth), loop, end)
    builder.position_at_end(end)
    for at, value in zip(places, sums):
        store_at(builder, value, place(*at), size)


@intrinsic
def turn(typing, source, first, stride, rows, columns, target, at, apart, kept):
    """Transpose: ``target[at + j * apart + i] = source[first + i * stride + j]`` for j < columns and i < kept.

    Only ``rows`` rows are read, the others count as zero; none of the numbers exceeds ``COUNT``.
    """

    def emit(context, builder, signature, values):
        kind, size = signature.args[0], size_of(signature.args[0])
        source, first, stride, rows, columns, target, at, apart, kept = values
        vector = ir.VectorType(ELEMENTS[kind.dtype], COUNT)
        zero = ir.Constant(vector, [0.0] * COUNT)
        start = address(context, builder, kind, source, first)
        stride, apart = (builder.mul(step, INT64(size)) for step in (stride, apart))
        lines = []
        for i in range(COUNT):
            mask = lanes_before(builder, builder.select(builder.icmp_unsigned("<", INT64(i), rows), columns, INT64(0)))
            where = builder.add(start, builder.mul(stride, INT64(i)))
            lines.append(masked_memory(builder, "load", vector, vector, where, None, INT32(size), mask, zero))
        lines = transpose(builder, lines)
        start = address(context, builder, signature.args[5], target, at)
        for j, line in enumerate(lines):
            mask = lanes_before(builder, builder.select(builder.icmp_unsigned("<", INT64(j), columns), kept, INT64(0)))
            where = builder.add(start, builder.mul(apart, INT64(j)))
            masked_memory(builder, "store", vector, ir.VoidType(), where, line, None, INT32(size), mask)
        return context.get_dummy_value()

    u = types.uint64
    return types.void(source, u, u, u, u, target, u, u, u), emit


def transpose(builder, lines):
    """Element j of vector i <-> element i of vector j, by exchanging ever larger blocks."""
    width = 1
    while width < COUNT:
        first = [lane if not lane & width else COUNT + lane - width for lane in range(COUNT)]
        second = [lane + width if not lane & width else COUNT + lane for lane in range(COUNT)]
        turned = list(lines)
        for i in range(COUNT):
            if not i & width:
                a, b = lines[i], lines[i + width]
                turned[i], turned[i + width] = shuffle(builder, a, b, first), shuffle(builder, a, b, second)
        lines, width = turned, 2 * width
    return lines


@intrinsic
def totals(typing, vectors):
    """Sums of the lanes of four vectors."""
    dtype = vectors.dtype.dtype

    def emit(context, builder, signature, values):
        sums = cgutils.unpack_tuple(builder, values[0], FOUR)
        for half in (COUNT // 2, COUNT // 4):
            low, high = range(half), range(half, 2 * half)
            sums = [builder.fadd(shuffle(builder, v, v, low), shuffle(builder, v, v, high)) for v in sums]
        a, b, c, d = sums  # and now two at a time: a0 + a2, b0 + b2, a1 + a3, b1 + b3
        x, y = (
            builder.fadd(shuffle(builder, p, q, (0, 4, 1, 5)), shuffle(builder, p, q, (2, 6, 3, 7)))
            for p, q in ((a, b), (c, d))
        )
        four = builder.fadd(shuffle(builder, x, y, (0, 1, 4, 5)), shuffle(builder, x, y, (2, 3, 6, 7)))
        return context.make_tuple(
            builder, signature.return_type, [builder.extract_element(four, INT32(q)) for q in range(FOUR)]
        )

    return types.UniTuple(dtype, FOUR)(types.UniTuple(Lanes(dtype), FOUR)), emit


if not JITTED:
    multiply, turn, totals = twins.multiply, twins.turn, twins.totals
