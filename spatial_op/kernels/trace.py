"""The one place that emits vector code: a kernel's text is plain Python, and running it once with traced values writes LLVM's.

A kernel is a function ``text(m)`` of a *machine*: this one, which emits code, or the one in ``eager``, which computes at once
with NumPy. Texts use what both offer: arithmetic and NumPy's functions on values, ``for i in m.range(...)`` for loops,
``for _ in m.when(...)`` for branches, ``m.variable`` for what changes, and arrays in memory. So a row of the tables, such as
a sampler's ``taps``, is called with traced vectors here and with NumPy's there, and with numbers in a test.

Vectors have ``LANES`` lanes unless a text asks for others. LLVM maps them to whatever registers there are.
"""

import functools
import math

import numpy as np
from llvmlite import ir

from . import functions
from .instructions import Builder

LANES = 16

BIT, BYTE, SHORT, INT, LONG = (ir.IntType(width) for width in (1, 8, 16, 32, 64))
FLOAT, DOUBLE = ir.FloatType(), ir.DoubleType()
# Integers have no sign here; ``stored`` knows which have.
KINDS = {
    "u1": BYTE, "i1": BYTE, "u2": SHORT, "i2": SHORT, "i4": INT, "u4": INT, "i8": LONG, "f4": FLOAT, "f8": DOUBLE,
}  # fmt: skip
SIZES = {BYTE: 1, SHORT: 2, INT: 4, LONG: 8, FLOAT: 4, DOUBLE: 8}
SUFFIXES = {BIT: "i1", BYTE: "i8", SHORT: "i16", INT: "i32", LONG: "i64", FLOAT: "f32", DOUBLE: "f64"}

# What every function is given besides: memory, and how much of it each thread has.
OWN = {"memory": "u1", "each": "int"}
ALIGNMENT = 64

# Multiply-adds may be fused; nothing may change what NaN and infinity do.
FUSE = ("contract",)


def element(kind):
    """The type of a lane."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def lanes(kind):
    """How many lanes, or None for a scalar."""
    return kind.count if isinstance(kind, ir.VectorType) else None


def like(kind, new):
    """A type of another element with as many lanes."""
    return vector_of(new, kind.count) if isinstance(kind, ir.VectorType) else new


# Types and constants are made once: they keep the text that LLVM reads, which otherwise takes most of the tracing.


@functools.cache
def vector_of(kind, count):
    """The type of a vector."""
    return ir.VectorType(kind, count)


@functools.cache
def pointer_to(kind):
    """The type of an address of such numbers."""
    return kind.as_pointer()


def constant(kind, number):
    """A constant in every lane."""
    number = int(number) if isinstance(element(kind), ir.IntType) else float(number)
    return constant_of_sign(kind, number, math.copysign(1, number))


@functools.cache
def constant_of_sign(kind, number, sign):
    """The same of a number of this kind; 0 and -0, which are equal, differ in their signs."""
    return ir.Constant(kind, [constant(kind.element, number)] * kind.count if lanes(kind) else number)


@functools.cache
def constants(kind, numbers):
    """A constant with a whole number of a tuple in each lane."""
    return ir.Constant(vector_of(kind, len(numbers)), [constant(kind, number) for number in numbers])


@functools.cache
def undefined(kind):
    """A vector of no certain numbers."""
    return ir.Constant(kind, ir.Undefined)


def is_operand(value):
    """Whether traced values are combined with it; what another class makes of them, such as duals, is left to that."""
    return isinstance(value, (Value, int, float, np.generic, np.ndarray))


def operation(name):
    """The methods of an operation of two values, and of the same with the places changed."""

    def method(self, other):
        return self.machine.binary(name, self, other) if is_operand(other) else NotImplemented

    def turned(self, other):
        return self.machine.binary(name, other, self) if is_operand(other) else NotImplemented

    return method, turned


def comparison(relation):
    """The method of a comparison."""
    return lambda self, other: self.machine.compare(relation, self, other) if is_operand(other) else NotImplemented


class Value:
    """A traced number or vector of numbers; comparisons give traced truth values, which know what precision was ``compared``."""

    def __init__(self, machine, code, compared=DOUBLE):
        self.machine, self.code, self.compared = machine, code, compared

    @property
    def kind(self):
        """LLVM's type."""
        return self.code.type

    @property
    def whole(self):
        """Whether the lanes are integers."""
        return isinstance(element(self.kind), ir.IntType)

    def __bool__(self):
        raise TypeError("asks whether a traced value is true; choose with np.where")

    __add__, __radd__ = operation("add")
    __sub__, __rsub__ = operation("sub")
    __mul__, __rmul__ = operation("mul")
    __truediv__, __rtruediv__ = operation("div")
    __floordiv__, __mod__ = operation("sdiv")[0], operation("srem")[0]
    __and__, __rand__ = operation("and_")
    __or__, __ror__ = operation("or_")
    __lshift__, __rshift__ = operation("shl")[0], operation("ashr")[0]
    __lt__, __le__, __gt__, __ge__ = (comparison(relation) for relation in ("<", "<=", ">", ">="))
    __eq__, __ne__ = comparison("=="), comparison("!=")
    __hash__ = None

    def __pos__(self):
        return self

    def __neg__(self):
        return self.machine.negative(self)

    def __abs__(self):
        return self.machine.call("fabs", self)

    def __pow__(self, exponent):
        return self.machine.power(self, exponent)

    def __invert__(self):
        return Value(self.machine, self.machine.once("not_", self.code), self.compared)

    def __array_ufunc__(self, ufunc, method, *inputs, **keywords):
        known = FUNCTIONS.get(ufunc)
        if known is None or method != "__call__" or keywords:
            raise TypeError(f"calls np.{ufunc.__name__}")
        return known(self.machine, *inputs) if all(map(is_operand, inputs)) else NotImplemented

    def __array_function__(self, function, kinds, inputs, keywords):
        if function is not np.where or keywords or len(inputs) != 3:
            raise TypeError(f"calls np.{function.__name__}")
        return self.machine.where(*inputs) if all(map(is_operand, inputs)) else NotImplemented


