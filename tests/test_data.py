"""The data sets: ranges, splits, the cache, and errors that help."""

import subprocess
import sys

import pytest
import torch

from course_lib import data


@pytest.mark.parametrize(("load", "sizes", "side"), [(data.digits, (4000, 1000), 28), (data.uci_digits, (1433, 364), 8)])
def test_splits_are_disjoint_balanced_and_in_range(load, sizes, side):
    train, test = load("train"), load("test")
    assert (len(train), len(test)) == sizes
    assert train.images.shape[1:] == (1, side, side) and train.images.dtype == torch.float32
    assert train.images.min() == -1 and train.images.max() == 1
    share = test.labels.bincount() / (train.labels.bincount() + test.labels.bincount())
    assert len(share) == 10 and (share - 0.2).abs().max() < 0.01
    if side == 28:  # no test digit is in the training set
        assert torch.cdist(test.images.flatten(1), train.images.flatten(1)).min() > 0.5


def test_digits_at_32_are_padded_with_background():
    small, large = data.digits("test"), data.digits("test", size=32)
    assert torch.equal(large.images[:, :, 2:-2, 2:-2], small.images)
    assert large.images[:, :, :2].eq(-1).all() and large.images[:, :, :, -2:].eq(-1).all()


def test_second_process_reads_the_cache_fast(tmp_path):
    script = (
        "import time, torch; from course_lib import data; start = time.process_time(); data.digits(); print(time.process_time() - start)"
    )
    seconds = [
        float(
            subprocess.run(
                [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"COURSE_CACHE": str(tmp_path), "PATH": ""}
            ).stdout
        )
        for _ in range(3)
    ]
    assert min(seconds[1:]) < 0.2, seconds


def test_damaged_cache_is_parsed_again(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path))
    (tmp_path / "mnist5k.npz").write_bytes(b"PK not an archive")
    assert len(data.digits("test")) == 1000


@pytest.mark.parametrize("name", data.PHOTOS)
def test_photos_are_images(name):
    image = data.photo(name)
    assert image.ndim == 3 and image.shape[0] in (1, 3) and image.dtype == torch.float32
    assert -1 <= image.min() < image.max() <= 1


@pytest.mark.parametrize("name", data.TEXTURES)
def test_textures_crop(name):
    whole, part = data.texture(name), data.texture(name, 64)
    assert torch.equal(whole[:, :64, :64], part) and part.std() > 0.05


def test_faces():
    faces = data.faces()
    assert faces.images.shape == (200, 1, 25, 25) and faces.labels.tolist() == [1] * 100 + [0] * 100
    assert -1 <= faces.images.min() and faces.images.max() <= 1


@pytest.mark.parametrize("name", data.TOYS)
def test_toys_repeat_and_stay_near(name):
    first, again = (data.toy2d(name, 500, torch.Generator().manual_seed(0)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (500, 2) and first.abs().max() < 5


def test_toy_ring_and_grid_have_their_modes():
    for name, centres, count in (("ring", data.ring_centres(), 8), ("grid", data.grid_centres(), 25)):
        distance = torch.cdist(data.toy2d(name, 4000, torch.Generator().manual_seed(0)), centres)
        assert len(centres) == count and distance.amin(1).max() < 0.5
        assert distance.argmin(1).bincount(minlength=count).min() > 0.5 * 4000 / count


def test_toys_lie_where_they_should():
    draw = lambda name: data.toy2d(name, 4000, torch.Generator().manual_seed(0))  # noqa: E731
    board = draw("checkerboard").floor().long()
    assert (board.sum(1) % 2 == 0).all() and len(board.unique(dim=0)) == 8 and board.min() == -2 and board.max() == 1
    left = draw("two_gaussians")[:, 0] < 0
    for side, centre in ((left, -1.5), (~left, 1.5)):
        points = draw("two_gaussians")[side]
        assert torch.allclose(points.mean(0), torch.tensor([centre, 0.0]), atol=0.05) and abs(points.std(0).mean() - 0.5) < 0.02
    radius = draw("circles").norm(dim=1)
    assert torch.minimum((radius - 1).abs(), (radius - 2).abs()).max() < 0.4 and abs((radius < 1.5).float().mean() - 0.5) < 0.03
    x, y = (draw("moons") / 1.5 + torch.tensor([0.5, 0.25])).unbind(1)  # two half circles of radius 1
    upper, lower = (x**2 + y**2).sqrt() - 1, ((x - 1) ** 2 + (y - 0.5) ** 2).sqrt() - 1
    assert torch.minimum(upper.abs() + 9 * (y < -0.3), lower.abs() + 9 * (y > 0.8)).max() < 0.35
    assert abs((upper.abs() < lower.abs()).float().mean() - 0.5) < 0.05
    x, y = (4 * draw("spiral")).unbind(1)
    turn = (x**2 + y**2).sqrt()  # the arm's angle is its radius, up to half a turn
    away = torch.remainder(torch.atan2(y, x) - turn + torch.pi / 2, torch.pi) - torch.pi / 2
    assert away.abs().quantile(0.9) < 0.7 and abs((turn < 1.5 * torch.pi).float().mean() - 0.25) < 0.03


def test_pixels_round_trip():
    pixels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(data.to_pixels(data.to_unit(pixels)), pixels)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: data.digits("valid"), "split is 'valid'; it must be one of train, test"),
        (lambda: data.digits(size=64), "size is 64"),
        (lambda: data.photo("mona_lisa"), "photo 'mona_lisa' is unknown; there are astronaut"),
        (lambda: data.texture("silk"), "texture 'silk' is unknown; there are brick"),
        (lambda: data.texture("brick", 1000), "size is 1000"),
        (lambda: data.toy2d("star", 3), "toy2d 'star' is unknown; there are ring"),
        (lambda: data.toy2d("ring", 0), "n is 0"),
        (lambda: data.ImageSet(torch.zeros(3, 4), torch.zeros(3)), "images has shape"),
        (lambda: data.ImageSet(torch.zeros(3, 1, 4, 4), torch.zeros(2)), "labels has shape"),
    ],
)
def test_errors_name_what_is_wrong(call, word):
    with pytest.raises(ValueError, match=word):
        call()


def test_names_lists_what_each_function_takes():
    for function, choices in data.names().items():
        assert callable(getattr(data, function))
        assert function in ("digits", "uci_digits", "faces") or len(choices) > 2
