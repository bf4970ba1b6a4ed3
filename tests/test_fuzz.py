"""Fuzzing: half a minute, or as long as ``pytest tests/test_fuzz.py --fuzz-minutes 30`` says."""

import sys

import numpy as np
import pytest
from programs import run

if sys.platform != "linux":
    pytest.skip("pages that cannot be touched are made by Linux's mprotect", allow_module_level=True)

from fuzz import fuzz


def test_random_calls(request, record_property):
    """Every call is compared in several ways; the table says how many there were."""
    counts = fuzz(request.config.getoption("--fuzz-minutes"), request.config.getoption("--fuzz-seed"))
    assert counts["calls"] > 0
    for what, count in sorted(counts.items()):
        record_property("table", ("Random calls without a finding", ("what", "times"), (what, str(count))))


@pytest.mark.parametrize("touch", ["array[-1] = 1", "memory.numbers.ctypes.data"])
def test_one_step_beyond_ends_the_process(touch):
    """The net has no hole: a read after the last number, and a write to a locked input, are found."""
    code = f"""
    import ctypes, sys
    sys.path.insert(0, "tests")
    from guarded import guarded
    pid = os.fork()
    if pid == 0:
        array, memory = guarded(np.ones(5, "float32"), [0], [1])
        found = {touch if "=" not in touch else None}
        if found:
            ctypes.c_float.from_address(found + array.nbytes).value
        {touch if "=" in touch else "pass"}
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(pid, 0)[1]) != 0)
    """
    assert run(code, None, size=2).strip() == "True"


def test_guarded_arrays_hold_their_numbers():
    from guarded import guarded

    values = np.arange(24.0).reshape(2, 3, 4)
    for order, steps, at_end in (((0, 1, 2), (1, 1, 1), True), ((2, 0, 1), (-2, 1, -1), False)):
        array, _ = guarded(values, order, steps, at_end=at_end)
        np.testing.assert_array_equal(array, values)
    array, _ = guarded(np.broadcast_to(values[:1], values.shape), (0, 1, 2), (1, 1, 1), repeated=(0,))
    assert array.strides[0] == 0 and (array == values[:1]).all()
