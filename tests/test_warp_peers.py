"""Matrices as other libraries have them: what they sample with them, ``warp`` samples too; the table of the documentation."""

import numpy as np
import pytest

import spatial_op as so

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (61, 83, 3), np.uint8)
GREY = RNG.normal(size=(61, 83))
VOLUME = RNG.normal(size=(9, 11, 13))
TURN = np.array([[0.9137, -0.4071, 4.5313], [0.3053, 1.1071, -3.2573], [0, 0, 1]])
TILT = np.array([[1.0037, 0.1071, 3.0313], [0.0537, 1.1071, -2.0573], [1.037e-3, -5.371e-4, 1.2571]])
BOX = np.array([[0.9137, 0.1071, 0.0137, 1.0313], [-0.1053, 0.8071, 0.2037, 0.5573], [0.0071, 0.1037, 1.1071, -0.5313]])
SAMPLERS = {"nearest": 0, "bilinear": 1}


@pytest.mark.parametrize("direction", ["source_to_target", "target_to_source"])
def test_opencv(direction):
    """Coordinates in steps of a 32nd pixel are allowed for, which some of its versions round to, and rounding to bytes."""
    cv2 = pytest.importorskip("cv2")
    flags = cv2.INTER_LINEAR | (cv2.WARP_INVERSE_MAP if direction == "target_to_source" else 0)
    for matrix, function in ((TURN[:2], cv2.warpAffine), (TILT, cv2.warpPerspective)):
        for padding_mode, border in (
            ("zeros", cv2.BORDER_CONSTANT),
            ("border", cv2.BORDER_REPLICATE),
            ("reflection", cv2.BORDER_REFLECT_101),
        ):
            expected = function(PICTURE, matrix, (70, 50), flags=flags, borderMode=border)
            found = so.warp(PICTURE, matrix, (50, 70), padding_mode=padding_mode, direction=direction)
            assert found.dtype == expected.dtype and found.shape == expected.shape
            assert abs(found.astype(int) - expected).max() <= 255 * 2 / 32 + 1
            assert abs(found.astype(int) - expected).mean() < 1.5


@pytest.mark.parametrize("sampler_type", SAMPLERS)
@pytest.mark.parametrize(
    ("padding_mode", "mode"), [("zeros", "constant"), ("border", "edge"), ("reflection", "reflect")]
)
def test_scikit_image(sampler_type, padding_mode, mode):
    transform = pytest.importorskip("skimage.transform")
    for matrix in (TURN, TILT):
        expected = transform.warp(GREY, matrix, output_shape=(50, 70), order=SAMPLERS[sampler_type], mode=mode)
        found = so.warp(GREY, matrix, (50, 70), sampler_type, padding_mode=padding_mode)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    inside = transform.AffineTransform(scale=1.3, rotation=0.2, translation=(3, -4))
    np.testing.assert_allclose(
        so.warp(GREY, inside.params, direction="source_to_target"),
        transform.warp(GREY, inside.inverse, order=1),
        atol=1e-11,
    )


@pytest.mark.parametrize("sampler_type", SAMPLERS)
@pytest.mark.parametrize(
    ("padding_mode", "mode"), [("zeros", "grid-constant"), ("border", "nearest"), ("reflection", "mirror")]
)
def test_scipy(sampler_type, padding_mode, mode):
    """Axes in the order of the array: the same numbers, in reverse."""
    ndimage = pytest.importorskip("scipy.ndimage")
    options = {"order": SAMPLERS[sampler_type], "mode": mode}
    for image, matrix in ((GREY, TURN[:2]), (VOLUME, BOX)):
        linear, offset = matrix[:, :-1][::-1, ::-1], matrix[::-1, -1]
        expected = ndimage.affine_transform(image, linear, offset, **options)
        found = so.warp(image, matrix, sampler_type=sampler_type, padding_mode=padding_mode)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)
    moved = RNG.normal(scale=5, size=(2, 50, 70))
    y, x = np.mgrid[:50, :70]
    expected = ndimage.map_coordinates(GREY, [y + moved[1], x + moved[0]], **options)
    found = so.warp(GREY, displacement=moved, sampler_type=sampler_type, padding_mode=padding_mode)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


def shift(x, y):
    """The matrix of a shift."""
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]])


def test_pillow():
    """It counts from the corner of the first pixel."""
    image = pytest.importorskip("PIL.Image")
    given = TURN[:2].ravel().tolist()
    grey = GREY.astype("float32")
    expected = image.fromarray(grey).transform((70, 50), image.Transform.AFFINE, given, image.Resampling.BILINEAR)
    found = so.warp(grey, shift(-0.5, -0.5) @ TURN @ shift(0.5, 0.5), (50, 70), padding_mode="border")
    x, y, _ = np.einsum(
        "ab,bij->aij", TURN, np.stack([*np.meshgrid(np.arange(70) + 0.5, np.arange(50) + 0.5), np.ones((50, 70))])
    )
    inside = (x > 0) & (x < 83) & (y > 0) & (y < 61)
    np.testing.assert_allclose(found[inside], np.asarray(expected)[inside], atol=1e-5)


def test_torchvision():
    """It counts from the image's middle."""
    pytest.importorskip("torchvision")
    import torch
    from torchvision.transforms import InterpolationMode, functional

    numbers = functional._get_inverse_affine_matrix([0.0, 0.0], 20.0, [3.0, -4.0], 1.3, [5.0, 2.0])
    middle = 82 / 2, 60 / 2
    matrix = shift(*middle) @ np.vstack([np.reshape(numbers, (2, 3)), [0, 0, 1]]) @ shift(-middle[0], -middle[1])
    expected = functional.affine(
        torch.from_numpy(GREY)[None], 20.0, [3, -4], 1.3, [5.0, 2.0], interpolation=InterpolationMode.BILINEAR
    )
    np.testing.assert_allclose(so.warp(GREY, matrix), expected[0].numpy(), atol=1e-4)


def test_itk():
    """Points are places in the world: origin + direction @ (spacing * pixel)."""
    sitk = pytest.importorskip("SimpleITK")

    def world(image):
        count = image.GetDimension()
        matrix = np.eye(count + 1)
        matrix[:-1, :-1] = np.reshape(image.GetDirection(), (count, count)) * image.GetSpacing()
        matrix[:-1, -1] = image.GetOrigin()
        return matrix

    fixed, moving = (sitk.GetImageFromArray(VOLUME) for _ in range(2))
    moving.SetSpacing((0.7, 1.1, 1.3))
    moving.SetOrigin((1, -2, 3))
    fixed.SetOrigin((2, 0, 1))
    transform = sitk.AffineTransform(BOX[:, :3].ravel().tolist(), BOX[:, 3].tolist(), (1, 2, 3))
    centre, inside = np.array(transform.GetCenter()), np.eye(4)
    inside[:3, :3] = np.reshape(transform.GetMatrix(), (3, 3))
    inside[:3, 3] = transform.GetTranslation() + centre - inside[:3, :3] @ centre
    matrix = np.linalg.inv(world(moving)) @ inside @ world(fixed)
    matrix[3] = 0, 0, 0, 1
    expected = sitk.GetArrayFromImage(sitk.Resample(moving, fixed, transform, sitk.sitkLinear, -100.0))
    known = expected != -100
    assert known.mean() > 0.2
    found = so.warp(VOLUME, matrix, padding_mode="border")
    np.testing.assert_allclose(found[known], expected[known], atol=1e-5)
