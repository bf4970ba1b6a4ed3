"""The command `warp` on NumPy's own files."""

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so
from spatial_op.cli.main import cli

pytest.importorskip("PIL")

HEIGHT, WIDTH = 20, 31
STEPS = ("--rotate", "10", "--translate", "2,0")


@pytest.fixture
def run(tmp_path):
    """Warp an array in ``in.npy``; the array in ``out.npy``, or the last line of what is said."""

    def invoke(values, *options, target="out.npy"):
        np.save(tmp_path / "in.npy", values)
        arguments = ["warp", str(tmp_path / "in.npy"), str(tmp_path / target), *map(str, options)]
        result = CliRunner().invoke(cli, arguments)
        if result.exit_code:
            assert not (tmp_path / target).exists()
            return result.output.splitlines()[-1]
        out = np.load(tmp_path / target)
        assert result.output == f"wrote {tmp_path / target} ({' x '.join(map(str, out.shape))}, {out.dtype})\n"
        return out

    return invoke


def random(*shape):
    return np.random.default_rng(0).integers(0, 200, shape)


def matrix():
    """What STEPS make."""
    from spatial_op.cli.geometry import Geometry

    return Geometry(rotate=10.0, translate=(2.0, 0.0)).of(HEIGHT, WIDTH)[0]


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64", "int64", "bool", "complex64", ">f4"])
@pytest.mark.parametrize("letters", ["yx", "cyx", "yxc", "tyxc", "xy"])
def test_arrays_of_every_kind(run, letters, dtype):
    shape = tuple({"y": HEIGHT, "x": WIDTH, "c": 3, "t": 2}[letter] for letter in letters)
    values = random(*shape).astype(dtype)
    out = run(values, *STEPS, "--axes", letters)
    axes = letters.index("y"), letters.index("x")
    planes = np.moveaxis(values, axes, (-2, -1)).reshape(-1, HEIGHT, WIDTH)
    expected = so.warp(planes, matrix(), channel_axis=0)
    np.testing.assert_array_equal(np.moveaxis(out, axes, (-2, -1)).reshape(planes.shape), expected)
    assert out.dtype == expected.dtype


def test_sizes_and_fills(run):
    values = random(3, HEIGHT, WIDTH).astype("float32")
    assert run(values, *STEPS, "--size", "50%").shape == (3, 10, 16)
    assert (run(values, "--translate", "3,0", "--fill", -7.5)[..., :3] == -7.5).all()


@pytest.mark.parametrize(
    ("dtype", "fill"), [("uint64", 2**64 - 1), ("int64", -(2**63) + 1), ("complex64", 3), ("bool", 1)]
)
def test_fills_of_every_kind_are_exact(run, dtype, fill):
    values = random(HEIGHT, WIDTH).astype(dtype)
    out = run(values, "--translate", "3,0", "--fill", fill)
    assert (out[:, :3] == np.array(fill, dtype)).all()
    np.testing.assert_array_equal(out[:, 3:], values[:, :-3])


def test_what_cannot_be_warped_is_one_sentence(run, tmp_path):
    values = random(HEIGHT, WIDTH)
    for array, options, words in (
        (random(5), (), "it has shape (5,)"),
        (np.zeros((0, 5)), (), "it has shape (0, 5)"),
        (np.array([["a", "b"]]), (), "dtype <U1"),
        (random(HEIGHT, WIDTH, 3), (), "say --axes yxc"),
        (values, ("--axes", "cyx"), "--axes is 'cyx'"),
        (values, ("--chunk", 5), "--chunk is given and IN is no zarr array"),
        (values, ("--fill", "white"), "--fill is more than a number and IN is an array"),
        (values.astype("uint8"), ("--fill", 256), "--fill is 256, and its pixels hold whole numbers from 0 to 255"),
        (values.astype("int16"), ("--fill", 0.5), "--fill is 0.5, and its pixels hold whole numbers"),
        (values, ("--crop", "1000000000x1000000000"), "and this machine has"),
    ):
        line = run(array, *STEPS, *options)
        assert isinstance(line, str) and line.startswith("Error: ") and words in line, line
    assert "expected a name that ends in .npy" in run(values, *STEPS, target="out.png")
    assert "the original is not replaced" in CliRunner().invoke(
        cli, ["warp", str(tmp_path / "in.npy"), str(tmp_path / "in.npy"), *STEPS]
    ).output  # fmt: skip
    for content in (b"", b"no array", np.array([{}]).dumps()):
        (tmp_path / "broken.npy").write_bytes(content)
        result = CliRunner().invoke(cli, ["warp", str(tmp_path / "broken.npy"), str(tmp_path / "out.npy"), *STEPS])
        assert result.exit_code == 1 and "cannot be read as a NumPy array" in result.output, result.output
    np.save(tmp_path / "objects.npy", np.array([[{}]]), allow_pickle=True)
    result = CliRunner().invoke(cli, ["warp", str(tmp_path / "objects.npy"), str(tmp_path / "out.npy"), *STEPS])
    assert result.exit_code == 1 and "cannot be read as a NumPy array" in result.output, result.output
