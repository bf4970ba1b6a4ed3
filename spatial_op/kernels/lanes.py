"""Explicit vectors for Numba: ``COUNT`` numbers that are loaded, combined and stored together.

LLVM does not vectorise a loop that gathers, because it cannot bound the addresses that it reads. Written with the
operations below, such a loop is vectors from end to end, and its text stays plain Python: ``+``, ``-`` and ``*`` work
between vectors and with numbers. No processor is named; LLVM maps the vectors to whatever registers and gather
instructions there are, down to none.

Every operation stands here twice: as an intrinsic that emits LLVM's vector instructions and, for use without the
compiler, as its twin in NumPy.
"""

import operator

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, lower_builtin, models, register_model, type_callable

from .jit import JITTED

COUNT = 16
HALF = 8  # lanes of one gather: 64-bit units that fill the widest registers

ELEMENTS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType()}
INT32, INT64 = ir.IntType(32), ir.IntType(64)
FUSE = ("contract",)


class Lanes(types.Type):
    """The Numba type of ``COUNT`` numbers of one dtype."""

    def __init__(self, dtype):
        self.dtype = dtype
        super().__init__(f"Lanes({dtype})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.VectorType(ELEMENTS[kind.dtype], COUNT))


# Building blocks of the intrinsics.


def size_of(array_type):
    return array_type.dtype.bitwidth // 8


def address(context, builder, array_type, array, offset):
    """Address of ``array[offset]`` as an integer: typed and untyped pointers of different llvmlite versions look alike then."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.add(builder.ptrtoint(data, INT64), builder.mul(offset, INT64(size_of(array_type))))


def load_at(builder, where, kind, alignment):
    value = builder.load(builder.inttoptr(where, kind.as_pointer()))
    value.align = alignment
    return value


def store_at(builder, value, where, alignment):
    builder.store(value, builder.inttoptr(where, value.type.as_pointer())).align = alignment


def shuffle(builder, a, b, order):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(INT32, len(order)), list(order)))


def repeat(builder, value, count):
    kind = ir.VectorType(value.type, count)
    one = builder.insert_element(ir.Constant(kind, ir.Undefined), value, INT32(0))
    return shuffle(builder, one, one, [0] * count)


def as_vector(context, builder, value, kind, lanes):
    if isinstance(kind, Lanes):
        return value
    return repeat(builder, context.cast(builder, value, kind, lanes.dtype), COUNT)


def masked_gather(builder, base, offsets, unit, alignment):
    """``HALF`` units of memory at ``base + offsets``; LLVM turns it into single loads where there is no gather instruction."""
    pointer = unit.as_pointer()
    where = builder.inttoptr(builder.add(offsets, repeat(builder, base, HALF)), ir.VectorType(pointer, HALF))
    code = {"float": "f32", "double": "f64"}[str(unit)]
    name = f"llvm.masked.gather.v{HALF}{code}.v{HALF}p0{'' if str(pointer) == 'ptr' else code}"
    result, mask = ir.VectorType(unit, HALF), ir.VectorType(ir.IntType(1), HALF)
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(result, [where.type, INT32, mask, result]), name
    )
    return builder.call(
        function, [where, INT32(alignment), ir.Constant(mask, [1] * HALF), ir.Constant(result, ir.Undefined)]
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
        kind, value = signature.args[0], values[2]
        if kind.dtype == types.int32:
            value = builder.fptosi(value, ir.VectorType(INT32, COUNT))
        elif size_of(kind) < signature.args[2].dtype.bitwidth // 8:
            value = builder.fptrunc(value, ir.VectorType(ELEMENTS[kind.dtype], COUNT))
        store_at(builder, value, address(context, builder, kind, *values[:2]), size_of(kind))
        return context.get_dummy_value()

    return types.void(array, types.uint64, value), emit


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


def mixed(builder, total, weight, value):
    more = builder.fadd(total, builder.fmul(weight, value, flags=FUSE), flags=FUSE)
    return builder.select(builder.fcmp_unordered("!=", weight, ir.Constant(weight.type, [0.0] * COUNT)), more, total)


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

FOUR = 4


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


def concatenate(builder, vectors):
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2])
        vectors = [shuffle(builder, a, b, range(2 * a.type.count)) for a, b in pairs]
    return vectors[0]


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


def transpose_blocks(builder, vectors):
    """Quarter ``b`` of vector ``a`` <-> quarter ``a`` of vector ``b``."""

    def exchange(x, y, width):
        """Within each pair of blocks, the second block of ``x`` against the first of ``y``."""
        first, second = [], []
        for block in range(0, COUNT, 2 * width):
            first += [*range(block, block + width), *range(COUNT + block, COUNT + block + width)]
            second += [
                *range(block + width, block + 2 * width),
                *range(COUNT + block + width, COUNT + block + 2 * width),
            ]
        return shuffle(builder, x, y, first), shuffle(builder, x, y, second)

    a, b, c, d = vectors
    a, c = exchange(a, c, COUNT // 2)
    b, d = exchange(b, d, COUNT // 2)
    return *exchange(a, b, COUNT // 4), *exchange(c, d, COUNT // 4)


def transpose_lanes(builder, vectors):
    """Within each vector, lane ``4 a + b`` <-> lane ``4 b + a``."""
    order = [FOUR * (lane % FOUR) + lane // FOUR for lane in range(COUNT)]
    return [shuffle(builder, vector, vector, order) for vector in vectors]


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


def emit_floor(builder, a):
    name = f"llvm.floor.v{COUNT}{'f32' if str(a.type.element) == 'float' else 'f64'}"
    return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type]), name), [a])


define(operator.add, lambda builder, a, b: builder.fadd(a, b, flags=FUSE))
define(operator.sub, lambda builder, a, b: builder.fsub(a, b, flags=FUSE))
define(operator.mul, lambda builder, a, b: builder.fmul(a, b, flags=FUSE))
define(operator.truediv, lambda builder, a, b: builder.fdiv(a, b, flags=FUSE))
define(np.fmin, pick_where("<"))
define(np.fmax, pick_where(">"))
define(np.floor, emit_floor, count=1)


class twins:
    """The same operations in NumPy: a vector is an array of ``COUNT`` numbers."""

    @staticmethod
    def load(array, first):
        return array[first : first + COUNT].copy()

    @staticmethod
    def store(array, first, value):
        array[first : first + COUNT] = value

    @staticmethod
    def all_between(array, first, low, high):
        vector = array[first : first + COUNT]
        return bool(((vector >= low) & (vector <= high)).all())

    @staticmethod
    def prefetch(array, at):
        pass

    @staticmethod
    def widen(value):
        return value.astype(np.float64)

    @staticmethod
    def total(value):
        return value.sum()

    @staticmethod
    def spread(value, array):
        return np.full(COUNT, value, array.dtype)

    @staticmethod
    def neighbours(array, first, places, j, like):
        start = first + places[j : j + COUNT].astype(np.int64)
        return tuple(array[start + tap] for tap in range(len(like)))

    @staticmethod
    def deposit(array, first, places, j, taps, grad):
        start = first + places[j : j + COUNT].astype(np.int64)
        for lane in range(COUNT):
            for tap, (weight, _) in enumerate(taps):
                if weight[lane] != 0:
                    array[start[lane] + tap] += weight[lane] * grad[lane]

    @staticmethod
    def load_each(array, first):
        return np.repeat(array[first : first + FOUR], FOUR)

    @staticmethod
    def neighbours_four(array, first, places, j, like):
        start = first + FOUR * np.repeat(places[j : j + FOUR].astype(np.int64), FOUR) + np.arange(COUNT) % FOUR
        return tuple(array[start + FOUR * tap] for tap in range(len(like)))

    @staticmethod
    def deposit_four(array, first, places, j, taps, grad):
        start = first + FOUR * np.repeat(places[j : j + FOUR].astype(np.int64), FOUR) + np.arange(COUNT) % FOUR
        for tap, (weight, _) in enumerate(taps):
            np.add.at(array, start + FOUR * tap, np.where(weight != 0, weight * grad, 0))

    @staticmethod
    def to_pixels(vectors):
        return tuple(np.stack(vectors).reshape(FOUR, FOUR, FOUR).transpose(1, 2, 0).reshape(FOUR, COUNT))

    @staticmethod
    def to_channels(vectors):
        return tuple(np.stack(vectors).reshape(FOUR, FOUR, FOUR).transpose(2, 0, 1).reshape(FOUR, COUNT))

    @staticmethod
    def mix(total, weight, value):
        with np.errstate(all="ignore"):
            return np.where(weight != 0, total + weight * value, total)


if not JITTED:
    load, store, spread, widen, total = twins.load, twins.store, twins.spread, twins.widen, twins.total
    all_between, load_each, neighbours_four = twins.all_between, twins.load_each, twins.neighbours_four
    deposit_four, to_pixels, to_channels = twins.deposit_four, twins.to_pixels, twins.to_channels
    neighbours, deposit, mix, prefetch = twins.neighbours, twins.deposit, twins.mix, twins.prefetch
