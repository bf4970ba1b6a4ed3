"""The experiments: their data, their distortions, and a short run that shows what the long one claims."""

import gzip
import json
import pathlib
import struct
import subprocess
import sys

import numpy as np
import pytest

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
    import distortions
    import networks
    import torch

    sizes = []
    images = torch.rand(2, 1, distortions.CANVAS, distortions.CANVAS)
    for kind in networks.KINDS:
        for transform in (None, *networks.PARAMETERS):
            network = networks.build(kind, transform, distortions.CANVAS, 40_000)
            sizes.append(networks.count(network))
            assert network(images).shape == (2, 10)
            if transform:
                torch.testing.assert_close(network.warp(images), images, atol=1e-5, rtol=0)
    assert max(sizes) < 1.08 * min(sizes)


def test_a_transformer_helps(tmp_path, record_property):
    """Two thousand steps on turned digits: the error falls by more than a tenth."""
    command = [sys.executable, str(FOLDER / "distorted_digits.py"), "--quick", "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    runs = json.loads((tmp_path / "distorted_digits.json").read_text())["runs"]
    errors = {run["network"]: run["error"] for run in runs}
    assert errors["ST-FCN affine"] < 0.9 * errors["FCN"]
    assert (tmp_path / "distorted_digits.png").stat().st_size > 10_000
    assert "| ST-FCN affine |" in done.stdout
    row = ["R, quick", f"{errors['FCN']:.1f} %", f"{errors['ST-FCN affine']:.1f} %"]
    record_property("table", ("Distorted digits: errors", ["", "FCN", "ST-FCN"], row))
