"""Files of MXNet's arrays, read without MXNet: those that MXNet 1.9.1 wrote, older ones, and damaged ones."""

import pathlib
import re
import struct
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
import record_checkpoints
from record_checkpoints import FOLDER

import spatial_op as so

V1, V2, V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
VALUES = np.arange(6, dtype="float32").reshape(2, 3)

# MXNet uses what NumPy has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def load(name):
    return so.mxnet.load_params(FOLDER / name)


def assert_same(found, expected):
    assert type(found) is np.ndarray and found.dtype == expected.dtype and found.flags.writeable
    assert found.shape == expected.shape and found.tobytes() == expected.tobytes()


def test_every_dtype_with_its_name():
    found = load("dtypes.params")
    assert list(found) == list(record_checkpoints.by_dtype())
    for name, array in record_checkpoints.by_dtype().items():
        assert_same(found[name], array)


def test_bfloat16_has_the_same_values_as_float32():
    assert_same(load("bfloat16.params")["a"], record_checkpoints.VALUES)


def test_lists():
    arange, ones = load("list.params")
    assert_same(arange, np.arange(3, dtype="float32"))
    assert_same(ones, np.ones((2, 1, 2), "float32"))
    assert_same(load("one.params")[0], arange)
    assert load("nothing.params") == []


def test_shapes_of_numpy():
    found = load("shapes.params")
    assert_same(found["scalar"], np.array(5, "float32"))
    assert_same(found["empty"], np.zeros((0, 3), "float32"))
    assert_same(found["axis"], np.arange(2, dtype="float32"))


@pytest.mark.parametrize("name", ["csr", "row_sparse"])
def test_sparse_arrays_are_refused(name):
    with pytest.raises(
        ValueError, match=rf"which has a sparse array \({name}\), array \d of \d, .* save array\.tostype"
    ):
        load(f"{name}.params")


def file_of(*arrays, names=()):
    """The bytes of a file, of arrays that are bytes already."""
    texts = [struct.pack("<Q", len(name)) + name for name in names]
    return (
        struct.pack("<QQQ", 0x112, 0, len(arrays)) + b"".join(arrays) + struct.pack("<Q", len(texts)) + b"".join(texts)
    )


def array_of(version, shape=(2, 3), kind=0, values=None):
    """The bytes of an array; version 0 has no magic number, and shapes of 32 bits."""
    axes, storage = len(shape), struct.pack("<i", 0) if version > V1 else b""
    if version == 0:
        sizes = struct.pack(f"<I{axes}I", axes, *shape)
    else:
        sizes = struct.pack("<I", version) + storage + struct.pack(f"<i{axes}q", axes, *shape)
    return sizes + struct.pack("<iii", 2, 1, kind) + (VALUES.tobytes() if values is None else values)  # from a GPU


VERSIONS = {"oldest": 0, "V1": V1, "V2": V2, "V3": V3}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_of_the_format(tmp_path, version):
    """Also beside MXNet, which reads but does not write the first two."""
    path = tmp_path / "old.params"
    path.write_bytes(file_of(*[array_of(VERSIONS[version])] * 2, names=(b"a", "\xfc".encode())))
    found = so.mxnet.load_params(path)
    assert list(found) == ["a", "\xfc"]
    for array in found.values():
        assert_same(array, VALUES)


KINDS = {8: "int16", 9: "uint16", 10: "uint32", 11: "uint64"}


@pytest.mark.parametrize("kind", KINDS)
def test_integers_that_arrays_of_mxnet_do_not_have(tmp_path, kind):
    """The format has numbers for them."""
    path, values = tmp_path / "x.params", np.array([1, 2, 2**15 - 1], KINDS[kind])
    path.write_bytes(file_of(array_of(V2, (3,), kind, values.tobytes())))
    assert_same(so.mxnet.load_params(str(path))[0], values)


