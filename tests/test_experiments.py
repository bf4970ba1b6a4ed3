"""The experiments: their data, their distortions, what their long runs claim, and short runs that learn."""

import gzip
import importlib
import json
import pathlib
import runpy
import struct
import sys

import numpy as np
import pytest
from click.testing import CliRunner

import spatial_op as so

pytest.importorskip("torch")
pytest.importorskip("sklearn")

FOLDER = pathlib.Path(__file__).parents[1] / "docs" / "experiments"


@pytest.fixture(autouse=True)
def beside_each_other(monkeypatch):
    """As when one of the files is the program."""
    monkeypatch.syspath_prepend(FOLDER)


def test_bundled_digits_are_split():
    import digits

    (images, labels), (test_images, test_labels) = digits.load()
    assert images.shape == (1198, 1, 8, 8) and test_images.shape == (599, 1, 8, 8)
    assert images.dtype == np.float32 and images.max() == 1 and images.min() == 0
    assert np.bincount(labels).min() > 100 and np.bincount(test_labels).min() > 40


def test_mnists_files_are_read(tmp_path):
    import digits

    numbers = np.random.default_rng(0).integers(0, 256, (3, 5, 4)).astype(np.uint8)
    for place, (images, labels) in enumerate(digits.FILES.values()):
        content = struct.pack(">HBB3I", 0, 8, 3, 3, 5, 4) + numbers.tobytes()
        kept = struct.pack(">HBBI", 0, 8, 1, 3) + bytes([7, 0, 9])
        if place:
            (tmp_path / images).write_bytes(content)
            (tmp_path / labels).write_bytes(kept)
        else:
            (tmp_path / f"{images}.gz").write_bytes(gzip.compress(content))
            (tmp_path / f"{labels}.gz").write_bytes(gzip.compress(kept))
    for images, labels in digits.load(tmp_path):
        np.testing.assert_array_equal(images[:, 0] * 255, numbers)
        assert labels.tolist() == [7, 0, 9]
    (tmp_path / digits.FILES["test"][0]).write_bytes(struct.pack(">HBBI", 0, 13, 1, 0))
    with pytest.raises(ValueError, match="holds numbers of type 13, expected bytes"):
        digits.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected MNIST's four IDX files"):
        digits.load(tmp_path / "nowhere")


def test_distortions_do_what_they_say():
    import distortions

    rng = np.random.default_rng(0)
    images = rng.random((4, 1, 8, 8)).astype("float32")
    still = distortions.matrix_warp(images, np.tile(np.eye(3), (4, 1, 1)))
    loc = so.identity_loc("affine", 4, "float64") * distortions.CANVAS / distortions.DIGIT
    size = (distortions.CANVAS, distortions.CANVAS)
    np.testing.assert_allclose(still, so.SpatialTransformer(images, loc, size, sampler_type="bicubic"), atol=1e-6)
    quarter = distortions.affine(np.full(4, np.pi / 2), np.ones(4), np.zeros((4, 2)))
    np.testing.assert_allclose(distortions.matrix_warp(images, quarter), np.rot90(still, 1, (2, 3)), atol=1e-5)
    moved = distortions.affine(np.zeros(4), np.ones(4), np.full((4, 2), 3.0))
    np.testing.assert_allclose(distortions.matrix_warp(images, moved)[:, :, 3:, 3:], still[:, :, :-3, :-3], atol=1e-5)
    corners = rng.uniform(0.6, 1.4, (4, 4, 2)) * [[-1, -1], [1, -1], [-1, 1], [1, 1]]
    mapped = np.einsum(
        "nab,nkb->nka", distortions.homography(corners), np.concatenate([corners, np.ones((4, 4, 1))], 2)
    )
    home = np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]])
    np.testing.assert_allclose(mapped[..., :2] / mapped[..., 2:], np.tile(home, (4, 1, 1)), atol=1e-12)
    for distort in distortions.DISTORTIONS.values():
        out = distort(rng, images)
        assert out.shape == (4, 1, *size) and np.isfinite(out).all() and np.abs(out - still).max() > 0.1


