"""Fréchet, kernel and sliced distances against closed forms, torch-fidelity, scipy and POT."""

import math

import numpy as np
import ot
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.stats
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from course_lib.metrics import (
    Moments,
    frechet_at_infinity,
    frechet_distance,
    kernel_distance,
    kernel_distance_subsets,
    laplacian_pyramid,
    patch_sliced_wasserstein,
    single_image_fid,
    sliced_wasserstein,
)
from course_lib.ot import wasserstein_1d


def cloud(n: int, d: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    """Correlated features, float64."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.eye(d, dtype=torch.float64) + 0.3 * torch.randn(d, d, generator=generator, dtype=torch.float64) / d**0.5
    return scale * torch.randn(n, d, generator=generator, dtype=torch.float64) @ mixing + shift


def fidelity_fid(real, generated):
    one, other = fid_features_to_statistics(real), fid_features_to_statistics(generated)
    return fid_statistics_to_metric(one, other, False)["frechet_inception_distance"]


@pytest.mark.parametrize(("n", "m", "d"), [(400, 500, 32), (60, 50, 128), (60, 500, 128), (129, 128, 128)])
def test_frechet_equals_torch_fidelity(n, m, d):
    real, generated = cloud(n, d, 0), cloud(m, d, 1, 1.3, 0.2)
    value = frechet_distance(real, generated)
    assert value == pytest.approx(fidelity_fid(real, generated), rel=1e-6)
    assert frechet_distance(Moments(real), generated) == pytest.approx(value, rel=1e-8)
    assert frechet_distance(Moments(real), Moments(generated)) == pytest.approx(value, rel=1e-8)


def test_frechet_equals_the_formula_with_scipys_square_root():
    real, generated = cloud(300, 20, 0), cloud(300, 20, 1, 0.7, -0.3)
    a, b = np.cov(real.T), np.cov(generated.T)
    gap = (real.mean(0) - generated.mean(0)).square().sum().item()
    expected = gap + np.trace(a + b - 2 * scipy.linalg.sqrtm(a @ b).real)
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(200, 16), (20, 64)])
def test_frechet_of_equal_features_is_zero_and_rotation_changes_nothing(n, d):
    real, generated = cloud(n, d, 0), cloud(n, d, 1, 1.2)
    assert frechet_distance(real, real) < 1e-10
    real[:, 3:7] = 0  # dead units: a singular covariance
    assert frechet_distance(real, real.clone()) < 1e-10
    turn = torch.linalg.qr(cloud(d, d, 5)).Q
    assert frechet_distance(real @ turn, generated @ turn) == pytest.approx(frechet_distance(real, generated), rel=1e-8)


def test_frechet_at_infinity_removes_the_bias():
    real = cloud(200_000, 8, 0)
    generator = torch.Generator().manual_seed(0)
    generated = cloud(2000, 8, 0)[torch.randperm(2000, generator=generator)]  # same distribution: the true value is 0
    result = frechet_at_infinity(real, generated, generator=generator)
    assert abs(result.limit) < 0.3 * result.values[0] and result.slope > 0
    assert result.values[0] > 3 * result.values[-1]
    few = frechet_at_infinity(cloud(50, 20, 0), cloud(100, 20, 1), draws=1, generator=generator)
    assert len(few.sizes) == 10 and few.sizes[0] == 33 and few.sizes[-1] == 100  # a third, where there are not four times D
    assert np.allclose(np.diff(1 / np.array(few.sizes)), -(1 / 33 - 1 / 100) / 9, atol=7e-4)  # whole numbers
    slope, limit = np.polyfit(1 / np.array(few.sizes), few.values, 1)
    assert (few.slope, few.limit) == (pytest.approx(slope), pytest.approx(limit))
    with pytest.raises(ValueError, match="sizes is"):
        frechet_at_infinity(real[:50], generated[:50], sizes=[10, 60])


def test_moments_of_batches_are_those_of_the_whole():
    features = cloud(1000, 12, 0, shift=1e4)
    moments = Moments()
    for batch in features.split([1, 399, 250, 350]):
        moments.add(batch)
    merged = Moments(features[:300]).merge(Moments(features[300:]))
    for found in (moments, merged):
        assert found.n == 1000
        assert torch.allclose(found.mean, features.mean(0), rtol=1e-12)
        assert torch.allclose(found.covariance, torch.cov(features.T), rtol=1e-9, atol=1e-10)
    again, found_before = Moments(), moments.covariance
    again.load_state_dict(moments.state_dict())
    assert torch.equal(again.covariance, moments.covariance)
    again.add(features + 1)
    assert moments.n == 1000 and torch.equal(moments.covariance, found_before), "what was loaded is a copy"
    assert Moments().state_dict()["mean"] is None
    with pytest.raises(ValueError, match="11 columns; it must have 12"):
        moments.add(features[:, :11])
    with pytest.raises(ValueError, match="at least 2"):
        _ = Moments(features[:1]).covariance


def _share(rank: int, port: int) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    features = cloud(101, 5, 0, shift=50)
    moments = Moments(features[rank::2]).reduce()
    assert moments.n == 101
    assert torch.allclose(moments.covariance, torch.cov(features.T), rtol=1e-10)
    assert torch.allclose(moments.mean, features.mean(0), rtol=1e-12)
    torch.distributed.destroy_process_group()


def test_moments_over_two_processes():
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.start_processes(_share, args=(port,), nprocs=2, start_method="fork")


def test_kernel_equals_torch_fidelity():
    real, generated = cloud(300, 24, 0), cloud(260, 24, 1, 1.2, 0.1)
    expected = kid_features_to_metric(real, generated, kid_subsets=7, kid_subset_size=150, rng_seed=3, verbose=False)
    found = kernel_distance_subsets(real, generated, 7, 150, seed=3)
    assert found.mean == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-9)
    assert found.std == pytest.approx(expected["kernel_inception_distance_std"], rel=1e-7)
    whole = kid_features_to_metric(real[:200], generated[:200], kid_subsets=1, kid_subset_size=200, verbose=False)
    assert kernel_distance(real[:200], generated[:200]) == pytest.approx(whole["kernel_inception_distance_mean"], rel=1e-9)


def test_kernel_is_unbiased_and_the_moments_of_the_kernel_are_right(monkeypatch):
    # One dimension, N(0, 1) against N(m, 1): E k(x, y) = E (xy + 1)^3 has a closed form from the first three moments.
    m = 0.5
    moment = lambda mean: (1.0, mean, mean**2 + 1, mean**3 + 3 * mean)  # noqa: E731
    kernel = lambda a, b: sum(math.comb(3, i) * moment(a)[i] * moment(b)[i] for i in range(4))  # noqa: E731
    truth = kernel(0, 0) + kernel(m, m) - 2 * kernel(0, m)
    generator = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(5, 1, generator=generator, dtype=torch.float64)  # noqa: E731
    values = torch.tensor([kernel_distance(draw(), draw() + m) for _ in range(4000)])
    assert abs(values.mean().item() - truth) < 4 * values.std().item() / 4000**0.5
    monkeypatch.setattr("course_lib.metrics.kernel.BLOCK", 7)
    real, generated = cloud(30, 3, 0), cloud(40, 3, 1)
    blocked = kernel_distance(real, generated)
    monkeypatch.undo()
    assert blocked == pytest.approx(kernel_distance(real, generated), rel=1e-12)


def test_one_dimensional_wasserstein_equals_scipy_at_any_sizes():
    a, b = cloud(50, 3, 0), cloud(70, 3, 1, 2.0, 1.0)
    found = wasserstein_1d(a, b, 1)
    for i in range(3):
        assert found[i].item() == pytest.approx(scipy.stats.wasserstein_distance(a[:, i], b[:, i]), rel=1e-10)
        assert wasserstein_1d(a, b, 2)[i].item() ** 2 == pytest.approx(float(ot.emd2_1d(a[:, i], b[:, i])), rel=1e-10)


def test_sliced_wasserstein_of_a_shift_and_against_pot():
    real = cloud(200, 6, 0)
    shift = torch.tensor([3.0, 0, 0, 0, 0, 0], dtype=torch.float64)
    value = sliced_wasserstein(real, real + shift, 20_000, generator=torch.Generator().manual_seed(0))
    assert value**2 == pytest.approx(9 / 6, rel=0.02)  # the mean of (direction . shift)^2
    generated, generator = cloud(150, 6, 1, 1.5), torch.Generator().manual_seed(1)
    directions = torch.nn.functional.normalize(torch.randn(6, 64, dtype=torch.float64, generator=generator), dim=0)
    expected = ot.sliced_wasserstein_distance(real.numpy(), generated.numpy(), projections=directions.numpy())
    assert sliced_wasserstein(real, generated, 64, generator=torch.Generator().manual_seed(1)) == pytest.approx(float(expected), rel=1e-9)


def test_laplacian_pyramid_is_scipys():
    """What is left of an image after its blurred and halved copy, twice as large again, is taken away."""
    image = torch.randn(16, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    fine, coarse = (level[0, 0].numpy() for level in laplacian_pyramid(image[None, None], 2))
    small = scipy.ndimage.convolve(image.numpy(), kernel, mode="mirror")[::2, ::2]
    spread = np.zeros((16, 12))
    spread[::2, ::2] = 4 * small
    assert np.allclose(coarse, small) and np.allclose(fine, image.numpy() - scipy.ndimage.convolve(spread, kernel, mode="mirror"))


def test_patch_distance_sees_the_scale_that_was_changed():
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(40, 1, 32, 32, generator=generator) * 2 - 1
    pyramid = laplacian_pyramid(images, 3)
    assert [level.shape[-1] for level in pyramid] == [32, 16, 8]
    same = patch_sliced_wasserstein(images[:20], images[20:], generator=generator)
    assert list(same) == [32, 16] and max(same.values()) < 0.1
    striped = images[20:, :, :1].expand(-1, -1, 32, -1)  # each column of one grey
    changed = patch_sliced_wasserstein(images[:20], striped, generator=generator)
    assert changed[32] > 4 * same[32]
    darker = patch_sliced_wasserstein(images[:20], images[20:] / 2 - 0.4, generator=generator)
    assert darker[32] < 1.5 * same[32]  # brightness and contrast are taken out
    with pytest.raises(ValueError, match="levels need at least one 7x7 patch"):
        patch_sliced_wasserstein(images, images, levels=4)


def test_single_image_fid_is_zero_for_one_image_and_grows_with_noise():
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(3, 40, 40, generator=generator) * 2 - 1
    noisy = [single_image_fid(image, image + scale * torch.randn(image.shape, generator=generator)) for scale in (0.1, 0.5)]
    assert single_image_fid(image, image) < 1e-8 < noisy[0] < noisy[1]
    assert single_image_fid(image, image.flip(2), features=lambda x: x) < 1e-10  # a mirror has the same colours
    by_hand = frechet_distance(image.flatten(1).T, image[:, :20].flatten(1).T)
    assert single_image_fid(image, image[:, :20], features=lambda x: x) == pytest.approx(by_hand, rel=1e-6)
