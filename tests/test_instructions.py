"""Each instruction is written once, outside of the loops that do not change it, and never where its condition does not reach."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import Both

from spatial_op.kernels import kernel, trace

pytestmark = pytest.mark.skipif(not kernel.COMPILED, reason="without the compiler nothing is written")


def blocks(text, **parameters):
    """The instructions of a text's blocks, by the blocks' names."""
    machine = trace.Machine("kernel", parameters)
    text(machine)
    found = re.split(r"^(\S+):$", machine.finish(), flags=re.M)[1:]
    return {name.strip('"'): part for name, part in zip(found[::2], found[1::2])}


def count(code, name):
    """How often an instruction is there."""
    return len(re.findall(rf"\b{re.escape(name)}\b", code))


def test_the_same_is_written_once():
    def text(m):
        x, y = m.data.vector(0), m.data.vector(16)
        m.out.put(0, x * y + x * y)
        m.out.put(16, np.floor(x * y) - np.floor(x * y))

    body = blocks(text, data="f4", out="f4")["body"]
    assert count(body, "fmul contract") == 1
    assert count(body.split("declare")[0], "llvm.floor.v16f32") == 1


def test_other_operands_other_types_and_other_flags_are_not_the_same():
    def text(m):
        x, y = m.data.vector(0), m.data.vector(16)
        m.out.put(0, (x - y) * (y - x))
        m.out.put(16, m.plain_sum(x, y) * (x + y))
        m.out.put(32, m.to(m.to(m.to(x, "i4"), "i8") + m.to(m.to(x, "i8"), "i8"), "f4"))

    body = blocks(text, data="f4", out="f4")["body"]
    assert count(body, "fsub contract") == 2
    assert count(body, "fadd") == 2 and count(body, "fadd contract") == 1
    assert count(body, "fptosi") == 2


def nested(m):
    """Squares of a vector, of which one is the same for all, one for each row and one for each place."""
    x = m.data.vector(0)
    for i in m.range(0, m.rows):
        y = m.data.vector(16 * i)
        for j in m.range(0, m.columns):
            z = m.data.vector(16 * j)
            m.out.put(16 * (i * m.columns + j), x * x + (y * y + z * z))


def test_each_instruction_is_in_the_outermost_loop_that_it_can_be_in():
    found = blocks(nested, data="f4", out="f4", rows="int", columns="int")
    assert [count(part, "fmul contract") for part in found.values() if "fmul" in part] == [1, 1, 1]
    assert [name for name, part in found.items() if "fmul" in part] == ["before", "before.1", "turn.1"]


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(-1, 3), columns=st.integers(-1, 3))
def test_loops_of_few_turns_and_of_none(rows, columns):
    data = np.arange(64, dtype=np.float32)
    out = np.full(16 * 9, 7, np.float32)
    fast, plain = NESTED(data=data, out=out, rows=rows, columns=columns)
    np.testing.assert_array_equal(fast, plain)
    assert np.all(plain[16 * max(rows, 0) * max(columns, 0) :] == 7)


NESTED = Both(nested, data="f4", out="f4", rows="int", columns="int")


def test_what_is_written_behind_a_condition_is_not_known_behind_it():
    def text(m):
        x = m.data.vector(0)
        for _ in m.when(m.rows > 0):
            m.out.put(0, x * x)
        for _ in m.when(m.columns > 0):
            m.out.put(16, x * x)
        m.out.put(32, x * x)

    parameters = {"data": "f4", "out": "f4", "rows": "int", "columns": "int"}
    assert sum(count(part, "fmul contract") for part in blocks(text, **parameters).values()) == 3
    both = Both(text, **parameters)
    data = np.arange(16, dtype=np.float32)
    for rows, columns in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        fast, plain = both(data=data, out=np.zeros(48, np.float32), rows=rows, columns=columns)
        np.testing.assert_array_equal(fast, plain)


def test_a_division_of_whole_numbers_stays_behind_its_condition():
    def text(m):
        m.out[0] = 5
        for _ in m.range(0, 2):
            for _ in m.when(m.rows > 0):
                m.out[0] = (m.rows + 100) // m.rows

    found = blocks(text, out="i8", rows="int")
    assert [name for name, part in found.items() if "sdiv" in part] == ["then"]
    both = Both(text, out="i8", rows="int")
    for rows, wanted in [(0, 5), (7, 15)]:
        fast, plain = both(out=np.zeros(1, np.int64), rows=rows)
        assert fast == plain == wanted


def test_variables_are_read_anew():
    def text(m):
        total = m.variable(m.full(0.0, "f4"))
        x = m.data.vector(0)
        for _ in m.range(0, m.rows):
            total.value = total.value * x + total.value
            total.value = total.value + x
        m.out.put(0, total.value)

    data = np.arange(16, dtype=np.float32)
    fast, plain = Both(text, data="f4", out="f4", rows="int")(data=data, out=np.zeros(16, np.float32), rows=3)
    np.testing.assert_array_equal(fast, plain)