def test_networks_have_the_same_size_and_start_at_the_identity():
    import distorted_digits
    import distortions
    import networks
    import torch

    images = torch.rand(2, 1, distortions.CANVAS, distortions.CANVAS)
    for kind, budget in distorted_digits.settings(False)["budget"].items():
        sizes = []
        for transform in (None, *networks.PARAMETERS):
            network = networks.build(kind, transform, distortions.CANVAS, budget)
            sizes.append(networks.count(network))
            assert network(images).shape == (2, 10)
            if transform:
                torch.testing.assert_close(network.warp(images), images, atol=1e-5, rtol=0)
        assert max(sizes) < 1.08 * min(sizes)


@pytest.mark.parametrize(
    "name", ["addition", "deformable", "distorted_digits", "epochs", "house_numbers", "thumbnails"]
)
def test_each_is_a_program(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit, match="^0$"):
        runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    assert "--quick" in capsys.readouterr().out


def short(name, monkeypatch, tmp_path, figure=None, **work):
    """Errors by network of a run with less work than a quick one, which leaves a table and a figure."""
    module = importlib.import_module(name)
    work = module.settings(True) | work
    monkeypatch.setattr(module, "settings", lambda quick: work)
    done = CliRunner().invoke(module.main, ["--quick", "--jobs", "1", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.exception
    assert (tmp_path / f"{figure or name}.png").stat().st_size > 10_000
    assert (tmp_path / f"{name}.md").read_text().strip() in done.output
    return {run["network"]: run["error"] for run in json.loads((tmp_path / f"{name}.json").read_text())["runs"]}


def test_runs_of_the_same_settings_come_together(tmp_path):
    import runs

    def made(task, error, seed=0):
        return {"network": "CNN", "task": task, "seed": seed, "parameters": 1, "error": error}

    runs.report("some", {"steps": 1}, tmp_path, [made("R", 2.0), made("R", 4.0, 1)])
    runs.report("some", {"steps": 1}, tmp_path, (made("R", 6.0, 1), made("P", 9.0)))
    last = (tmp_path / "some.md").read_text().splitlines()[-1]
    assert last == "| CNN | 4.00\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}2.83 | 9.00 | 1 |"
    runs.report("some", {"steps": 2}, tmp_path, [made("R", 6.0)])
    assert (tmp_path / "some.md").read_text().splitlines()[-1] == "| CNN | 6.00 | 1 |"


def run_or_fail(error):
    """A run that ends at once, well or not."""
    if error is None:
        raise ArithmeticError("the loss is not a number")
    return {"error": error}, None


def test_what_has_ended_is_kept_when_a_run_fails():
    import runs

    kept = []
    with pytest.raises(ArithmeticError, match="not a number"):
        runs.side_by_side(run_or_fail, [(2.0,), (None,), (3.0,)], 1, 1, kept.append)
    assert kept[-1][0]["error"] == 2.0


def shown(title, errors):
    """What the test session prints of a short run."""
    return f"{title}: errors", ["", *errors], ["short", *(f"{error:.1f} %" for error in errors.values())]


# Experiment, task, network, the one that it is better than, and by how much: the share of the errors that is left at most.
CLAIMS = [
    *(
        ("distorted_digits", task, f"ST-{kind} {transform}", kind, share)
        for kind in ("FCN", "CNN")
        for task, share in (("R", 0.9), ("RTS", 0.25), ("P", 0.5), ("E", 0.9))
        for transform in ("affine", "projective", "tps")
    ),
    ("deformable", "digits on 32 x 32", "deformable (v1)", "dense", 0.8),
    ("deformable", "digits on 32 x 32", "modulated (v2)", "dense", 0.85),
    ("house_numbers", "64 x 64", "ST-CNN Single", "CNN", 0.5),
    ("house_numbers", "64 x 64", "ST-CNN Multi", "CNN", 0.5),
    ("house_numbers", "128 x 128", "ST-CNN Multi", "CNN", 0.5),
    ("house_numbers", "128 x 128", "ST-CNN Multi", "ST-CNN Single", 0.5),
    ("addition", "sum of two digits", "ST-CNN", "CNN", 0.5),
    ("addition", "sum of two digits", "2 x ST-CNN", "ST-CNN", 0.5),
]


@pytest.mark.parametrize("name, task, network, other, share", CLAIMS)
def test_a_transformer_helps(name, task, network, other, share):
    """In the long runs that the documentation shows; where it halves the errors, its worst seed is better than the best one without."""
    runs = json.loads((FOLDER / "results" / f"{name}.json").read_text())["runs"]
    errors, others = (
        [run["error"] for run in runs if (run["network"], run["task"]) == (kind, task)] for kind in (network, other)
    )
    assert len(errors) == len(others) == 3
    assert sum(errors) < share * sum(others)
    assert max(errors) < min(others) or share > 0.5


def test_turned_digits_are_learnt(monkeypatch, tmp_path, record_property):
    """Of ten digits a guess gets nine of ten wrong."""
    less = {"steps": {"FCN": 300}, "times": 2}
    errors = short("distorted_digits", monkeypatch, tmp_path, "distorted_digits_R", **less)
    assert set(errors) == {"FCN", "ST-FCN affine"} and max(errors.values()) < 35
    record_property("table", shown("Distorted digits", errors))


def test_deformable_convolution_helps(monkeypatch, tmp_path, record_property):
    """Eighty steps on digits of any size and slant: the error falls by more than a tenth."""
    errors = short("deformable", monkeypatch, tmp_path, steps=80, times=2)
    assert max(errors["deformable (v1)"], errors["modulated (v2)"]) < 0.9 * errors["dense"] < 75
    record_property("table", shown("Deformable convolution", errors))


def test_house_numbers_are_learnt(monkeypatch, tmp_path, record_property):
    """Of numbers of one or two digits a guess gets nearly all wrong."""
    less = {"steps": 120, "train": 1000, "test": 500}
    errors = short("house_numbers", monkeypatch, tmp_path, "house_numbers_64", **less)
    assert set(errors) == {"CNN", "ST-CNN Single", "ST-CNN Multi"} and max(errors.values()) < 95
    record_property("table", shown("House numbers", errors))


def test_sums_are_drawn(monkeypatch, tmp_path):
    """They take longer to learn than to draw."""
    assert set(short("addition", monkeypatch, tmp_path, steps=5, test=500)) == {"CNN", "2 x ST-CNN"}


def test_parallel_transformers_learn_a_batch_by_heart():
    import addition
    import digits
    import torch
    import training

    torch.manual_seed(0)
    images, sums = addition.Pairs(*digits.load()[0], 16, 0).batch()
    network = addition.build("2 x ST-CNN")
    before = network.loc(images).detach()

    class Always:
        def batch(self):
            return images, sums

    training.train(network, Always(), 40, 3e-3)
    assert torch.nn.functional.cross_entropy(network(images), sums) < 0.5
    assert (network.loc(images) - before).abs().max() > 0.01


def test_house_numbers_are_what_the_labels_say():
    import rendered

    images, labels = rendered.batch(np.random.default_rng(3), 16, 64, 58)
    assert images.shape == (16, 1, 64, 64) and images.dtype == np.float32 and np.isfinite(images).all()
    lengths = (labels < rendered.BLANK).sum(1)
    assert set(lengths) <= set(range(1, 6)) and len(set(lengths)) > 2
    for row, length in zip(labels, lengths):
        assert (row[length:] == rendered.BLANK).all()
    for font in rendered.FONTS:
        assert all(glyph.shape[0] == rendered.HEIGHT and glyph.max() > 0.9 for glyph in rendered.glyphs(font))
    masks = [np.ones((rendered.HEIGHT + 2, 60), np.float32), np.ones((rendered.HEIGHT + 2, 20), np.float32)]
    wide, narrow = rendered.placed(np.random.default_rng(0), masks, 64, 32)
    # No cut at the edge of the crop: each keeps its area, which is its own times the square of its scale.
    assert 26 * 60 * (32 / 60) ** 2 * 0.95 < wide.sum() < 26 * 60 * (32 / 60) ** 2 * 1.05
    assert 26 * 20 * 0.7**2 * 0.95 < narrow.sum() < 26 * 20 * 1.05


def test_networks_that_read_numbers():
    import number_networks
    import torch

    for size in (64, 128):
        images = torch.rand(2, 1, size, size)
        for name, make in number_networks.NETWORKS.items():
            network = make(size)
            scores = network(images)
            assert scores.shape == (2, 11, 5)
            scores.sum().backward()
            if name != "CNN":
                assert torch.allclose(network[0].loc(images)[0], torch.tensor([1.0, 0, 0, 0, 1, 0]))
                assert network[0].last.weight.grad.abs().max() > 0


def test_where_a_deformable_network_looks():
    import deformable
    import torch

    network = deformable.build("deformable (v1)")
    network.eval()
    points = deformable.traced(network, torch.rand(2, 1, 40, 40))
    # With no offsets: two 3 x 3 windows on positions that are four pixels apart, around the middle one.
    expected = {(x, y) for x in range(12, 29, 4) for y in range(12, 29, 4)}
    assert points.shape == (2, 81, 2) and {tuple(point) for point in points[0].int().tolist()} == expected
    last = [layer for layer in network if isinstance(layer, deformable.Deformable)][-1]
    with torch.no_grad():
        last.where.bias[: 2 * deformable.TAPS : 2] = 1.0  # y of every tap: a position of the features further down
    moved = deformable.traced(network, torch.rand(2, 1, 40, 40))
    torch.testing.assert_close(moved - points, torch.tensor([0.0, 4.0]).expand_as(points))


def test_networks_that_add():
    import addition
    import digits
    import networks
    import torch

    images, sums = addition.Pairs(*digits.load()[0], 4, 0).batch()
    assert images.shape == (4, 1, *addition.SHAPE) and 0 <= sums.min() and sums.max() < addition.SUMS
    made = {name: addition.build(name) for name in addition.NETWORKS}
    sizes = [networks.count(network) for network in made.values()]
    assert max(sizes) < 1.08 * min(sizes)
    for name, network in made.items():
        assert network(images).shape == (4, addition.SUMS)
        if transformers := addition.NETWORKS[name]:
            # At first they share the image between them.
            tiles = network.loc(images)[0]
            assert len({(x, y) for _, _, x, _, _, y in tiles.tolist()}) == transformers
            torch.testing.assert_close((tiles[:, 0] * tiles[:, 4]).sum(), torch.tensor(1.0))


def test_means_of_samples_show_thumbnails_the_way(monkeypatch):
    import thumbnails

    monkeypatch.setattr(thumbnails, "STEPS", 12)
    rng = np.random.default_rng(0)
    images, truth = thumbnails.photographs(rng, 3), thumbnails.truths(rng, 3)
    start = truth + thumbnails.SPREAD * rng.standard_normal(truth.shape)
    targets = thumbnails.thumbnails(images, truth.astype("float32"))
    found = {antialias: thumbnails.descend(images, start, truth, targets, antialias) for antialias in (False, True)}
    errors, cosines = zip(*found.values())
    assert errors[0].shape == (13, 3) and (errors[0][0] == errors[1][0]).all()
    assert errors[1][-1].mean() < 0.6 * errors[1][0].mean() < errors[0][-1].mean()
    assert cosines[1].mean() > cosines[0].mean() + 0.1
    assert (thumbnails.corner_error(truth, truth) == 0).all()
    moved = truth + np.array([0, 0, 2 / thumbnails.SMALL, 0, 0, 0])  # by a pixel of the thumbnail
    np.testing.assert_allclose(thumbnails.corner_error(moved, truth), 1)
