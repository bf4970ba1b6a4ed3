"""The process survives: forks, threads, pools, every threading layer, no JIT, no cache; right answers and exit code 0."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap

import pytest
from programs import PRELUDE, run

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all programs, so that kernels are compiled once."""
    return tmp_path_factory.mktemp("cache")


# TBB from a wheel is found only when it is loaded beforehand.
LOAD_TBB = """
import ctypes, glob
for path in glob.glob(os.path.join(sys.prefix, "lib", "libtbb.so*")):
    ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    break
"""


@functools.cache
def loads(layer):
    probe = (
        f"import os, sys, warnings; warnings.simplefilter('ignore')\n{LOAD_TBB}\nimport numba; numba.get_num_threads()"
    )
    env = {**os.environ, "NUMBA_THREADING_LAYER": layer}
    return subprocess.run([sys.executable, "-c", probe], env=env, capture_output=True).returncode == 0


@pytest.fixture(params=["omp", "tbb", "workqueue"])
def layer(request):
    if not loads(request.param):
        pytest.skip(f"Numba cannot load its {request.param} layer here")
    return request.param


def in_layer(layer, code, cache):
    """Run a program that has used the layer, and see that it was this layer."""
    head = LOAD_TBB + "assert work()\nimport numba\nassert numba.threading_layer() == LAYER, numba.threading_layer()\n"
    return run(head.replace("LAYER", repr(layer)) + textwrap.dedent(code), cache, NUMBA_THREADING_LAYER=layer)


def test_each_layer(layer, cache):
    in_layer(layer, "assert work()", cache)


def test_fork_after_use(layer, cache):
    code = """
    pid = os.fork()
    if pid == 0:
        os._exit(0 if work() and work() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert work()
    """
    in_layer(layer, code, cache)


def test_fork_of_a_fork_and_threads_in_it(layer, cache):
    code = """
    def child():
        threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(3)]
        [thread.start() for thread in threads], [thread.join() for thread in threads]
        pid = os.fork()
        if pid == 0:
            os._exit(0 if work() else 1)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 and results == [True] * 3
    results = []
    pid = os.fork()
    if pid == 0:
        os._exit(0 if child() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    """
    in_layer(layer, code, cache)


def test_threads_at_once(layer, cache):
    code = """
    results = []
    def many():
        results.extend(work() for _ in range(15))
    threads = [threading.Thread(target=many) for _ in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert results == [True] * 60, results
    """
    in_layer(layer, code, cache)


