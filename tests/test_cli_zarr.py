"""The command `warp` on zarr arrays: which axes are warped, what is kept, and what is left behind."""

import itertools
import os
import shutil
import time

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so
from spatial_op.cli.beside import beside
from spatial_op.cli.main import cli
from spatial_op.paddings import PADDINGS

zarr = pytest.importorskip("zarr")
zarr_files = pytest.importorskip("spatial_op.cli.zarr_files")

HEIGHT, WIDTH = 50, 61
FLIP = ("--affine", f"-1,0,{WIDTH - 1},0,1,0")


@pytest.fixture
def run(tmp_path):
    """Warp ``in.zarr`` to ``out.zarr``."""

    def invoke(*options, source="in.zarr"):
        result = CliRunner().invoke(
            cli, ["warp", str(tmp_path / source), str(tmp_path / "out.zarr"), *map(str, options)]
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return invoke


def out(tmp_path):
    return zarr.open(str(tmp_path / "out.zarr"), mode="r")


def random(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


def test_sizes_and_chunks(run, tmp_path):
    values = np.random.default_rng(0).random((2, 70, 90), "float32")
    zarr.save_array(str(tmp_path / "in.zarr"), values)
    result = run("--affine", "2,0,0,0,2,0", "--crop", "35x45", "--chunk", 20)
    assert result.output.endswith("(2 x 35 x 45, float32)\n"), result.output
    assert out(tmp_path).chunks == (2, 20, 20)
    np.testing.assert_array_equal(out(tmp_path)[:], values[:, ::2, ::2])


@pytest.mark.parametrize("border", PADDINGS)
def test_borders(run, tmp_path, border):
    values = random(HEIGHT, WIDTH)
    zarr.save_array(str(tmp_path / "in.zarr"), values)
    run("--translate", "7.5,-3", "--border", border, "--chunk", 20)
    expected = so.warp(values, [[1, 0, -7.5], [0, 1, 3]], padding_mode=border)
    np.testing.assert_array_equal(out(tmp_path)[:], expected)


def test_turns(run, tmp_path):
    values = np.random.default_rng(0).random((2, 61, 61), "float32")
    zarr.save_array(str(tmp_path / "in.zarr"), values)
    run("--rotate", np.degrees(np.arctan2(0.6, 0.8)))
    expected = so.SpatialTransformer(values[None], np.array([[0.8, -0.6, 0, 0.6, 0.8, 0]]), (61, 61))[0]
    np.testing.assert_allclose(out(tmp_path)[:, 2:-2, 2:-2], expected[:, 2:-2, 2:-2], atol=1e-5)


@pytest.mark.parametrize("sampler", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("dtype", ["uint64", "int64", "uint32", ">u2", "bool", "float64", "complex128"])
def test_numbers_of_every_kind_stay_as_they_are(run, tmp_path, dtype, sampler):
    """Labels above 2^53 among them; however the array is cut."""
    values = random(HEIGHT, WIDTH, dtype="uint64").astype(dtype)
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=(17, 13), zarr_format=2 if dtype[0] == ">" else 3)
    assert run(*FLIP, "--sampler", sampler).exit_code == 0
    assert out(tmp_path).dtype == dtype
    np.testing.assert_array_equal(out(tmp_path)[:], values[:, ::-1])


def test_labels_are_chosen_not_mixed(run, tmp_path):
    values = random(HEIGHT, WIDTH, dtype="uint64")
    zarr.save_array(str(tmp_path / "in.zarr"), values)
    run("--rotate", 20, "--sampler", "nearest")
    assert np.isin(out(tmp_path)[:], np.append(values, np.uint64(0))).all()


@pytest.mark.parametrize(
    ("letters", "shape"),
    [
        ("yxc", (HEIGHT, WIDTH, 3)),
        ("xy", (WIDTH, HEIGHT)),
        ("tyxc", (2, HEIGHT, WIDTH, 4)),
        ("cyx", (3, HEIGHT, WIDTH)),
    ],
)
@pytest.mark.parametrize("say", ["option", "_ARRAY_DIMENSIONS", "dimension_names"])
def test_axes(run, tmp_path, letters, shape, say):
    """They are said by the caller or by the array, in the ways of xarray and of zarr 3."""
    values = random(*shape)
    options = {"attributes": {"_ARRAY_DIMENSIONS": list(letters)}} if say == "_ARRAY_DIMENSIONS" else {}
    if say == "dimension_names":
        options["dimension_names"] = list(letters)
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=tuple(min(size, 20) for size in shape), **options)
    result = run(*FLIP, *(("--axes", letters) if say == "option" else ()))
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(out(tmp_path)[:], np.flip(values, letters.index("x")))
    assert out(tmp_path).chunks == tuple(min(size, 20) for size in shape)
    if say == "dimension_names":
        assert out(tmp_path).metadata.dimension_names == tuple(letters)


def test_axes_that_may_be_colours_are_asked_for(run, tmp_path):
    zarr.save_array(str(tmp_path / "in.zarr"), random(HEIGHT, WIDTH, 3))
    result = run(*FLIP)
    assert result.exit_code == 1 and "--axes yxc" in result.output and not (tmp_path / "out.zarr").exists()
    for letters in ("yx", "yyx", "abc", "yxyx"):
        result = run(*FLIP, "--axes", letters)
        assert result.exit_code == 1 and f"--axes is '{letters}', expected one letter for each axis" in result.output


@pytest.mark.parametrize("version", [2, 3])
def test_attributes_and_storage_are_kept(run, tmp_path, version):
    zarr.create_array(
        str(tmp_path / "in.zarr"), data=random(HEIGHT, WIDTH), chunks=(20, 30), fill_value=7, zarr_format=version,
        attributes={"unit": "mm"},
    )  # fmt: skip
    assert run(*FLIP).exit_code == 0
    before, after = zarr.open(str(tmp_path / "in.zarr"), mode="r"), out(tmp_path)
    assert dict(after.attrs) == {"unit": "mm"} and after.fill_value == 7
    assert after.metadata.zarr_format == version and after.compressors == before.compressors


@pytest.mark.parametrize("version", [2, 3])
def test_ome_images(run, tmp_path, version):
    """Their first level, in a group of the same kind."""
    group = zarr.open_group(str(tmp_path / "in.zarr"), mode="w", zarr_format=version)
    values = random(2, HEIGHT, WIDTH, 3)
    group.create_array("0", data=values, chunks=(1, 20, 20, 3))
    group.create_array("1", data=values[:, ::2, ::2], chunks=(1, 20, 20, 3))
    scale = [{"type": "scale", "scale": [1, 0.5, 0.5, 1]}]
    levels = [{"path": path, "coordinateTransformations": scale} for path in "01"]
    image = [{"axes": [{"name": name} for name in "tyxc"], "datasets": levels, "name": "slide"}]
    group.attrs.update({"multiscales": image} if version == 2 else {"ome": {"version": "0.5", "multiscales": image}})
    result = run(*FLIP)
    assert result.exit_code == 0, result.output
    after = out(tmp_path)
    np.testing.assert_array_equal(after["0"][:], values[:, :, ::-1])
    (found,) = after.attrs.get("ome", after.attrs)["multiscales"]
    assert found == {**image[0], "datasets": levels[:1]}


def test_what_cannot_be_warped_is_one_sentence(run, tmp_path):
    def made(path, shape, dtype="float32", **options):
        zarr.create_array(
            str(tmp_path / path), shape=shape, dtype=dtype, chunks=tuple(max(size, 1) for size in shape), **options
        )

    made("empty.zarr", (0, 5))
    made("line.zarr", (5,))
    made("times.zarr", (5, 6), "datetime64[s]")
    made("good.zarr", (64, 64))
    group = zarr.open_group(str(tmp_path / "group.zarr"), mode="w")
    group.create_array("left", shape=(5, 6), dtype="float32")
    zarr.open_group(str(tmp_path / "nothing.zarr"), mode="w")
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "file.zarr").write_text("no array")
    for source, words in (
        ("empty.zarr", "it has shape (0, 5)"),
        ("line.zarr", "it has shape (5,)"),
        ("times.zarr", "datetime64"),
        ("group.zarr", "a group that holds left, expected an array or an OME-Zarr image"),
        ("nothing.zarr", "a group that holds no arrays"),
        ("broken.zarr", "cannot be read as a zarr array"),
        ("file.zarr", "cannot be read as a zarr array"),
    ):
        result = run(*FLIP, source=source)
        assert result.exit_code == 1 and words in result.output and "Traceback" not in result.output, result.output
        assert not (tmp_path / "out.zarr").exists()
    result = run(*FLIP, "--crop", "1000000000x1000000000", source="good.zarr")
    assert result.exit_code == 1 and "choose larger chunks, or a smaller result" in result.output
    result = run(*FLIP, "--crop", "1000000x1000000", "--chunk", 1000000, source="good.zarr")
    assert result.exit_code == 1 and "and this machine has" in result.output
    assert not list(tmp_path.glob(".*"))


