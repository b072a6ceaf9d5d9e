"""Precision and recall, Inception score, Parzen windows, pixels, modes and nearest neighbours against oracles; bad input; reports."""

import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.neighbors import KernelDensity, NearestNeighbors
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

from course_lib import data, metrics
from course_lib.metrics import neighbours
from course_lib.weights.ruler import digit_features


def gaussian(n: int, d: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_hand(real, generated, k):
    """Precision, recall, density, coverage from scikit-learn's neighbours and full matrices of differences."""

    def radius(points):
        return torch.from_numpy(NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(points).kneighbors(points)[0][:, k])

    distance = (real[:, None] - generated[None]).square().sum(-1).sqrt()
    in_real, in_generated = distance <= radius(real)[:, None], distance <= radius(generated)[None]
    values = in_real.any(0), in_generated.any(1), in_real.double().sum(0) / k, in_real.any(1)
    return [value.double().mean().item() for value in values]


@pytest.mark.parametrize(("n", "m", "d", "k"), [(200, 300, 4, 3), (150, 100, 64, 5), (40, 400, 2, 1)])
def test_precision_recall_equals_scikit_learn_and_torch_fidelity(n, m, d, k):
    real, generated = gaussian(n, d, 0) + 7, gaussian(m, d, 1, 1.2) + 7
    found = metrics.precision_recall(real, generated, k)
    assert found == pytest.approx(by_hand(real, generated, k), abs=1e-12)
    other = prc_features_to_metric(generated, real, prc_neighborhood=k, verbose=False)
    assert found[:2] == pytest.approx((other["precision"], other["recall"]), abs=1e-6)


def test_precision_recall_is_exact_where_single_precision_is_not():
    real = gaussian(120, 16, 0)
    tight = real[:4].repeat_interleave(30, 0) + gaussian(120, 16, 1, 1e-9)  # a collapsed generator, four places
    exact = (real[:, None] - tight[None]).square().sum(-1).sqrt()
    own = (tight[:, None] - tight[None]).square().sum(-1).sqrt().kthvalue(4, 1).values
    found = metrics.precision_recall(real, tight)
    assert found.recall == (exact <= own[None]).any(1).double().mean().item()
    assert found.precision == 1
    copied = metrics.precision_recall(real, real)
    assert copied == (1, 1, pytest.approx(4 / 3), 1)  # the surface belongs to the ball: k + 1 balls hold each point
    repeated = metrics.precision_recall(real, real[:1].repeat(50, 1))
    assert repeated.recall == 1 / 120 and repeated.precision == 1


@pytest.mark.parametrize("spread", [1.0, 1e-6, 1e-9, 0.0])
def test_radii_are_those_of_double_precision(spread):
    """Clusters far tighter than single precision can see."""
    points = gaussian(4, 16, 0).repeat_interleave(30, 0) + gaussian(120, 16, 1, spread)
    squared = (points[:, None] - points[None]).square().sum(-1)
    squared.fill_diagonal_(torch.inf)
    found = neighbours.neighbour_radii(neighbours.clouds(points)[0], 3)
    assert torch.allclose(found, squared.kthvalue(3, 1).values, rtol=1e-12, atol=0)


def test_precision_recall_in_small_blocks_is_the_same(monkeypatch):
    real, generated = gaussian(90, 5, 0), gaussian(110, 5, 1)
    whole = metrics.precision_recall(real, generated)
    monkeypatch.setattr(neighbours, "ENTRIES", 700)
    assert all((rows.stop - rows.start) * 110 <= 700 for rows in neighbours.blocks(90, 110))
    assert metrics.precision_recall(real, generated) == whole


def test_precision_recall_of_far_and_of_half_sets():
    real = gaussian(300, 3, 0)
    assert metrics.precision_recall(real, real + 100) == (0, 0, 0, 0)
    half = metrics.precision_recall(torch.cat([real, real + 100]), gaussian(300, 3, 1))
    assert half.precision > 0.9 and 0.4 < half.recall < 0.5 and 0.4 < half.coverage < 0.5


def test_inception_score_equals_torch_fidelity_and_its_ends():
    logits = 3 * gaussian(200, 10, 0)
    expected = isc_features_to_metric(logits, splits=5, rng_seed=1)
    found = metrics.inception_score_splits(logits, 5, seed=1)
    assert found.mean == pytest.approx(expected["inception_score_mean"], rel=1e-9)
    assert found.std == pytest.approx(expected["inception_score_std"], rel=1e-7)
    sure = 1000 * torch.eye(10)
    assert metrics.inception_score(sure) == pytest.approx(10)
    assert metrics.inception_score(sure[:1].repeat(9, 1)) == pytest.approx(1)
    assert metrics.inception_score(torch.zeros(9, 10)) == pytest.approx(1)


def test_parzen_equals_scikit_learn():
    points, centres = gaussian(30, 6, 0), gaussian(50, 6, 1)
    expected = KernelDensity(bandwidth=0.7).fit(centres.numpy()).score_samples(points.numpy())
    assert np.allclose(metrics.parzen_log_likelihood(points, centres, 0.7), expected, rtol=1e-9)
    chosen = metrics.parzen_bandwidth(centres, points, [0.01, 0.3, 0.7, 30])
    assert chosen == 0.7
    with pytest.raises(ValueError, match="bandwidth is 0"):
        metrics.parzen_log_likelihood(points, centres, 0)


def test_psnr_and_ssim_equal_scikit_image():
    a = torch.from_numpy(np.stack([data.photo("camera")[:, :60, :50].numpy(), data.photo("camera")[:, 100:160, :50].numpy()]))
    b = (a + 0.2 * torch.randn(a.shape, generator=torch.Generator().manual_seed(0))).clamp(-1, 1)
    for i in range(2):
        one, other = a[i, 0].double().numpy(), b[i, 0].double().numpy()
        assert metrics.psnr(a, b)[i].item() == pytest.approx(peak_signal_noise_ratio(one, other, data_range=2), rel=1e-9)
        settings = {"data_range": 2, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
        assert metrics.ssim(a, b)[i].item() == pytest.approx(structural_similarity(one, other, **settings), rel=1e-6)
    assert metrics.ssim(a, a).tolist() == pytest.approx([1, 1]) and metrics.psnr(a, a).isinf().all()
    with pytest.raises(ValueError, match="at least 11"):
        metrics.ssim(a[:, :, :10], b[:, :, :10])


def test_lpips_says_what_to_download(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    metrics.pixels._lpips_network.cache_clear()
    with pytest.raises(RuntimeError, match="download https://.*vgg16.* and put it at"):
        metrics.lpips(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    metrics.inception_features.cache_clear()
    with pytest.raises(RuntimeError, match="download https://.*inception.* and put it at"):
        metrics.inception_features()


def test_modes_by_hand():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    samples = torch.tensor([[0.1, 0.0], [0.0, -0.2], [9.9, 0.0], [0.0, 10.6]])
    found = metrics.mode_coverage(samples, centres, radius=0.5)
    assert (found.modes, found.quality) == (2, 0.75)
    assert found.divergence == pytest.approx(scipy.stats.entropy([2 / 3, 1 / 3, 0], [1 / 3] * 3))
    assert metrics.mode_coverage(samples, centres, 0.5, least=2).modes == 1
    assert metrics.mode_coverage(samples + 100, centres, 0.5) == (0, 0.0, float("inf"))
    weights = torch.tensor([3.0, 1.0, 4.0])
    weighted = metrics.mode_coverage(samples, centres, radius=0.5, weights=weights).divergence
    assert weighted == pytest.approx(scipy.stats.entropy([2 / 3, 1 / 3, 0], weights / 8))
    assert metrics.class_coverage(torch.tensor([0, 1, 1, 3]), 4).modes == 3
    assert metrics.class_coverage(torch.tensor([0, 1, 1]), 2, weights=torch.tensor([1.0, 2.0])).divergence == pytest.approx(0)
    for wrong in (torch.ones(1), torch.tensor([1.0, -1.0, 1.0]), torch.zeros(3)):
        with pytest.raises(ValueError, match="it must hold 3 numbers of at least 0"):
            metrics.mode_coverage(samples, centres, 0.5, weights=wrong)
    with pytest.raises(ValueError, match="with whole numbers from 0 to 1"):
        metrics.class_coverage(torch.tensor([0.0, 1.0]), 2)


def test_nearest_equals_scikit_learn_and_copying_the_mann_whitney_statistic():
    train, held_out, generated = gaussian(200, 5, 0), gaussian(80, 5, 1), gaussian(60, 5, 2)
    distance, index = metrics.nearest(generated, train)
    expected, place = NearestNeighbors(n_neighbors=1).fit(train).kneighbors(generated)
    assert np.allclose(distance, expected[:, 0]) and (index.numpy() == place[:, 0]).all()
    real = metrics.nearest(held_out, train)[0]
    statistic = scipy.stats.mannwhitneyu(real, distance).statistic / (80 * 60)
    assert metrics.copying(generated, train, held_out) == pytest.approx(statistic)
    assert metrics.copying(train[:60], train, held_out) == 1
    assert metrics.copying(generated + 50, train, held_out) == 0
    assert metrics.copying(train, train, train) == 0.5


good = torch.arange(40.0).reshape(10, 4).sin()
hole = good.clone()
hole[3, 1] = float("nan")


@pytest.mark.parametrize("metric", ["frechet_distance", "kernel_distance", "precision_recall", "sliced_wasserstein", "evaluate"])
@pytest.mark.parametrize(
    ("real", "generated", "message"),
    [
        (good[:1], good, "real has 1 samples; it must have at least"),
        (good, good[:, :3], "generated has 3 columns; it must have 4"),
        (good, hole, "generated has 1 values that are NaN or infinite"),
        (good[0], good, r"real has shape \(4,\); it must be a tensor \(N, D\)"),
        (good, good.reshape(10, 2, 2), r"generated has shape \(10, 2, 2\)"),
    ],
)
def test_bad_features_are_refused(metric, real, generated, message):
    with pytest.raises(ValueError, match=message):
        getattr(metrics, metric)(real, generated)


def test_bad_settings_are_refused():
    for k in (0, 10):
        with pytest.raises(ValueError, match=f"k is {k}; it must be at least 1 and less than the number of real samples, 10"):
            metrics.precision_recall(good, good, k)
    with pytest.raises(ValueError, match="subset_size, 11"):
        metrics.kernel_distance_subsets(good, good, 3, 11)
    with pytest.raises(ValueError, match="splits is 11"):
        metrics.inception_score_splits(good, 11)
    with pytest.raises(ValueError, match="NaN or infinite"):
        metrics.inception_score(hole)
    with pytest.raises(ValueError, match="radius and least"):
        metrics.mode_coverage(good, good, radius=0)
    with pytest.raises(ValueError, match=r"b has shape \(1, 1, 9, 9\)"):
        metrics.psnr(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 9, 9))


def test_report_names_its_network_and_covers_every_metric():
    test, train = data.digits("test"), data.digits("train")
    pick = torch.randperm(4000, generator=torch.Generator().manual_seed(0))[:300]
    real, other = test.images[::3][:300], train.images[pick]
    ruler = digit_features()
    report = metrics.evaluate(real, other, ruler, halves=3)
    lower = [line.split()[0] for line in str(report).splitlines() if line.endswith("lower is better")]
    assert lower == ["FID", "KID", "sliced"]
    assert "digit classifier" in str(report) and "300 real and 300 generated" in str(report)
    assert report["FID"] == metrics.frechet_distance(ruler(real), ruler(other))
    assert report["Inception score"] > 9.4
    assert all(0 < spread.std < 10 for spread in report.values.values())
    noisy = metrics.evaluate(real, (other + torch.randn(other.shape) / 2).clamp(-1, 1), ruler, halves=3)
    assert noisy["FID"] > 10 * report["FID"] and noisy["coverage"] < report["coverage"]
    figure = metrics.plot_reports({"real": report, "noisy": noisy})
    assert len(figure.axes) == 8
    with pytest.warns(UserWarning, match="equal sizes"):
        uneven = metrics.evaluate(ruler(real), ruler(other)[:200], halves=0)
    with pytest.raises(ValueError, match="reports differ"):
        metrics.plot_reports({"a": report, "b": uneven})


def test_feature_networks_refuse_what_they_cannot_see():
    ruler = digit_features()
    images = data.digits("test", size=32).images[:5]
    assert torch.equal(ruler(images), ruler(images[:, :, 2:30, 2:30]))
    with pytest.raises(ValueError, match="must be in"):
        ruler(images * 127 + 128)
    with pytest.raises(ValueError, match="no logits"):
        metrics.pixel_features().logits(images)


def test_imagenet_features_know_a_cat_or_say_what_to_install():
    try:
        ruler = metrics.imagenet_features()
    except RuntimeError as error:
        assert "pip install" in str(error)
        return
    logits = ruler.logits(data.photo("chelsea")[None])
    assert logits.softmax(1)[0, [281, 282, 285]].sum() > 0.5  # tabby, tiger cat, Egyptian cat


def test_failures_do_what_they_say():
    train = data.digits("train")
    images, labels = train.images[::40], train.labels[::40]  # (100, 1, 28, 28), ten of each class
    for how in metrics.FAILURES:
        assert torch.equal(metrics.spoil(images, labels, how, 0), images)
        assert metrics.spoil(images, labels, how, 1).shape == images.shape
    blurred = metrics.spoil(images, labels, "blur", 0.5)
    expected = scipy.ndimage.gaussian_filter(images[3, 0].numpy() + 1, 1, mode="constant", truncate=6) - 1
    assert np.allclose(blurred[3, 0], expected, atol=1e-5)
    kept = metrics.spoil(images, labels, "drop classes", 0.5)
    assert len(torch.unique(kept, dim=0)) == 60  # 10 - round(4.5), rounded to even
    assert len(torch.unique(metrics.spoil(images, labels, "few images", 0.9), dim=0)) == 10
    noise = metrics.spoil(images * 0, labels, "noise", 0.1)
    assert noise.std().item() == pytest.approx(0.1, rel=0.02)
    with pytest.raises(ValueError, match="how is 'melt'"):
        metrics.spoil(images, labels, "melt", 0.5)
