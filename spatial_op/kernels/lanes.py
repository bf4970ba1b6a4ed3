"""Explicit vectors for Numba: ``COUNT`` numbers that are loaded, combined and stored together.

LLVM does not vectorise a loop that gathers, because it cannot bound the addresses that it reads. Written with the
operations below, such a loop is vectors from end to end, and its text stays plain Python: ``+``, ``-`` and ``*`` work
between vectors and with numbers. No processor is named; LLVM maps the vectors to whatever registers and gather
instructions there are, down to none.

Every operation stands here as an intrinsic that emits LLVM's vector instructions and, for use without the compiler, in
``twins`` as plain NumPy.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, type_callable

from . import twins
from .jit import JITTED
from .vector_ir import (
    COUNT,
    ELEMENTS,
    FOUR,
    FUSE,
    HALF,
    INT32,
    INT64,
    Lanes,
    address,
    as_vector,
    concatenate,
    emit_log,
    in_dtype_of,
    lanes_before,
    load_at,
    masked_gather,
    masked_memory,
    mixed,
    repeat,
    shuffle,
    size_of,
    store_at,
    transpose_blocks,
    transpose_lanes,
    vector_call,
)

# The operations.


@intrinsic
def load(typing, array, first):
    """``COUNT`` consecutive elements, ``array[first:first + COUNT]``."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        where = address(context, builder, kind, *values)
        return load_at(builder, where, ir.VectorType(ELEMENTS[kind.dtype], COUNT), size_of(kind))

    return Lanes(array.dtype)(array, types.uint64), emit


@intrinsic
def store(typing, array, first, value):
    """``array[first:first + COUNT] = value``, in the dtype of ``array``."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        value = in_dtype_of(builder, kind, values[2])
        store_at(builder, value, address(context, builder, kind, *values[:2]), size_of(kind))
        return context.get_dummy_value()

    return types.void(array, types.uint64, value), emit


@intrinsic
def load_some(typing, array, first, count, other):
    """``load`` of only ``count`` elements, followed by ``other``; no memory behind them is touched."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        array, first, count, other = values
        vector = ir.VectorType(ELEMENTS[kind.dtype], COUNT)
        others = as_vector(context, builder, other, signature.args[3], signature.return_type)
        mask = lanes_before(builder, count)
        where = address(context, builder, kind, array, first)
        return masked_memory(builder, "load", vector, vector, where, None, INT32(size_of(kind)), mask, others)

    return Lanes(array.dtype)(array, types.uint64, types.uint64, other), emit


@intrinsic
def store_some(typing, array, first, value, count):
    """``store`` of only the first ``count`` lanes; no memory behind them is touched."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        array, first, value, count = values
        value = in_dtype_of(builder, kind, value)
        mask = lanes_before(builder, count)
        where = address(context, builder, kind, array, first)
        nothing = ir.VoidType()
        masked_memory(builder, "store", value.type, nothing, where, value, None, INT32(size_of(kind)), mask)
        return context.get_dummy_value()

    return types.void(array, types.uint64, value, types.uint64), emit


@intrinsic
def prefetch(typing, array, at):
    """Ask for the cache line of ``array[at]``, which need not exist."""

    def emit(context, builder, signature, values):
        byte = ir.IntType(8).as_pointer()
        opaque = "" if str(byte) == "ptr" else "i8"
        kind = ir.FunctionType(ir.VoidType(), [byte, INT32, INT32, INT32])
        function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.prefetch.p0{opaque}")
        where = builder.inttoptr(address(context, builder, signature.args[0], *values), byte)
        builder.call(function, [where, INT32(0), INT32(3), INT32(1)])
        return context.get_dummy_value()

    return types.void(array, types.uint64), emit


@intrinsic
def widen(typing, value):
    """The same numbers in float64."""
    lanes = Lanes(types.float64)

    def emit(context, builder, signature, values):
        return (
            values[0]
            if signature.args[0] == lanes
            else builder.fpext(values[0], ir.VectorType(ELEMENTS[types.float64], COUNT))
        )

    return lanes(value), emit


@intrinsic
def total(typing, value):
    """Sum of the lanes."""

    def emit(context, builder, signature, values):
        vector = values[0]
        while vector.type.count > 2:
            half = vector.type.count // 2
            vector = builder.fadd(
                shuffle(builder, vector, vector, range(half)), shuffle(builder, vector, vector, range(half, 2 * half))
            )
        return builder.fadd(builder.extract_element(vector, INT32(0)), builder.extract_element(vector, INT32(1)))

    return value.dtype(value), emit


@intrinsic
def all_between(typing, array, first, low, high):
    """Whether all of ``array[first:first + COUNT]`` lie in [low, high]; NaN does not."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        whole = isinstance(kind.dtype, types.Integer)
        element = ir.IntType(kind.dtype.bitwidth) if whole else ELEMENTS[kind.dtype]
        vector = load_at(
            builder, address(context, builder, kind, *values[:2]), ir.VectorType(element, COUNT), size_of(kind)
        )
        low, high = (
            repeat(builder, context.cast(builder, v, k, kind.dtype), COUNT)
            for v, k in zip(values[2:], signature.args[2:])
        )
        compare = builder.icmp_signed if whole else builder.fcmp_ordered
        lanes = builder.and_(compare(">=", vector, low), compare("<=", vector, high))
        mask = ir.IntType(COUNT)
        return builder.icmp_unsigned("==", builder.bitcast(lanes, mask), mask(2**COUNT - 1))

    return types.boolean(array, types.uint64, low, high), emit