def test_shards(run, tmp_path):
    """Chunks in larger files: of the result, each chunk is a file, so that threads can write them."""
    values = random(HEIGHT, WIDTH)
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=(10, 10), shards=(20, 30))
    assert run(*FLIP).exit_code == 0
    np.testing.assert_array_equal(out(tmp_path)[:], values[:, ::-1])


def test_an_array_of_a_group_can_be_named(run, tmp_path):
    group = zarr.open_group(str(tmp_path / "in.zarr"), mode="w")
    group.create_array("left", data=random(HEIGHT, WIDTH))
    assert run(*FLIP, source="in.zarr/left").exit_code == 0
    np.testing.assert_array_equal(out(tmp_path)[:], random(HEIGHT, WIDTH)[:, ::-1])


class Stop:
    """Ends a run after so many chunks, and counts those that were written."""

    def __init__(self, after, error=None):
        self.after, self.error, self.count, self.write = after, error, 0, zarr_files.write

    def __call__(self, *args):
        if self.count == self.after:
            raise self.error
        self.count += 1
        self.write(*args)


def stopped(run, monkeypatch, after, error=None, *options):
    """A run, and how many chunks it wrote."""
    with monkeypatch.context() as patch:
        stop = Stop(after, error)
        patch.setattr(zarr_files, "write", stop)
        return run(*FLIP, "--workers", 1, *options), stop.count


