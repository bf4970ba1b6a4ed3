"""Every operation of kernels' texts, on the machine that emits code and on the one that computes with NumPy."""

import inspect
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from machines import AWKWARD, Both, put, same, vectors

from spatial_op.kernels import eager, kernel, trace
from spatial_op.kernels.trace import LANES
from spatial_op.kernels.turn import columns, to_channels, to_pixels

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="without the compiler there is one machine only")

FLOATS, INTEGERS = ("f4", "f8"), ("i4", "i8")
each_float = pytest.mark.parametrize("kind", FLOATS)
each_kind = pytest.mark.parametrize("kind", FLOATS + INTEGERS)


def public(kind):
    """What texts may use of a class."""
    return sorted(name for name in vars(kind) if not name.startswith("_"))


@pytest.mark.parametrize("name", ["Machine", "Array", "Variable"])
def test_a_text_of_numpys_machine_is_one_of_the_other(name):
    assert set(public(getattr(eager, name))) <= set(public(getattr(trace, name)))


# What a text does with two vectors, which is written. Of whole numbers, both are positive.
OPERATORS = {
    "+": lambda a, b: a + b,
    "2 +": lambda a, b: 2 + a,
    "-": lambda a, b: a - b,
    "2 -": lambda a, b: 2 - a,
    "*": lambda a, b: a * b,
    "3 *": lambda a, b: 3 * a,
    "negative": lambda a, b: -a,
    "<": lambda a, b: np.where(a < b, a, 5),
    "<=": lambda a, b: np.where(a <= b, a, 5),
    ">": lambda a, b: np.where(a > b, a, 5),
    ">=": lambda a, b: np.where(a >= b, a, 5),
    "==": lambda a, b: np.where(a == b, a, 5),
    "!=": lambda a, b: np.where(a != b, a, 5),
    "not": lambda a, b: np.where(~(a < b), a, b),
    "and": lambda a, b: np.where((a < b) & (a > 1), a, b),
    "or": lambda a, b: np.where((a < b) | (a > 1), a, b),
}
OF_FLOATS = {
    "/": lambda a, b: a / b,
    "2 /": lambda a, b: 2 / a,
    "abs": lambda a, b: abs(a),
    "cube": lambda a, b: a**3,
    "inverse square": lambda a, b: a**-2,
    "nothing": lambda a, b: a**0,
}
OF_INTEGERS = {
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
    "bits and": lambda a, b: a & b,
    "bits or": lambda a, b: a | b,
}

CASES = [
    *itertools.product(FLOATS, (OPERATORS | OF_FLOATS).items()),
    *itertools.product(INTEGERS, (OPERATORS | OF_INTEGERS).items()),
]


@pytest.mark.parametrize(("kind", "case"), CASES, ids=lambda case: case if isinstance(case, str) else case[0])
def test_operators(kind, case):
    a, b, _ = vectors(kind)
    # A power is a product whose order is each machine's own.
    rtol = 4 * np.finfo(kind).eps if case[0] in ("cube", "inverse square") else 0
    same(lambda m: put(m, case[1](m.a.vector(0), m.b.vector(0))), LANES, kind, rtol, a=a, b=b)


RELATIONS = (np.less, np.less_equal, np.greater, np.greater_equal, np.equal, np.not_equal)
TRUTHS = (np.logical_and, np.logical_or, np.logical_not, np.bitwise_and, np.bitwise_or, np.invert)


@each_float
@pytest.mark.parametrize("ufunc", trace.FUNCTIONS, ids=lambda ufunc: ufunc.__name__)
def test_functions_of_numpy(ufunc, kind):
    def text(m):
        a, b = m.a.vector(0), m.b.vector(0)
        if ufunc in TRUTHS:
            found = ufunc(*[a > 0, b > 0][: ufunc.nin])
        elif ufunc is np.power:
            found = ufunc(a, 2)
        else:
            found = ufunc(*[a, b][: ufunc.nin])
        put(m, np.where(found, m.full(1.0, kind), 0.0) if ufunc in (*RELATIONS, *TRUTHS) else found)

    a, b, _ = vectors(kind)
    same(text, LANES, kind, 8 * np.finfo(kind).eps, a=a, b=b)


def test_a_function_that_is_not_known_is_named():
    with pytest.raises(TypeError, match="calls np.tan"):
        Both(lambda m: put(m, np.tan(m.a.vector(0))), a="f8", out="f8")(a=AWKWARD, out=AWKWARD)
    with pytest.raises(TypeError, match="calls np.sum"):
        Both(lambda m: put(m, np.sum(m.a.vector(0))), a="f8", out="f8")(a=AWKWARD, out=AWKWARD)
    with pytest.raises(TypeError, match="true"):
        Both(lambda m: put(m, 1.0 if m.a.vector(0) > 0 else 2.0), a="f8", out="f8")(a=AWKWARD, out=AWKWARD)