@intrinsic
def spread(typing, value, array):
    """``value`` in every lane, in the dtype of ``array``."""

    def emit(context, builder, signature, values):
        return as_vector(context, builder, values[0], signature.args[0], signature.return_type)

    return Lanes(array.dtype)(value, array), emit


@intrinsic
def neighbours(typing, array, first, places, j, like):
    """For each lane the ``len(like)`` elements from ``array[first + places[j + lane]]`` on, as that many vectors.

    Two neighbours of four bytes are read as one unit of eight, which halves the reads.
    """
    count = like.count

    def emit(context, builder, signature, values):
        kind, size = signature.args[0], size_of(signature.args[0])
        base = address(context, builder, kind, values[0], values[1])
        where = address(context, builder, signature.args[2], values[2], values[3])
        steps = builder.zext(load_at(builder, where, ir.VectorType(INT32, COUNT), 4), ir.VectorType(INT64, COUNT))
        offsets = builder.mul(steps, ir.Constant(steps.type, [size] * COUNT))
        element = ELEMENTS[kind.dtype]
        paired = 2 if size == 4 and count > 1 else 1
        taps = []
        for tap in range(0, count, paired):
            start = builder.add(base, INT64(tap * size))
            halves = []
            for lane in range(0, COUNT, HALF):
                half = shuffle(builder, offsets, offsets, range(lane, lane + HALF))
                got = masked_gather(builder, start, half, ir.DoubleType() if paired == 2 else element, size)
                halves.append(builder.bitcast(got, ir.VectorType(element, paired * HALF)))
            for part in range(paired):
                taps.append(shuffle(builder, *halves, range(part, paired * COUNT, paired)))
        return context.make_tuple(builder, signature.return_type, taps)

    return types.UniTuple(Lanes(array.dtype), count)(array, types.uint64, places, types.uint64, like), emit


@intrinsic
def scattered(typing, array, first, spots, outer, inner, step, like):
    """For each lane ``len(like)`` elements of ``array``, zero for those outside the image.

    Element ``tap`` of a lane lies at ``first`` plus the sum of the lane's offsets in ``spots``, which are found at the
    positions ``outer`` and at ``inner + tap * step``; it is outside if that sum, without ``first``, is negative.
    """
    count = like.count

    def emit(context, builder, signature, values):
        kind, size = signature.args[0], size_of(signature.args[0])
        array, first, spots, outer, inner, step, _ = values
        base = address(context, builder, kind, array, first)

        def offsets_at(position):
            where = address(context, builder, signature.args[2], spots, position)
            return load_at(builder, where, ir.VectorType(INT64, COUNT), 8)

        shared = [offsets_at(position) for position in cgutils.unpack_tuple(builder, outer, signature.args[3].count)]
        taps = []
        for tap in range(count):
            offsets = offsets_at(builder.add(inner, builder.mul(step, INT64(tap))))
            for more in shared:
                offsets = builder.add(offsets, more)
            inside = builder.icmp_signed(">=", offsets, ir.Constant(offsets.type, [0] * COUNT))
            offsets = builder.mul(offsets, ir.Constant(offsets.type, [size] * COUNT))
            halves = []
            for lane in range(0, COUNT, HALF):
                lanes = range(lane, lane + HALF)
                half, mask = shuffle(builder, offsets, offsets, lanes), shuffle(builder, inside, inside, lanes)
                halves.append(masked_gather(builder, base, half, ELEMENTS[kind.dtype], size, mask))
            taps.append(shuffle(builder, *halves, range(COUNT)))
        return context.make_tuple(builder, signature.return_type, taps)

    arguments = (array, types.uint64, spots, outer, types.uint64, types.uint64, like)
    return types.UniTuple(Lanes(array.dtype), count)(*arguments), emit