KEPT = ".out.zarr.unfinished"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space left on device"), MemoryError])
@pytest.mark.parametrize("after", [0, 5])
@pytest.mark.parametrize("version", [2, 3])
def test_an_interrupted_run_goes_on(run, tmp_path, monkeypatch, error, after, version):
    """Without a chunk that is done, nothing is left."""
    values = random(HEIGHT, WIDTH)
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=(20, 20), zarr_format=version)
    result, _ = stopped(run, monkeypatch, after, error)
    assert result.exit_code == (130 if error is KeyboardInterrupt else 1)
    assert (f"what is done is kept in {tmp_path / KEPT}; the same command goes on from there" in result.output) == bool(
        after
    )
    assert {path.name for path in tmp_path.iterdir()} == ({"in.zarr", KEPT} if after else {"in.zarr"})
    result, count = stopped(run, monkeypatch, -1)
    assert result.exit_code == 0 and count == 12 - after, result.output
    assert "exists already, expected a new name" in run(*FLIP).output
    np.testing.assert_array_equal(out(tmp_path)[:], values[:, ::-1])
    assert {path.name for path in tmp_path.iterdir()} == {"in.zarr", "out.zarr"}


def test_a_run_that_is_asked_for_something_else_begins_anew(run, tmp_path, monkeypatch):
    values = random(HEIGHT, WIDTH)
    zarr.create_array(str(tmp_path / "in.zarr"), data=values, chunks=(20, 20))
    stopped(run, monkeypatch, 5, KeyboardInterrupt, "--sampler", "nearest")
    result, count = stopped(run, monkeypatch, -1)
    assert result.exit_code == 0 and count == 12
    np.testing.assert_array_equal(out(tmp_path)[:], values[:, ::-1])
    assert {path.name for path in tmp_path.iterdir()} == {"in.zarr", "out.zarr"}


def test_an_interrupted_ome_image_goes_on(run, tmp_path, monkeypatch):
    group = zarr.open_group(str(tmp_path / "in.zarr"), mode="w")
    values = random(HEIGHT, WIDTH)
    group.create_array("0", data=values, chunks=(20, 20))
    image = [{"axes": [{"name": name} for name in "yx"], "datasets": [{"path": "0"}]}]
    group.attrs["ome"] = {"version": "0.5", "multiscales": image}
    stopped(run, monkeypatch, 5, KeyboardInterrupt)
    result, count = stopped(run, monkeypatch, -1)
    assert result.exit_code == 0 and count == 7
    np.testing.assert_array_equal(out(tmp_path)["0"][:], values[:, ::-1])