def test_every_number_but_zero_is_true(tmp_path):
    path = tmp_path / "x.params"
    path.write_bytes(file_of(array_of(V2, (3,), 7, b"\0\1\xff")))
    assert_same(so.mxnet.load_params(path)[0], np.array([False, True, True]))


HUGE = 2**31 - 1
GOOD = array_of(V2)
DAMAGED = {
    "nothing": (b"", r"is empty, .*; pass for example 'network-0000\.params'"),
    "text": (b"something else", r"begins with the bytes 736f6d657468696e, .*; pass for example .*"),
    "json": (b'{"nodes": []}', r"begins .*; it seems to be JSON, read a symbol with spatial_op\.mxnet\.describe"),
    "npz": (b"PK\x03\x04 and so on", r"begins .*; it is NumPy's, read it with numpy\.load"),
    "head": (file_of()[:20], r"ends within its head: 8 bytes are needed and 4 are left, .*; copy or save it again"),
    "many arrays": (struct.pack("<QQQ", 0x112, 0, 2**64 - 1), r"ends within array 1 of 18446744073709551615: .*"),
    "large": (file_of(array_of(V2, (HUGE, HUGE))), r"says that array 1 of 1 has shape .*, which no memory has room for, .*"),
    "larger": (file_of(array_of(V2, (HUGE, 8))), r"ends within array 1 of 1: \d{11} bytes are needed and 32 are left, .*"),
    "none of many": (file_of(array_of(V3, (0, 2**62), values=b"")), r"says that array 1 of 1 has shape .*"),
    "axes": (file_of(array_of(V2, (1,) * 33)), r"says that array 1 of 1 has 33 axes, which is more than MXNet has, .*"),
    "magic": (file_of(array_of(0xF993FAC7)), r"says that array 1 of 1 has 4187224775 axes, .*"),
    "no axes": (file_of(array_of(V2, (), values=b"")), r"says that array 1 of 1 has no numbers yet, .*; initialise .*"),
    "unknown shape": (file_of(struct.pack("<Iii", V3, 0, -1)), r"says that array 1 of 1 has no numbers yet, .*"),
    "unknown size": (file_of(array_of(V3, (2, -1))), r"says that array 1 of 1 has no numbers yet, .*"),
    "dtype": (file_of(GOOD, array_of(V2, kind=99)), r"says that array 2 of 2 has a dtype number 99, which MXNet does not have, .*"),
    "many names": (file_of(GOOD)[:-8] + struct.pack("<Q", 2**63), r"ends within its names: 8 bytes are needed and 0 are left, .*"),
    "long name": (file_of(GOOD)[:-8] + struct.pack("<QQ", 1, 2**63), r"ends within its names: 9223372036854775808 bytes .*"),
    "few names": (file_of(GOOD, GOOD, names=(b"a",)), r"has 2 arrays, and 1 different names for them, .*"),
    "same names": (file_of(GOOD, GOOD, names=(b"a", b"a")), r"has 2 arrays, and 1 different names for them, .*"),
    "names of many": (file_of(GOOD, names=(b"a", b"b")), r"has 1 arrays, and 2 different names for them, .*"),
    "no text": (file_of(GOOD, names=(b"\xff",)), r"has names that are no UTF-8, .*"),
    "more": (file_of(GOOD) + b"12", r"goes on for 2 bytes after its names, .*"),
}  # fmt: skip