def fused(a, b, c):
    """``a * b + c`` of traced values, or of arrays: which operations are fused does not depend on where ``c`` comes from."""
    return c.machine.call("fmuladd", c.machine.as_kind(a, c.kind), b, c) if isinstance(c, Value) else a * b + c


def separate(a, b):
    """``a + b`` of traced values, or of arrays, which is not fused with what made them."""
    return a.machine.plain_sum(a, b) if isinstance(a, Value) else a + b


class Variable:
    """A value that changes."""

    def __init__(self, machine, value):
        self.machine, self.kind = machine, value.kind
        with machine.builder.goto_entry_block():
            self.place = machine.builder.alloca(self.kind)
        self.value = value

    @property
    def value(self):
        """What it holds now."""
        return Value(self.machine, self.machine.builder.load(self.place))

    @value.setter
    def value(self, value):
        machine = self.machine
        value = machine.as_kind(value, self.kind)
        machine.builder.store(value.code, self.place)


class Array:
    """Numbers in memory, from a pointer on."""

    def __init__(self, machine, base, kind):
        self.machine, self.base, self.kind, self.size = machine, base, kind, SIZES[kind]

    def address(self, index, kind):
        """A pointer to the element at an index."""
        return self.machine.once("bitcast", self.place(index), pointer_to(kind))

    def place(self, index):
        """A pointer to the first byte of the element at an index."""
        once = self.machine.once
        offset = self.machine.as_kind(index, LONG).code
        return once("behind", self.base, once("mul", offset, constant(LONG, self.size)))

    def read(self, index, kind):
        """What lies at an index."""
        code = self.machine.builder.load(self.address(index, kind))
        code.align = self.size
        return Value(self.machine, code)

    def __getitem__(self, index):
        return self.read(index, self.kind)

    def __setitem__(self, index, value):
        self.put(index, self.machine.as_kind(value, self.kind))

    def vector(self, index, count=LANES):
        """So many numbers from an index on."""
        return self.read(index, vector_of(self.kind, count))

    def put(self, index, value):
        """Write a number or a vector."""
        self.machine.builder.store(value.code, self.address(index, value.kind)).align = self.size

    def mask(self, count, length):
        """Which of the lanes are before ``count``."""
        machine, kind = self.machine, vector_of(LONG, length)
        numbers = Value(machine, constants(LONG, tuple(range(length))))
        return (numbers < machine.as_kind(count, kind)).code

    def some(self, index, count, length=LANES):
        """``vector`` of only ``count`` numbers, followed by zeros; no memory behind them is touched."""
        kind = vector_of(self.kind, length)
        pointer, mask = self.address(index, kind), self.mask(count, length)
        arguments = [pointer, INT(self.size), mask, constant(kind, 0)]
        return Value(
            self.machine, self.machine.intrinsic(f"masked.load.{code_of(kind)}.{pointer_of(kind)}", kind, arguments)
        )

    def put_some(self, index, value, count):
        """``put`` of only the first ``count`` lanes; no memory behind them is touched."""
        kind = value.kind
        arguments = [value.code, self.address(index, kind), INT(self.size), self.mask(count, kind.count)]
        name = f"masked.store.{code_of(kind)}.{pointer_of(kind)}"
        self.machine.intrinsic(name, ir.VoidType(), arguments)

    def pick(self, indices, mask=None):
        """The numbers at the lanes' indices; zero where the mask does not hold, whose memory is not touched."""
        machine, once = self.machine, self.machine.once
        count = indices.kind.count
        first = once("bitcast", self.base, pointer_to(self.kind))
        pointers = once("lanes_behind", first, indices.code, vector_of(first.type, count))
        kind = vector_of(self.kind, count)
        mask = constant(vector_of(BIT, count), 1) if mask is None else mask.code
        name = f"masked.gather.{code_of(kind)}.v{count}{pointer_of(self.kind)}"
        return Value(machine, machine.intrinsic(name, kind, [pointers, INT(self.size), mask, constant(kind, 0)]))

    def prefetch(self, index, to_write=False):
        """Ask for the cache line of an element, which need not exist, to read it or to write to it."""
        pointer = self.address(index, BYTE)
        name = f"prefetch.{pointer_of(BYTE)}"
        self.machine.intrinsic(name, ir.VoidType(), [pointer, INT(int(to_write)), INT(3), INT(1)])

    def starting(self, index):
        """The same numbers, counted from an index on."""
        return Array(self.machine, self.place(index), self.kind)