def loops(m):
    """Sums of loops in loops, of which some have no turn, and of branches."""
    total = m.variable(m.full(0, "i8", None))
    for i in m.range(0, 7, 2):
        for j in m.range(i, 5):
            total.value = total.value * 3 + i * j
            for _ in m.when(j == 3):
                total.value = total.value - 1000
    for _ in m.range(5, 5):
        total.value = total.value * 0
    for _ in m.when(total.value > 10**9):
        total.value = total.value * 0
    for taken in (True, False):
        for _ in m.when(taken):
            total.value = total.value + 7
    return total.value


def kept(m):
    """What is written to one's own memory and read again."""
    memory = m.workspace("f8", 3 * LANES)
    memory.put(LANES, m.counting("f8"))
    memory[LANES + 2] = 9.0
    return memory.vector(LANES)


def written(m):
    """Parts of vectors, written over others."""
    m.out.put(0, m.full(1.0, "f8", 32))
    for at, count in ((2, 5), (9, LANES), (27, 0), (30, -3)):
        m.write(m.out, at, m.counting("f8"), m.full(count, "i8", None))


def parts(m):
    """Parts of vectors, as many as are wanted and no more."""
    return [m.read(m.a, 3, m.full(count, "i8", None)) for count in (5, LANES - 3, 0, -1)]


MACHINE = {
    "full": lambda m, a, b: [m.full(2, "f8"), m.full(3, "i4", 4), m.full(a, "f8"), m.full(1.5, "f8", None)],
    "counting": lambda m, a, b: [m.counting("i4"), m.counting("f4", 4)],
    "to": lambda m, a, b: [
        m.to(m.to(b * 10, "i4"), "f4"),
        m.to(b, "i8"),
        m.to(a > 0, "u1"),
        m.to(m.to(a, "f4"), "f8"),
        m.to(3, "f8"),
    ],
    "kind_of": lambda m, a, b: [m.full(3, m.kind_of(m.a)), m.full(4, m.kind_of(m.to(b, "i4")))],
    "count_of": lambda m, a, b: [
        m.full(m.count_of(a), "f8", None),
        m.full(m.count_of(m.counting("i8", 4)), "i4", None),
    ],
    "least": lambda m, a, b: [m.least(a, b), m.least(b, a), m.least(a, 1.0)],
    "most": lambda m, a, b: [m.most(a, b), m.most(b, a), m.most(a, 1.0)],
    "smaller": lambda m, a, b: [m.smaller(a, b), m.smaller(b, a), m.smaller(m.counting("i4"), 3)],
    "larger": lambda m, a, b: [m.larger(a, b), m.larger(b, a), m.larger(m.counting("i8"), 3)],
    "shuffle": lambda m, a, b: [m.shuffle(a, b, [1, 30, 5, 5]), m.shuffle(a, a, range(3, 11))],
    "lane": lambda m, a, b: [m.lane(a, 3), m.lane(b, 15)],
    "join": lambda m, a, b: [m.join([a, b]), m.join([a, b, b, a])],
    "build": lambda m, a, b: [m.build([m.lane(a, 3), m.lane(b, 2)])],
    "any": lambda m, a, b: [np.where(m.any(b > n), m.full(1.0, "f8", None), 2.0) for n in (0, 100)],
    "all": lambda m, a, b: [np.where(m.all(b > n), m.full(1.0, "f8", None), 2.0) for n in (0, -100)],
    "reduce": lambda m, a, b: [
        m.reduce(lambda x, y: x + y, b),
        m.reduce(m.smaller, a),
        m.reduce(m.larger, m.to(b, "i8")),
    ],
    "read": lambda m, a, b: parts(m),
    "write": lambda m, a, b: written(m),
    "variable": lambda m, a, b: [loops(m)],
    "range": lambda m, a, b: [loops(m)],
    "when": lambda m, a, b: [loops(m)],
    "workspace": lambda m, a, b: [kept(m)],
    "in_order": lambda m, a, b: [m.in_order([3, 1, 2, 9], "i4"), m.in_order((5, -2), "f8")],
    "bits": lambda m, a, b: [m.bits(b) & 0xFFFF],
    "number": lambda m, a, b: [m.number(m.bits(b))],
    "call": lambda m, a, b: [m.call("floor", a)],
}


@pytest.mark.parametrize("name", public(eager.Machine))
def test_operations_of_the_machine(name):
    a, b, _ = vectors("f8")
    b = np.nan_to_num(b, posinf=50, neginf=-50).clip(-1000, 1000)
    found = same(lambda m: put(m, *(MACHINE[name](m, m.a.vector(0), m.b.vector(0)) or ())), 128, "f8", a=a, b=b)
    assert (found != 77).any()


