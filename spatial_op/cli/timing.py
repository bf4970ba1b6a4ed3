"""Timing: calls in turn, so that whatever else the machine does meets all of them alike."""

import statistics
import time


def race(functions, seconds, least=5, most=200, rest=0.0):
    """Median seconds per call of functions that take turns.

    Conventions: one untimed call of each comes first. A turn is one call; after a ``rest`` it is calls for a twentieth
    of a second, and untimed ones before them, because threads that slept may wake on the same core and take time to part.

    Parameters
    ----------
    functions : sequence of functions without arguments
    seconds : float
        Stop after this long in all, but not before ``least`` rounds nor after ``most``.
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
    rounds, end = 0, time.perf_counter() + seconds
    while rounds < least or (rounds < most and time.perf_counter() < end):
        for function, taken in zip(functions, times):
            if rest:
                time.sleep(rest)
                repeat(function, 0.05)
            taken += repeat(function, 0.05 if rest else 0.0)
        rounds += 1
    return [statistics.median(taken) for taken in times]


def repeat(function, seconds):
    """How long each call takes, of those that begin within so many seconds, but of one at least."""
    taken = []
    end = time.perf_counter() + seconds
    while not taken or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        taken.append(time.perf_counter() - start)
    return taken