@intrinsic
def settle(typing, value, slack, least):
    """``value``, but the whole number next to it where that is no further away than ``least`` plus the magnitude of ``slack``."""

    def emit(context, builder, signature, values):
        value, slack, least = (
            as_vector(context, builder, v, kind, signature.args[0]) for v, kind in zip(values, signature.args)
        )
        near = vector_call(builder, "rint", value)
        away = vector_call(builder, "fabs", builder.fsub(value, near))
        bound = builder.fadd(vector_call(builder, "fabs", slack), least)
        return builder.select(builder.fcmp_ordered("<=", away, bound), near, value)

    return value(value, slack, least), emit


@intrinsic
def inside(typing, value, low, high):
    """1 in lanes whose value is in [low, high], 0 in the others; NaN is in none."""

    def emit(context, builder, signature, values):
        value, low, high = (
            as_vector(context, builder, v, kind, signature.args[0]) for v, kind in zip(values, signature.args)
        )
        held = builder.and_(builder.fcmp_ordered(">=", value, low), builder.fcmp_ordered("<=", value, high))
        return builder.select(held, ir.Constant(value.type, [1.0] * COUNT), ir.Constant(value.type, [0.0] * COUNT))

    return value(value, low, high), emit


@intrinsic
def mix(typing, total, weight, value):
    """``total + weight * value``; where the weight is zero the value is not looked at, be it infinite or not a number."""
    lanes = total if isinstance(total, Lanes) else value

    def emit(context, builder, signature, values):
        return mixed(builder, *(as_vector(context, builder, v, kind, lanes) for v, kind in zip(values, signature.args)))

    return lanes(total, weight, value), emit


@intrinsic
def deposit(typing, array, first, places, j, taps, grad):
    """The transpose of ``neighbours`` and ``mix``: each lane adds ``grad``, times the weight of each tap, to the elements that it had read.

    Lane by lane, since lanes may share an element.
    """

    def emit(context, builder, signature, values):
        kind, size, pairs = signature.args[0], size_of(signature.args[0]), signature.args[4]
        array, first, places, j, taps, grad = values
        base = address(context, builder, kind, array, first)
        where = address(context, builder, signature.args[2], places, j)
        zero = ir.Constant(grad.type, [0.0] * COUNT)
        weights = [builder.extract_value(tap, 0) for tap in cgutils.unpack_tuple(builder, taps, pairs.count)]
        shares = [mixed(builder, zero, weight, grad) for weight in weights]
        for lane in range(COUNT):
            place = builder.zext(load_at(builder, builder.add(where, INT64(4 * lane)), INT32, 4), INT64)
            start = builder.add(base, builder.mul(place, INT64(size)))
            for tap, share in enumerate(shares):
                at = builder.add(start, INT64(tap * size))
                more = builder.extract_element(share, INT32(lane))
                store_at(builder, builder.fadd(load_at(builder, at, ELEMENTS[kind.dtype], size), more), at, size)
        return context.get_dummy_value()

    return types.void(array, types.uint64, places, types.uint64, taps, grad), emit


# The same for four channels at once: a vector is then four pixels of four channels each, and the array that is sampled
# holds the four channels of a pixel side by side. Reading or adding to a tap touches memory once for all four.