def code_of(kind):
    """How LLVM's names spell a type."""
    return f"v{kind.count}{SUFFIXES[kind.element]}" if isinstance(kind, ir.VectorType) else SUFFIXES[kind]


def pointer_of(kind):
    """How LLVM's names spell a pointer to a type; new versions know one kind of pointers only."""
    return "p0" if str(pointer_to(kind)) == "ptr" else f"p0{code_of(kind)}"


class Machine:
    """Writes one function ``void (part, threads, arguments)`` into a module; ``parameters`` are names and kinds."""

    def __init__(self, name, parameters):
        self.module, self.reserved = ir.Module(name), 0
        signature = ir.FunctionType(ir.VoidType(), [LONG, LONG, LONG])
        function = ir.Function(self.module, signature, name)
        self.builder = Builder(function)
        self.part, self.threads = Value(self, function.args[0]), Value(self, function.args[1])
        slots = Array(self, self.once("inttoptr", function.args[2], pointer_to(BYTE)), LONG)
        self.arguments = {}
        for place, (parameter, kind) in enumerate({**parameters, **OWN}.items()):
            if kind in ("int", "float"):
                value = slots.read(place, LONG if kind == "int" else DOUBLE)
            else:
                address = slots.read(place, LONG).code
                value = Array(self, self.once("inttoptr", address, pointer_to(BYTE)), KINDS[kind])
            self.arguments[parameter] = value
        # What comes first is only ever appended to: variables have their place there.
        self.space = self.builder.behind(self.memory.base, self.builder.mul(self.part.code, self.each.code))
        self.begin_body()

    def begin_body(self):
        """Leave the first block, to which only variables are added."""
        body = self.builder.begin("body")
        self.builder.branch(body)
        self.builder.position_at_end(body)

    def workspace(self, kind, count):
        """Memory of this thread's own for so many numbers, of no certain value."""
        place = LONG(self.reserved)
        self.reserved += -(-count * SIZES[KINDS[kind]] // ALIGNMENT) * ALIGNMENT
        with self.builder.goto_entry_block():
            return Array(self, self.builder.behind(self.space, place), KINDS[kind])

    @property
    def once(self):
        """Writes an instruction that has no effect, unless it is there."""
        return self.builder.once

    def __getattr__(self, name):
        try:
            return self.__dict__["arguments"][name]
        except KeyError:
            raise AttributeError(name) from None

    def finish(self):
        """The text of the module."""
        self.builder.ret_void()
        return str(self.module)

    # Numbers.

    def full(self, number, kind, count=LANES):
        """A number in every lane, if it is not a vector already; a scalar without a count."""
        if isinstance(number, Value) and lanes(number.kind) is not None:
            count = number.kind.count
        kind = KINDS[kind]
        return self.as_kind(number, kind if count is None else vector_of(kind, count))

    def kind_of(self, value):
        """The name of the kind of a value's, or an array's, numbers."""
        kind = value.kind if isinstance(value, Array) else element(value.kind)
        return next(name for name, known in KINDS.items() if known == kind)

    def count_of(self, vector):
        """How many lanes."""
        return lanes(vector.kind)

    def counting(self, kind, count=LANES):
        """0, 1, 2, ..."""
        return self.in_order(range(count), kind)

    def in_order(self, numbers, kind):
        """A vector of given whole numbers."""
        return Value(self, constants(KINDS[kind], tuple(numbers)))

    def to(self, value, kind):
        """The same numbers as another kind; what is cut to whole numbers must fit them."""
        new = KINDS[kind]
        return self.as_kind(value, like(value.kind, new) if isinstance(value, Value) else new, exact=False)

    def repeat(self, code, count):
        """A scalar in every lane."""
        kind = vector_of(code.type, count)
        one = self.once("insert_element", undefined(kind), code, constant(INT, 0))
        return self.once("shuffle_vector", one, one, constant(vector_of(INT, count), 0))

    def as_kind(self, value, kind, exact=True):
        """A value or number as this type; only whole numbers change theirs unless ``exact`` is given up."""
        if not isinstance(value, Value):
            return Value(self, constant(kind, value))
        code = value.code
        old, new = element(code.type), element(kind)
        if old != new:
            code = self.converted(code, like(code.type, new), exact)
        if lanes(kind) is not None and lanes(code.type) is None:
            code = self.repeat(code, kind.count)
        assert code.type == kind, f"{value.kind} is not {kind}"
        return value if code is value.code else Value(self, code)

    def converted(self, code, kind, exact):
        """One type of elements to another."""
        once, old, new = self.once, element(code.type), element(kind)
        if isinstance(old, ir.IntType) and isinstance(new, ir.IntType):
            if old.width > new.width:
                return once("trunc", code, kind)
            return once("zext", code, kind) if old in (BIT, BYTE) else once("sext", code, kind)
        if isinstance(old, ir.IntType):
            return once("uitofp", code, kind) if old in (BIT, BYTE) else once("sitofp", code, kind)
        assert not exact, f"{code.type} is not {kind}"
        if isinstance(new, ir.IntType):
            return once("fptosi", code, kind)
        return once("fpext", code, kind) if old == FLOAT else once("fptrunc", code, kind)

    def pair(self, a, b):
        """Two values, or a value and a number, as one type."""
        if not isinstance(a, Value):
            return self.as_kind(a, b.kind), b
        if not isinstance(b, Value):
            return a, self.as_kind(b, a.kind)
        if isinstance(element(a.kind), ir.IntType) and isinstance(element(b.kind), ir.IntType):
            wider = max(element(a.kind), element(b.kind), key=lambda kind: kind.width)
        else:
            wider = element(b.kind) if a.whole else element(a.kind)
        count = lanes(a.kind) or lanes(b.kind)
        kind = wider if count is None else vector_of(wider, count)
        return self.as_kind(a, kind), self.as_kind(b, kind)

    def binary(self, name, a, b):
        """One of LLVM's operations on two values."""
        a, b = self.pair(a, b)
        if a.whole:
            return Value(self, self.once(name, a.code, b.code), a.compared)
        return Value(self, self.once(f"f{name}", a.code, b.code, flags=FUSE))

    def plain_sum(self, a, b):
        """A sum of two alike, as it stands."""
        return Value(self, self.once("fadd", a.code, b.code))

    def compare(self, relation, a, b):
        """A comparison; those with NaN hold only for ``!=``."""
        a, b = self.pair(a, b)
        if a.whole:
            return Value(self, self.once("icmp_signed", relation, a.code, b.code))
        compare = "fcmp_unordered" if relation == "!=" else "fcmp_ordered"
        return Value(self, self.once(compare, relation, a.code, b.code), compared=element(a.kind))

    def where(self, condition, a, b):
        """One or the other, lane by lane; of two plain numbers in the precision of what was compared."""
        if not isinstance(condition, Value):
            return a if condition else b
        if not isinstance(a, Value) and not isinstance(b, Value):
            a = self.as_kind(a, like(condition.kind, condition.compared))
        a, b = self.pair(a, b)
        count = lanes(condition.kind)
        if count is not None and lanes(a.kind) is None:
            kind = vector_of(a.kind, count)
            a, b = self.as_kind(a, kind), self.as_kind(b, kind)
        return Value(self, self.once("select", condition.code, a.code, b.code))

    def negative(self, a):
        """The sign turned."""
        return Value(self, self.once("neg" if a.whole else "fneg", a.code))

    def power(self, a, exponent):
        """A whole power, by squaring."""
        if exponent != int(exponent):
            raise TypeError(f"raises to the power {exponent}, which is no whole number")
        if exponent < 0:
            return 1.0 / self.power(a, -exponent)
        result = None
        for bit in bin(int(exponent))[:1:-1]:
            if bit == "1":
                result = a if result is None else result * a
            a = a * a
        return self.as_kind(1.0, a.kind) if result is None else result

    def intrinsic(self, name, result, arguments):
        """Call one of LLVM's own functions, which reads or writes memory."""
        return self.builder.call(self.function(f"llvm.{name}", result, [value.type for value in arguments]), arguments)

    def function(self, name, result, inputs):
        """A function of the module by its name."""
        known = self.module.globals.get(name)
        return known or ir.Function(self.module, ir.FunctionType(result, inputs), name)

    def call(self, name, *values):
        """One of LLVM's functions of numbers."""
        kind = values[0].kind
        function = self.function(f"llvm.{name}.{code_of(kind)}", kind, [value.kind for value in values])
        return Value(self, self.once("call_of", function, *[value.code for value in values]))

    def shared(self, text, value):
        """``text(machine, value)``, a value of the same kind, which a module holds once, however often it is called."""
        name = f"{text.__name__}.{code_of(value.kind)}"
        function = self.function(name, value.kind, [value.kind])
        if not function.blocks:
            function.linkage = "internal"
            caller, self.builder = self.builder, Builder(function)
            self.begin_body()
            self.builder.ret(text(self, Value(self, function.args[0])).code)
            self.builder = caller
        return Value(self, self.once("call_of", function, value.code))

    def bits(self, a):
        """The bits of float64 numbers as integers."""
        return Value(self, self.once("bitcast", a.code, like(a.kind, LONG)))

    def number(self, bits):
        """The float64 numbers that integers are the bits of."""
        return Value(self, self.once("bitcast", bits.code, like(bits.kind, DOUBLE)))

    def least(self, a, b):
        """The smaller; the second where one is no number."""
        return self.where(self.compare("<", a, b), *self.pair(a, b))

    def most(self, a, b):
        """The larger; the second where one is no number."""
        return self.where(self.compare(">", a, b), *self.pair(a, b))

    def smaller(self, a, b):
        """The smaller; no number where either is none."""
        a, b = self.pair(a, b)
        return self.where(a < b, a, b if a.whole else self.where(a == a, b, a))

    def larger(self, a, b):
        """The larger; no number where either is none."""
        a, b = self.pair(a, b)
        return self.where(a > b, a, b if a.whole else self.where(a == a, b, a))

    # Lanes.

    def shuffle(self, a, b, order):
        """Lanes of two vectors in a new order; those of ``b`` count on."""
        mask = constants(INT, tuple(order))
        return Value(self, self.once("shuffle_vector", a.code, b.code, mask))

    def lane(self, vector, number):
        """One lane."""
        return Value(self, self.once("extract_element", vector.code, constant(INT, number)))

    def join(self, vectors):
        """Vectors end to end; their number is a power of two."""
        while len(vectors) > 1:
            pairs = zip(vectors[::2], vectors[1::2])
            vectors = [self.shuffle(a, b, range(2 * a.kind.count)) for a, b in pairs]
        return vectors[0]

    def build(self, numbers):
        """A vector of numbers."""
        vector = undefined(vector_of(numbers[0].kind, len(numbers)))
        for place, number in enumerate(numbers):
            vector = self.once("insert_element", vector, number.code, constant(INT, place))
        return Value(self, vector)

    def any(self, truth):
        """Whether any lane holds."""
        if lanes(truth.kind) is None:
            return truth
        mask = ir.IntType(truth.kind.count)
        return Value(self, self.once("icmp_unsigned", "!=", self.once("bitcast", truth.code, mask), constant(mask, 0)))

    def all(self, truth):
        """Whether all lanes hold."""
        return ~self.any(~truth)

    def reduce(self, function, vector):
        """All lanes by a function of two."""
        while vector.kind.count > 2:
            half = vector.kind.count // 2
            vector = function(
                self.shuffle(vector, vector, range(half)), self.shuffle(vector, vector, range(half, 2 * half))
            )
        return function(self.lane(vector, 0), self.lane(vector, 1))

    # Parts of vectors.

    def read(self, array, index, count):
        """A vector; zero from the ``count``-th lane on, whose memory is not touched."""
        found = self.variable(Value(self, constant(vector_of(array.kind, LANES), 0)))
        for _ in self.when(count >= LANES):
            found.value = array.vector(index)
        for _ in self.when(count < LANES):
            found.value = array.some(index, count)
        return found.value

    def write(self, array, index, value, count):
        """The first ``count`` lanes of a vector."""
        for _ in self.when(count >= LANES):
            array.put(index, value)
        for _ in self.when(count < LANES):
            array.put_some(index, value, count)

    # Control.

    def variable(self, value):
        """Something that changes."""
        return Variable(self, value)

    def range(self, first, last, step=1):
        """A loop: the text inside is traced once."""
        numbers = [self.as_kind(number, LONG).code for number in (first, last, step)]
        return (Value(self, number) for number in self.builder.loop(*numbers))

    def when(self, condition):
        """A branch, as a loop of one turn or none."""
        if not isinstance(condition, Value):
            return range(1 if condition else 0)
        return self.builder.branch_of(condition.code)


def binary_of(name):
    """What a function of NumPy's does with two traced values."""
    return lambda machine, a, b: machine.binary(name, a, b)


def relation_of(relation):
    """The same of a comparison."""
    return lambda machine, a, b: machine.compare(relation, a, b)


def call_of(name):
    """The same of a function that LLVM has."""
    return lambda machine, a: machine.call(name, a)


def shared(text):
    """The same of a function that has a text of its own."""
    return lambda machine, a: machine.shared(text, a)


def number_of_two(machine, choose, a, b):
    """The smaller, or the larger; where one is no number, the other."""
    a, b = machine.pair(a, b)
    return machine.where(b == b, choose(a, b), a)


FUNCTIONS = {
    np.add: binary_of("add"),
    np.subtract: binary_of("sub"),
    np.multiply: binary_of("mul"),
    np.true_divide: binary_of("div"),
    np.negative: Machine.negative,
    np.positive: lambda machine, a: a,
    np.less: relation_of("<"),
    np.less_equal: relation_of("<="),
    np.greater: relation_of(">"),
    np.greater_equal: relation_of(">="),
    np.equal: relation_of("=="),
    np.not_equal: relation_of("!="),
    np.logical_and: binary_of("and_"),
    np.logical_or: binary_of("or_"),
    np.bitwise_and: binary_of("and_"),
    np.bitwise_or: binary_of("or_"),
    np.logical_not: lambda machine, a: ~a,
    np.invert: lambda machine, a: ~a,
    np.floor: call_of("floor"),
    np.rint: call_of("rint"),
    np.sqrt: call_of("sqrt"),
    np.absolute: call_of("fabs"),
    np.fabs: call_of("fabs"),
    np.sin: shared(functions.sin),
    np.cos: shared(functions.cos),
    np.exp: shared(functions.exp),
    np.log: shared(functions.log),
    np.minimum: Machine.smaller,
    np.maximum: Machine.larger,
    np.fmin: lambda machine, a, b: number_of_two(machine, machine.least, a, b),
    np.fmax: lambda machine, a, b: number_of_two(machine, machine.most, a, b),
    np.power: Machine.power,
}