def test_first_use_by_threads_at_once(layer, cache):
    code = LOAD_TBB + textwrap.dedent("""
    results = []
    threads = [threading.Thread(target=lambda: results.append(work())) for _ in range(4)]
    [thread.start() for thread in threads], [thread.join() for thread in threads]
    assert results == [True] * 4, results
    """)
    run(code, cache, NUMBA_THREADING_LAYER=layer)


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.parametrize("used_before", [True, False])
def test_pools(method, used_before, cache, tmp_path):
    """As a script, which spawn needs."""
    program = PRELUDE.replace("SIZE", "200") + textwrap.dedent(f"""
    if __name__ == "__main__":
        assert not {used_before} or work()
        with multiprocessing.get_context({method!r}).Pool(2) as pool:
            assert pool.map(work, range(6)) == [True] * 6
        assert work()
    """)
    script = tmp_path / "pool.py"
    script.write_text(program)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run([sys.executable, str(script)], env=env, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr


def test_first_import_in_a_forked_child(cache):
    """The parent used Numba's threads without this package, which thus could not see the fork."""
    code = """
    import subprocess
    program = '''
    import os, numba, numpy as np
    @numba.njit(parallel=True)
    def total(a):
        s = 0.0
        for i in numba.prange(a.size):
            s += a[i]
        return s
    total(np.ones(100000))
    pid = os.fork()
    if pid == 0:
        import spatial_op as so
        data = np.ones((2, 3, 200, 201), "float32")
        out = so.SpatialTransformer(data, so.identity_loc("affine", 2), (200, 201))
        os._exit(0 if np.array_equal(out, data) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    '''
    import textwrap
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", textwrap.dedent(program)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    """
    run(code, cache)


def test_one_thread(cache):
    run("assert work()", cache, NUMBA_NUM_THREADS="1")


def test_a_layer_that_does_not_exist(cache):
    """No threading layer at all: serial."""
    if loads("tbb"):
        pytest.skip("TBB is there")
    code = "from spatial_op.kernels import threads\nassert work() and threads.threads_for(8, 10**6) == 1"
    run(code, cache, NUMBA_THREADING_LAYER="tbb")


# What the programs below have compiled, which the log says; what came from the disk is not in it.
COMPILED = """
import logging
compiled = []
class Noted(logging.Handler):
    def emit(self, record):
        compiled.append(record.getMessage())
logging.getLogger("spatial_op").addHandler(Noted())
logging.getLogger("spatial_op").setLevel(logging.INFO)
"""


def unwritable_copy(tmp_path):
    """The package where Numba can keep nothing: the places it would use are files."""
    root = tmp_path / "copy"
    shutil.copytree(ROOT / "spatial_op", root / "spatial_op", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "spatial_op" / "kernels" / "__pycache__").write_text("a file, not a directory")
    (tmp_path / "file").write_text("")
    nowhere = str(tmp_path / "file" / "nowhere")
    return root, {
        "NUMBA_CACHE_DIR": nowhere,
        "HOME": nowhere,
        "XDG_CACHE_HOME": nowhere,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def test_unwritable_cache(tmp_path):
    root, env = unwritable_copy(tmp_path)
    code = (
        COMPILED
        + "\nassert work() and work()\nfrom spatial_op.kernels import disk\nprint(disk.folder(), len(compiled) > 0)"
    )
    where = env.pop("NUMBA_CACHE_DIR")
    for _ in range(2):  # nothing was kept
        assert run(code, where, size=20, root=root, **env).split() == ["None", "True"]


def test_cache_directory_that_vanishes(tmp_path):
    """The folder is found, and cannot be written to when the kernel is compiled."""
    code = """
    import shutil, pathlib
    from spatial_op.kernels import disk
    assert disk.folder()
    place = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
    shutil.rmtree(place)
    place.write_text("a file now")
    assert work()
    """
    run(code, tmp_path / "cache", size=20)


ONE_CALL = (
    COMPILED
    + """
out = so.SpatialTransformer(DATA, LOC, (3, 3))
print(len(compiled), float(np.abs(out).sum()))
"""
)


def test_cache_is_hit_by_a_new_process_and_never_stale(tmp_path):
    """The edited file, that of a row, keeps its size and its time stamp."""
    root, cache = tmp_path / "copy", tmp_path / "cache"
    shutil.copytree(ROOT / "spatial_op", root / "spatial_op", ignore=shutil.ignore_patterns("__pycache__"))
    count, first = run(ONE_CALL, cache, size=5, root=root).split()
    assert count == "1"
    count, again = run(ONE_CALL, cache, size=5, root=root).split()
    assert count == "0" and again == first
    source = root / "spatial_op" / "samplers" / "bilinear.py"
    stamp = source.stat()
    text = source.read_text()
    assert "return 1 - f, f" in text
    source.write_text(text.replace("return 1 - f, f", "return 5 - f, f"))
    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    shutil.rmtree(source.parent / "__pycache__", ignore_errors=True)
    count, edited = run(ONE_CALL, cache, size=5, root=root).split()
    assert count == "1" and edited != first


def test_import_is_light(cache):
    """NumPy and nothing else of size, until a kernel is needed."""
    code = "print([name for name in ('numba', 'llvmlite', 'click', 'matplotlib', 'torch', 'mxnet', 'jax') if name in sys.modules])"
    assert run(code, cache, size=2).strip() == "[]"


def test_a_kernel_is_compiled_once_for_one_thread_and_for_many(tmp_path):
    """Small calls on one thread, large ones on two: the second only adds the loop by which threads call any kernel."""
    code = COMPILED + "assert work()\nprint(sorted(line.rpartition(' in ')[0] for line in compiled))"
    found = [run(code, tmp_path, size=size).strip() for size in (20, 200, 200)]
    kernel = "compiled SpatialTransformer affine bilinear float32"
    both = [f"{kernel}, forward, 2 to 4 channels", f"{kernel}, gradients, 2 to 4 channels"]
    assert found == [repr(both), "['compiled loop over threads']", "[]"]


def test_kernels_that_different_processes_compiled_are_not_confused(tmp_path):
    """Two processes give their kernels the same names and types; a third that loads both calls each through its address."""
    code = """
    from spatial_op.kernels import threads
    threads.threads_for = lambda units, elements: 2
    def line(name):
        return so.GridGenerator(so.identity_loc(name, 4) * np.float32(0.5), name, (2, 3))[0, 0, 0].tolist()
    for name in NAMES:
        assert line(name) == ([-1, 0, 1] if name == "translation" else [-0.5, 0, 0.5]), name
    """
    first, second = "translation", "attention"
    for names in ([first], [second], [first, second, first], [second, first, second]):
        run(textwrap.dedent(code).replace("NAMES", repr(names)), tmp_path, size=2)


@pytest.mark.parametrize("wait", [0.03, 0.1, 0.3, 2.0])
def test_fork_while_another_thread_makes_the_first_call(wait, tmp_path):
    """While it imports the compiler, or compiles: the child calls too, and both end."""
    code = f"""
    import time
    flow = np.zeros((1, 2, 3, 4), "float32")
    thread = threading.Thread(target=lambda: so.GridGenerator(so.identity_loc("affine"), "affine", (3, 4)))
    thread.start()
    time.sleep({wait})
    pid = os.fork()
    if pid == 0:
        os._exit(0 if (so.GridGenerator(flow, "warp")[0, 0, 0, [0, -1]] == [-1, 1]).all() else 1)
    thread.join()
    end = time.monotonic() + 120
    while (done := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < end:
        time.sleep(0.1)
    if done == (0, 0):
        os.kill(pid, 9)
    assert done[0] == pid and os.waitstatus_to_exitcode(done[1]) == 0, done
    """
    run(
        "import warnings\nwarnings.simplefilter('ignore', DeprecationWarning)\n" + textwrap.dedent(code),
        tmp_path,
        size=2,
    )
