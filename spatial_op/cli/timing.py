"""Timing: calls in turn, so that whatever else the machine does meets all of them alike."""

import statistics
import time


def race(functions, seconds, least=5, most=200, rest=0.0):
    """Median seconds per call of functions that take turns.

    Conventions: one untimed call of each comes first. A turn is one call; after a ``rest`` it is one untimed call and
    three timed ones.

    Parameters
    ----------
    functions : sequence of functions without arguments
    seconds : float
        Stop after this long in all, but not before ``least`` timed calls of each function nor after ``most``.
    rest : float
        How many seconds to sleep before each turn, for libraries whose threads go on waiting busily for more work after
        a call, which slows whoever comes next: OpenBLAS's do for 0.1 s.

    Returns
    -------
    medians : list of float
    """
    for function in functions:
        function()
    times = [[] for _ in functions]
    end = time.perf_counter() + seconds
    while len(times[0]) < least or (len(times[0]) < most and time.perf_counter() < end):
        for function, taken in zip(functions, times):
            if rest:
                time.sleep(rest)
                function()
            for _ in range(3 if rest else 1):
                start = time.perf_counter()
                function()
                taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]