def test_numbers_that_are_given():
    def text(m):
        put(m, m.part, m.threads, m.count * 2, m.scale * 2, m.counting("f8") * m.scale, m.count + m.counting("i4"))

    found = same(text, 36, "f8", count=5, scale=0.3)
    assert found[:4].tolist() == [0, 1, 10, 0.6]


ARRAY = {
    "vector": lambda m: [m.a.vector(3), m.a.vector(40, 4)],
    "put": lambda m: m.out.put(5, m.a.vector(3)) or m.out.put(40, m.lane(m.a.vector(0), 2)),
    "some": lambda m: (
        [m.a.some(44, m.full(count, "i8", None)) for count in (4, 1, 0)] + [m.a.some(46, m.full(2, "i8", None), 4)]
    ),
    "put_some": lambda m: m.out.put_some(2, m.a.vector(0), m.full(3, "i8", None)),
    "pick": lambda m: [m.a.pick(m.places), m.a.pick(m.places * 1000, m.places < 1)],
    "prefetch": lambda m: m.a.prefetch(m.count * 10**9),
    "starting": lambda m: [m.a.starting(7).vector(2), m.a.starting(m.count).starting(1).vector(0)],
    "indexed": lambda m: [m.a[m.count], m.a[0], m.a.starting(2)[m.count + 1]],
}


@pytest.mark.parametrize("name", ["indexed", *public(eager.Array)])
@each_kind
def test_operations_of_arrays(name, kind):
    """The array ends with what may be touched at last."""

    def text(m):
        m.places = m.to(m.counting("i4") * 7 % 40, "i8")
        put(m, *(ARRAY[name](m) or ()))

    same(text, 80, kind, a=vectors(kind).ravel(), count=5)


def test_assigning_by_an_index():
    def text(m):
        m.out[0], m.out[m.count] = 2.5, m.full(3, "i8", None)

    assert same(text, 6, "f4", count=4).tolist() == [2.5, 77, 77, 77, 3, 77]


@each_float
@pytest.mark.parametrize("group", [4, 8, 16])
def test_channels_to_pixels_and_back(group, kind):
    array = np.arange(group * LANES).astype(kind)

    def there(m):
        put(m, *to_pixels(m, [m.a.vector(c * LANES) for c in range(group)]))

    def back(m):
        put(m, *to_channels(m, [m.a.vector(p * group, group) for p in range(LANES)]))

    found = same(there, array.size, kind, a=array)
    np.testing.assert_array_equal(found.reshape(LANES, group), array.reshape(group, LANES).T)
    np.testing.assert_array_equal(same(back, array.size, kind, a=found), array)


@each_float
@pytest.mark.parametrize("count", [1, 2, 4])
def test_columns(count, kind):
    array = np.arange(count * LANES).astype(kind)

    def text(m):
        rows = [m.a.vector(i * count, count) if count > 1 else m.a[i] for i in range(LANES)]
        put(m, *columns(m, rows))

    np.testing.assert_array_equal(same(text, array.size, kind, a=array), array.reshape(LANES, count).T.ravel())


def expression(m):
    """Some of everything."""
    a, b, c = (m.a.vector(i * LANES) for i in range(3))
    inside = (a >= -1) & (a < b) | ~(c == c)
    picked = np.where(inside, np.floor(a) - b, m.least(c, 2.0))
    put(m, picked, m.larger(picked, c), m.reduce(m.smaller, picked), np.where(m.any(inside), a, -c))


EXPRESSION = {kind: Both(expression, a=kind, out=kind) for kind in FLOATS}


@each_float
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_numbers(kind, data):
    a = data.draw(arrays.arrays(kind, 3 * LANES, elements=st.floats(width=8 * int(kind[1])), fill=st.nothing()))
    np.testing.assert_array_equal(*EXPRESSION[kind](a=a, out=np.zeros(3 * LANES + 1, kind)))


def test_texts_on_several_threads():
    """Each part has its own memory and does its own share."""

    def text(m):
        memory = m.workspace("i8", 1000)
        for i in m.range(m.part, 40, m.threads):
            for j in m.range(0, 1000):
                memory[j] = i
            m.out[i] = memory[999] * m.threads

    made = Both(text, out="i8")
    out = np.zeros(40, "i8")
    made.kernel(4, {"out": out})
    assert out.tolist() == [4 * i for i in range(40)]


def test_signatures_are_the_same():
    for name in set(public(eager.Array)) - {"numbers"}:
        one, other = (inspect.signature(getattr(machine.Array, name)) for machine in (eager, trace))
        assert list(one.parameters) == list(other.parameters), name