def refusal(path):
    """The sentence about a file; nothing large is allocated for it."""
    tracemalloc.start()
    try:
        with pytest.raises(ValueError) as caught:
            so.mxnet.load_params(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
    return str(caught.value)


@pytest.mark.parametrize("damage", DAMAGED)
def test_damaged_files_are_refused(tmp_path, damage):
    path = tmp_path / "x.params"
    content, sentence = DAMAGED[damage]
    path.write_bytes(content)
    said = refusal(path)
    begin = re.escape(f"load_params: path is {str(path)!r}, which ")
    assert re.fullmatch(rf"{begin}{sentence}\.", said) and said.count(", expected a whole file") == 1, said


def test_a_file_is_read_whole_or_not(tmp_path):
    """Cut anywhere, it is refused."""
    content, path = (FOLDER / "dtypes.params").read_bytes(), tmp_path / "cut.params"
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert "ends within" in refusal(path) or size < 8


def test_any_byte_may_be_wrong(tmp_path):
    """There are arrays, or one sentence."""
    content, path = bytearray((FOLDER / "shapes.params").read_bytes()), tmp_path / "wrong.params"
    refused = 0
    for place, byte in enumerate(content):
        for wrong in {0, 1, 0x7F, 0xFF, byte ^ 1} - {byte}:
            content[place] = wrong
            path.write_bytes(content)
            try:
                assert so.mxnet.load_params(path)
            except ValueError as error:
                refused += 1
                assert re.fullmatch(r"load_params: path is .*, expected .*\.", str(error)), error
        content[place] = byte
    assert refused > len(content)


def test_paths():
    for wrong in (None, 5, b"x.params", np.zeros(2)):
        with pytest.raises(TypeError, match=r"^load_params: path is a .*, expected a path; pass for example 'network"):
            so.mxnet.load_params(wrong)
    with pytest.raises(FileNotFoundError):
        load("missing.params")


WITHOUT = """
import sys
sys.modules["mxnet"] = None  # no import finds it
import spatial_op.mxnet
assert len(spatial_op.mxnet.load_params(sys.argv[1])) == 8 and spatial_op.mxnet.describe(sys.argv[2])
for name in ("patch", "unpatch", "convert", "revert"):
    try:
        getattr(spatial_op.mxnet, name)
    except ImportError as error:
        assert str(error).startswith(f"{name}: MXNet cannot be imported here (") and "mxnet==1.9.1" in str(error), error
    else:
        raise AssertionError(name)
assert not hasattr(spatial_op.mxnet, "missing")
"""


def test_mxnet_is_not_needed():
    command = [sys.executable, "-c", WITHOUT, str(FOLDER / "dtypes.params"), str(FOLDER / "module-symbol.json")]
    subprocess.run(command, check=True, cwd=pathlib.Path(so.__file__).parents[1])


def mxnets(mx, path):
    """What MXNet itself reads, as NumPy's arrays."""
    found = mx.nd.load(str(path))
    named = found if isinstance(found, dict) else dict(enumerate(found))
    return {name: array.asnumpy() for name, array in named.items()}


def assert_as_mxnet_reads(mx, path):
    found, expected = so.mxnet.load_params(path), mxnets(mx, path)
    found = found if isinstance(found, dict) else dict(enumerate(found))
    assert sorted(found) == sorted(expected)
    for name, array in expected.items():
        assert_same(found[name], array)


@pytest.mark.parametrize("version", VERSIONS)
def test_mxnet_reads_the_same_from_every_version(tmp_path, version):
    mx = pytest.importorskip("mxnet")
    path = tmp_path / "old.params"
    path.write_bytes(file_of(*[array_of(VERSIONS[version])] * 2, names=(b"a", b"b")))
    with mx.util.np_shape(version == "V3"):
        assert_as_mxnet_reads(mx, path)


def test_what_mxnet_saves_now(tmp_path):
    """The committed files are those that are written, and any shape and dtype comes back as MXNet reads it."""
    mx = pytest.importorskip("mxnet")
    for name, save in record_checkpoints.arrays(mx).items():
        save(str(tmp_path / name))
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name
    rng = np.random.default_rng(0)
    for axes in range(1, 7):
        for dtype in record_checkpoints.DTYPES:
            arrays = [mx.nd.array(rng.integers(0, 100, rng.integers(1, 4, axes)), dtype=dtype) for _ in range(3)]
            for data in (arrays, {f"arg:{number}\xfc": array for number, array in enumerate(arrays)}):
                mx.nd.save(str(tmp_path / "now.params"), data)
                assert_as_mxnet_reads(mx, tmp_path / "now.params")
