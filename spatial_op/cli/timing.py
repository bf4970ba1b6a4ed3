"""Timing: calls in turn, so that whatever else the machine does meets all of them alike."""

import statistics
import time


def race(functions, seconds, least=5, most=200):
    """Median seconds per call of functions that take turns.

    Conventions: one untimed call of each comes first.

    Parameters
    ----------
    functions : sequence of functions without arguments
    seconds : float
        Stop after this long in all, but not before ``least`` rounds nor after ``most``.

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
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]