@intrinsic
def load_each(typing, array, first):
    """Four elements from ``array[first]`` on, each in four lanes."""

    def emit(context, builder, signature, values):
        kind = signature.args[0]
        few = load_at(
            builder, address(context, builder, kind, *values), ir.VectorType(ELEMENTS[kind.dtype], FOUR), size_of(kind)
        )
        return shuffle(builder, few, few, [lane // FOUR for lane in range(COUNT)])

    return Lanes(array.dtype)(array, types.uint64), emit


def places_of_four(context, builder, kinds, array, first, places, j):
    """Addresses of the four pixels at ``places[j:j + 4]``."""
    size = size_of(kinds[0])
    base = address(context, builder, kinds[0], array, first)
    where = address(context, builder, kinds[2], places, j)
    for pixel in range(FOUR):
        place = builder.zext(load_at(builder, builder.add(where, INT64(4 * pixel)), INT32, 4), INT64)
        yield builder.add(base, builder.mul(place, INT64(FOUR * size)))


@intrinsic
def neighbours_four(typing, array, first, places, j, like):
    """``neighbours`` for four pixels of four channels."""
    count = like.count

    def emit(context, builder, signature, values):
        kind, size = signature.args[0], size_of(signature.args[0])
        pixels = list(places_of_four(context, builder, signature.args, *values[:4]))
        few = ir.VectorType(ELEMENTS[kind.dtype], FOUR)
        taps = []
        for tap in range(count):
            parts = [load_at(builder, builder.add(pixel, INT64(tap * FOUR * size)), few, size) for pixel in pixels]
            taps.append(concatenate(builder, parts))
        return context.make_tuple(builder, signature.return_type, taps)

    return types.UniTuple(Lanes(array.dtype), count)(array, types.uint64, places, types.uint64, like), emit


@intrinsic
def deposit_four(typing, array, first, places, j, taps, grad):
    """``deposit`` for four pixels of four channels."""

    def emit(context, builder, signature, values):
        kind, size, pairs = signature.args[0], size_of(signature.args[0]), signature.args[4]
        taps, grad = values[4:]
        few = ir.VectorType(ELEMENTS[kind.dtype], FOUR)
        zero = ir.Constant(grad.type, [0.0] * COUNT)
        weights = [builder.extract_value(tap, 0) for tap in cgutils.unpack_tuple(builder, taps, pairs.count)]
        shares = [mixed(builder, zero, weight, grad) for weight in weights]
        for number, pixel in enumerate(places_of_four(context, builder, signature.args, *values[:4])):
            lanes = range(number * FOUR, (number + 1) * FOUR)
            for tap, share in enumerate(shares):
                at = builder.add(pixel, INT64(tap * FOUR * size))
                more = shuffle(builder, share, share, lanes)
                store_at(builder, builder.fadd(load_at(builder, at, few, size), more), at, size)
        return context.get_dummy_value()

    return types.void(array, types.uint64, places, types.uint64, taps, grad), emit


@intrinsic
def to_pixels(typing, vectors):
    """Four vectors of ``COUNT`` pixels, one for each channel -> four vectors of four pixels with their channels."""

    def emit(context, builder, signature, values):
        turned = transpose_lanes(builder, transpose_blocks(builder, cgutils.unpack_tuple(builder, values[0], FOUR)))
        return context.make_tuple(builder, signature.return_type, turned)

    return vectors(vectors), emit


@intrinsic
def to_channels(typing, vectors):
    """The inverse of ``to_pixels``."""

    def emit(context, builder, signature, values):
        turned = transpose_blocks(builder, transpose_lanes(builder, cgutils.unpack_tuple(builder, values[0], FOUR)))
        return context.make_tuple(builder, signature.return_type, turned)

    return vectors(vectors), emit


def define(function, emit_vectors, count=2):
    """Let a function of one or two numbers work on vectors, and on a vector and a number."""

    @type_callable(function)
    def typer(context):
        def pick(*kinds):
            lanes = next((kind for kind in kinds if isinstance(kind, Lanes)), None)
            if lanes is not None and all(kind == lanes or isinstance(kind, types.Number) for kind in kinds):
                return lanes

        return (lambda a, b: pick(a, b)) if count == 2 else (lambda a: pick(a))

    def emit(context, builder, signature, values):
        return emit_vectors(
            builder,
            *(as_vector(context, builder, v, kind, signature.return_type) for v, kind in zip(values, signature.args)),
        )

    for kinds in ((Lanes, Lanes), (Lanes, types.Number), (types.Number, Lanes)) if count == 2 else ((Lanes,),):
        lower_builtin(function, *kinds)(emit)


def pick_where(relation):
    """``a`` where the relation holds, else ``b``: so that NaN in ``a`` loses."""
    return lambda builder, a, b: builder.select(builder.fcmp_ordered(relation, a, b), a, b)


define(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=FUSE))
define(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=FUSE))
define(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=FUSE))
define(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=FUSE))
define(np.fmin, pick_where("<"))
define(np.fmax, pick_where(">"))
define(np.floor, lambda builder, a: vector_call(builder, "floor", a), count=1)
define(np.rint, lambda builder, a: vector_call(builder, "rint", a), count=1)
define(np.log, emit_log, count=1)


if not JITTED:
    load, store, spread, widen, total = twins.load, twins.store, twins.spread, twins.widen, twins.total
    all_between, load_each, neighbours_four = twins.all_between, twins.load_each, twins.neighbours_four
    deposit_four, to_pixels, to_channels = twins.deposit_four, twins.to_pixels, twins.to_channels
    neighbours, deposit, mix, prefetch = twins.neighbours, twins.deposit, twins.mix, twins.prefetch
    inside, scattered, settle = twins.inside, twins.scattered, twins.settle
    load_some, store_some = twins.load_some, twins.store_some