def left_behind(folder, age):
    """A hidden folder as a process writes it, whose contents are so many seconds old."""
    with beside(folder / "out.zarr") as path:
        path.mkdir()
        (path / "zarr.json").write_text("half")
        hidden = path.parent
        shutil.copytree(hidden, folder / "copy")
    (folder / "copy").rename(hidden)
    os.remove(folder / "out.zarr" / "zarr.json")
    (folder / "out.zarr").rmdir()
    for place in (hidden / "out.zarr" / "zarr.json", hidden / "out.zarr", hidden):
        os.utime(place, (time.time() - age,) * 2)
    return hidden


def test_what_a_killed_run_left_is_removed_when_it_is_old(run, tmp_path):
    """A run that goes on may be as old; what it writes is new."""
    zarr.save_array(str(tmp_path / "in.zarr"), random(HEIGHT, WIDTH))
    left_behind(tmp_path, 1e5)
    new, busy = left_behind(tmp_path, 5), left_behind(tmp_path, 1e5)
    os.utime(busy / "out.zarr" / "zarr.json")
    assert run(*FLIP).exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"in.zarr", "out.zarr", new.name, busy.name}
    np.testing.assert_array_equal(out(tmp_path)[:], random(HEIGHT, WIDTH)[:, ::-1])


def test_two_runs_at_once(run, tmp_path, monkeypatch):
    """The second one begins and ends while the first one writes: one of the two results is there, whole."""
    zarr.save_array(str(tmp_path / "in.zarr"), random(HEIGHT, WIDTH))
    store, results = zarr_files.store, []

    def slow(*args):
        monkeypatch.setattr(zarr_files, "store", store)
        results.append(run(*FLIP))
        return store(*args)

    monkeypatch.setattr(zarr_files, "store", slow)
    results.append(run(*FLIP))
    second, first = results
    assert second.exit_code == 0 and first.exit_code == 1, first.output
    assert first.output.splitlines()[-1].startswith(f"Error: {tmp_path / 'out.zarr'}: "), first.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.zarr", "out.zarr"]
    np.testing.assert_array_equal(out(tmp_path)[:], random(HEIGHT, WIDTH)[:, ::-1])


@pytest.mark.parametrize("version", [2, 3])
def test_a_damaged_chunk_is_one_sentence(run, tmp_path, version):
    zarr.create_array(str(tmp_path / "in.zarr"), data=random(HEIGHT, WIDTH), chunks=(20, 30), zarr_format=version)
    chunk = tmp_path / "in.zarr" / ("c/1/1" if version == 3 else "1.1")
    chunk.write_bytes(chunk.read_bytes()[:20])
    result = run(*FLIP)
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert result.output.splitlines()[-1].startswith(f"Error: {tmp_path / 'in.zarr'}: it cannot be warped: ")
    assert {path.name for path in tmp_path.iterdir()} <= {"in.zarr", KEPT}


def files(folder):
    """All that is in a folder."""
    return sorted(path for path in folder.rglob("*"))


def test_no_thread_goes_on_writing_after_an_error(run, tmp_path, monkeypatch):
    """One chunk fails while others are on their way: these are done, and no other one is."""
    zarr.create_array(str(tmp_path / "in.zarr"), data=random(60, 60), chunks=(20, 20))
    write, calls = zarr.Array.__setitem__, itertools.count()

    def slow(self, *args):
        first = next(calls) == 0
        time.sleep(0.2 if first else 0.8)
        if first:
            raise RuntimeError("a chunk fails")
        write(self, *args)

    monkeypatch.setattr(zarr.Array, "__setitem__", slow)
    result = run("--affine", "1,0,0,0,1,0", "--workers", 3)
    assert result.exit_code == 1 and "a chunk fails" in result.output and next(calls) > 1, result.output
    before = files(tmp_path)
    time.sleep(1)
    assert files(tmp_path) == before and not (tmp_path / "out.zarr").exists()


def test_chunks_are_counted_after_they_were_halved(run, tmp_path):
    """One chunk of the result for each of the source would be few."""
    zarr.create_array(str(tmp_path / "in.zarr"), shape=(10**6, 10**6), dtype="uint8", chunks=(5000, 5000))
    result = run("--affine", "1000,0,0,0,1000,0", "--crop", "100000x100000")
    assert result.exit_code == 1 and "choose larger chunks, or a smaller result" in result.output, result.output
    assert [path.name for path in tmp_path.iterdir()] == ["in.zarr"]
