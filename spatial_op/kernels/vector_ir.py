"""The type of vectors in Numba, and the blocks of LLVM's intermediate code that their operations are built from."""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

COUNT = 16
FOUR = 4  # channels of a pixel that are handled as one
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


def in_dtype_of(builder, array_type, value):
    """A vector as an array of this type holds it."""
    if array_type.dtype == types.int32:
        return builder.fptosi(value, ir.VectorType(INT32, COUNT))
    vector = ir.VectorType(ELEMENTS[array_type.dtype], COUNT)
    if value.type == vector:
        return value
    return builder.fptrunc(value, vector) if array_type.dtype == types.float32 else builder.fpext(value, vector)


def masked_gather(builder, base, offsets, unit, alignment, mask=None):
    """``HALF`` units of memory at ``base + offsets``, zero where there is a mask that does not hold.

    LLVM turns it into single loads where there is no gather instruction.
    """
    pointer = unit.as_pointer()
    where = builder.inttoptr(builder.add(offsets, repeat(builder, base, HALF)), ir.VectorType(pointer, HALF))
    code = {"float": "f32", "double": "f64"}[str(unit)]
    name = f"llvm.masked.gather.v{HALF}{code}.v{HALF}p0{'' if str(pointer) == 'ptr' else code}"
    result, bits = ir.VectorType(unit, HALF), ir.VectorType(ir.IntType(1), HALF)
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(result, [where.type, INT32, bits, result]), name
    )
    everywhere, otherwise = ir.Constant(bits, [1] * HALF), ir.Constant(result, [0.0] * HALF)
    return builder.call(function, [where, INT32(alignment), everywhere if mask is None else mask, otherwise])


def lanes_before(builder, count):
    """Which lanes have a number less than ``count``."""
    numbers = ir.Constant(ir.VectorType(INT64, COUNT), list(range(COUNT)))
    return builder.icmp_unsigned("<", numbers, repeat(builder, count, COUNT))


def masked_memory(builder, name, vector, result, where, *arguments):
    """Call LLVM's masked load or store of a vector at the address ``where``."""
    pointer = vector.as_pointer()
    element = {"float": "f32", "double": "f64"}[str(vector.element)]
    name = f"llvm.masked.{name}.v{COUNT}{element}.p0{'' if str(pointer) == 'ptr' else f'v{COUNT}{element}'}"
    where = builder.inttoptr(where, pointer)
    arguments = [where if argument is None else argument for argument in arguments]
    kind = ir.FunctionType(result, [argument.type for argument in arguments])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


def mixed(builder, total, weight, value):
    more = builder.fadd(total, builder.fmul(weight, value, flags=FUSE), flags=FUSE)
    return builder.select(builder.fcmp_unordered("!=", weight, ir.Constant(weight.type, [0.0] * COUNT)), more, total)


def concatenate(builder, vectors):
    while len(vectors) > 1:
        pairs = zip(vectors[::2], vectors[1::2])
        vectors = [shuffle(builder, a, b, range(2 * a.type.count)) for a, b in pairs]
    return vectors[0]


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


# The logarithm of a mantissa m between the roots of 1/2 and 2 is f - f^2/2 + s (f^2/2 + z R(z)), where f = m - 1,
# s = f / (2 + f) and z = s^2. R's coefficients, lowest first, and ln 2 in two parts are those of FreeBSD's e_log.c.
LOG = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROOT_HALF = 0x3FE6A09E667F3BCD  # the bits of the root of 1/2


def emit_log(builder, a):
    """The natural logarithm of positive, normal float64 numbers, to within two units in the last place."""
    whole = ir.VectorType(INT64, COUNT)

    def constant(value, kind=a.type):
        return ir.Constant(kind, [value] * COUNT)

    def fused(x, y, z):
        return builder.fadd(builder.fmul(x, y, flags=FUSE), z, flags=FUSE)

    bits = builder.bitcast(a, whole)
    exponent = builder.ashr(builder.sub(bits, constant(ROOT_HALF, whole)), constant(52, whole))
    mantissa = builder.bitcast(builder.sub(bits, builder.shl(exponent, constant(52, whole))), a.type)
    exponent = builder.sitofp(builder.trunc(exponent, ir.VectorType(INT32, COUNT)), a.type)
    f = builder.fsub(mantissa, constant(1.0))
    s = builder.fdiv(f, builder.fadd(f, constant(2.0)))
    z = builder.fmul(s, s)
    rest = constant(LOG[-1])
    for coefficient in LOG[-2::-1]:
        rest = fused(rest, z, constant(coefficient))
    half = builder.fmul(builder.fmul(f, constant(0.5)), f)
    small = fused(s, fused(rest, z, half), builder.fmul(exponent, constant(LN2_LOW)))
    return fused(exponent, constant(LN2_HIGH), builder.fsub(f, builder.fsub(half, small)))


def vector_call(builder, name, a):
    """One of LLVM's functions of a vector."""
    name = f"llvm.{name}.v{COUNT}{'f32' if str(a.type.element) == 'float' else 'f64'}"
    return builder.call(cgutils.get_or_insert_function(builder.module, ir.FunctionType(a.type, [a.type]), name), [a])
