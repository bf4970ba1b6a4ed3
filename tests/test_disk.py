"""Compiled code on disk: whatever happens to the files, answers are right, no error is seen, and the next process finds good ones."""

import os
import shutil
import subprocess
import sys
import time

import pytest
from programs import copy_package, run

from spatial_op.kernels import disk

# A call whose kernel compiles quickly; prints whether its answer is right.
CALL = """
flow = np.zeros((1, 2, 1, 3), "float32")
flow[0, 0, 0] = 1, 0, -1
grid = so.GridGenerator(flow, "warp")
print(grid[0, 0, 0].tolist() == [0, 0, 0] and not grid[0, 1].any())
"""


def answer(cache, before="", root=None, **env):
    """Run the call in a process of its own."""
    assert run(before + CALL, cache, size=2, root=root, **env).strip() == "True"


def files(cache):
    """What the cache holds."""
    return sorted(path for path in (cache / "spatial_op").iterdir())


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cache as the call leaves it: with one good file."""
    place = tmp_path_factory.mktemp("made")
    answer(place)
    assert [path.suffix for path in files(place)] == [".kernel"]
    return place


@pytest.fixture
def cache(made, tmp_path):
    """A cache of one's own with that file."""
    return shutil.copytree(made, tmp_path / "cache")


DAMAGES = {
    "empty": lambda content: b"",
    "cut after some bytes": lambda content: content[:10],
    "cut in the digest": lambda content: content[:31],
    "cut in the middle": lambda content: content[: len(content) // 2],
    "without its last byte": lambda content: content[:-1],
    "longer": lambda content: content + b"\0",
    "another first byte": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "another byte in the code": lambda content: content[:1500] + bytes([content[1500] ^ 16]) + content[1501:],
    "another last byte": lambda content: content[:-1] + bytes([content[-1] ^ 128]),
    "something else": lambda content: b"(lp0\n" * 1000,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_made_anew(cache, damage):
    (file,) = files(cache)
    good = file.read_bytes()
    file.write_bytes(DAMAGES[damage](good))
    answer(cache)
    (again,) = files(cache)
    assert again == file and disk.checked(file.name, file.read_bytes()) is not None


def test_a_good_file_is_read_and_not_written_again(cache):
    (file,) = files(cache)
    before = file.stat().st_ino
    answer(cache)
    assert file.stat().st_ino == before


def test_a_file_under_another_kernels_name_is_not_believed(cache):
    """Whole, but not what the name says: the code of another kernel must not run in its place."""
    (file,) = files(cache)
    program = 'print(so.GridGenerator(so.identity_loc("affine"), "affine", (1, 2))[0, 0, 0].tolist() == [-1, 1])'
    assert run(program, cache, size=2).strip() == "True"
    (other,) = set(files(cache)) - {file}
    other.write_bytes(file.read_bytes())
    assert run(program, cache, size=2).strip() == "True"


def test_files_that_cannot_be_read_or_replaced(cache):
    """A folder where the file should be."""
    (file,) = files(cache)
    file.unlink()
    (file / "inside").mkdir(parents=True)
    answer(cache)


KILLS = {
    "before the file is written": "pathlib.Path.write_bytes = lambda *a: os._exit(0)",
    "half-way": """
whole = pathlib.Path.write_bytes
pathlib.Path.write_bytes = lambda file, content: (whole(file, content[: len(content) // 2]), os._exit(0))
""",
    "before it is renamed": "os.replace = lambda *a: os._exit(0)",
}


@pytest.mark.parametrize("moment", KILLS)
def test_a_kill_at_any_moment_costs_time_only(tmp_path, moment):
    """The process ends at once, as if killed; it prints nothing, because it never comes to that."""
    assert run("import pathlib\n" + KILLS[moment] + CALL, tmp_path, size=2) == ""
    assert not [path for path in files(tmp_path) if path.suffix == ".kernel"]
    answer(tmp_path)
    assert [path.suffix for path in files(tmp_path)].count(".kernel") == 1


def started(tmp_path):
    """A process that makes the call, with a package and a cache in this folder."""
    root = tmp_path / "copy"
    if not root.exists():
        copy_package(root)
    environment = {
        **os.environ, "PYTHONPATH": str(root), "NUMBA_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(root / "home")
    }  # fmt: skip
    program = f"import numpy as np, spatial_op as so\n{CALL}"
    return subprocess.Popen(
        [sys.executable, "-c", program], env=environment, cwd=root, stdout=subprocess.PIPE, text=True
    )


def test_real_kills(tmp_path):
    """At random moments, most while it compiles or writes."""
    for number in range(8):
        process = started(tmp_path)
        time.sleep(0.4 + 0.25 * number)
        process.kill()
        process.communicate()
    answer(tmp_path, root=tmp_path / "copy")


def test_processes_that_write_at_once(tmp_path):
    several = [started(tmp_path) for _ in range(4)]
    assert [process.communicate()[0] for process in several] == ["True\n"] * 4
    assert [path.suffix for path in files(tmp_path)] == [".kernel"]


def test_a_full_disk(tmp_path):
    """No file may be longer than some bytes: writing fails half-way, as on a full disk."""
    pytest.importorskip("resource")
    full = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    answer(tmp_path, full)
    assert files(tmp_path) == []


def test_what_cannot_be_written_is_not_kept(tmp_path):
    """Whatever the reason: the answer comes, and no error."""
    broken = "from spatial_op.kernels import disk\ndef write(*given): raise OSError('nothing can be written')\ndisk.write = write\n"
    answer(tmp_path, broken)
    assert files(tmp_path) == []


def test_files_have_the_permissions_of_others(tmp_path):
    """A folder that users share: what one has compiled all can read."""
    answer(tmp_path, "os.umask(0o022)\n")
    assert [file.stat().st_mode & 0o777 for file in files(tmp_path)] == [0o644]


def test_the_folder_stays_below_a_limit(tmp_path, monkeypatch):
    """What was used last stays; files that were never finished go after a while."""
    monkeypatch.setattr(disk, "MOST", 250)
    for number, name in enumerate(("a.kernel", "b.kernel", "c.kernel", "old.part", "new.part", "other.txt")):
        (tmp_path / name).write_bytes(b"x" * 100)
        os.utime(tmp_path / name, (1000 + number, 1000 + number))
    os.utime(tmp_path / "new.part")
    os.utime(tmp_path / "a.kernel")  # used again
    disk.make_room(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.kernel", "new.part", "other.txt"]


def test_what_is_used_stays_young(cache):
    (file,) = files(cache)
    os.utime(file, (1000, 1000))
    answer(cache)
    assert file.stat().st_mtime > time.time() - 600
