"""Patches, semi-discrete transport of them, and the texture models."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import data
from course_lib.models import Gatys, GaussianTexture, Gotex, Texto
from course_lib.models.gatys import gram, random_filters, vgg_maps
from course_lib.models.texture import Canvas, TextureNetwork, patch_features, positions
from course_lib.ot import SemiDiscrete, exact, extract, fold, halve, paste, patch_w2, pyramid
from course_lib.ot.semidiscrete import minimum
from course_lib.training import fit


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("size", "stride", "periodic"), [(3, 1, False), (3, 1, True), (4, 2, False), (4, 2, True), (4, 4, True), (1, 1, True)]
)
def test_patches_there_and_back(size, stride, periodic):
    images = random(2, 3, 12, 16)
    patches = extract(images, size, stride, periodic)
    assert torch.allclose(fold(patches, images.shape, stride, periodic), images, atol=1e-6)
    weight = random(2, 3, 12, 16)
    (slope,) = torch.autograd.grad((fold(patches.requires_grad_(), images.shape, stride, periodic) * weight).sum(), patches)
    if periodic:  # each pixel lies in as many patches
        assert torch.allclose(fold(slope, images.shape, stride, True) * slope.numel() / weight.numel(), weight, atol=1e-5)
    corner = patches[1, 1].view(3, size, size)  # the second patch of the second image
    assert torch.equal(corner, images[1, :, :size, stride : stride + size])


def test_periodic_patches_reach_over_the_border():
    image = torch.arange(16.0).view(1, 1, 4, 4)
    assert extract(image, 2, periodic=True)[0, -1].tolist() == [15, 12, 3, 0]


def test_paste_is_fold_of_the_patches_picked():
    patches, index = random(7, 2, 3, 3), torch.randint(7, (6, 5), generator=torch.Generator().manual_seed(0))
    expected = fold(patches.flatten(1)[index.flatten()][None], (1, 2, 6, 5), periodic=True)[0]
    assert torch.allclose(paste(index, patches), expected.roll((0, 0), (1, 2)), atol=1e-6)


def test_halving_keeps_the_mean_and_what_is_linear():
    slope = torch.arange(16.0).expand(1, 1, 16, 16)
    assert torch.allclose(halve(slope)[0, 0, 3, 1:-1], torch.arange(16.0).view(8, 2).mean(1)[1:-1])  # centred on the 2x2 block
    assert [x.shape[-1] for x in pyramid(slope, 3)] == [16, 8, 4]


def test_halving_weighs_by_the_binomial_window():
    point = torch.zeros(1, 1, 12, 12)
    point[0, 0, 4, 5] = 64.0
    assert torch.equal(halve(point)[0, 0, 1:4, 1:4], torch.tensor([[0.0, 3.0, 1.0], [0.0, 9.0, 3.0], [0.0, 0.0, 0.0]]))


def test_patch_distance_of_a_shift_is_its_square():
    image = random(2, 16, 16)
    assert torch.allclose(patch_w2(image, image + 0.3, scales=2, n=10_000), torch.tensor([0.09, 0.09], dtype=torch.float64), rtol=1e-4)


def test_minimum_equals_min():
    for j in (64, 128, 1000, 2048):
        scores = random(50, j)
        for found, expected in zip(minimum(scores), scores.min(1), strict=True):
            assert torch.equal(found, expected)


def test_semi_discrete_solved_equals_the_linear_programme():
    x, y = random(300, 3).double(), 1.5 * random(30, 3, seed=1).double() + 0.5
    solver, solved = SemiDiscrete(y).solve(x), exact(x, y, p=2)
    assert solver.dual(x).item() <= solved.cost.item() + 1e-9
    assert solver.dual(x).item() == pytest.approx(solved.cost.item(), rel=1e-4)


def test_semi_discrete_gradient_is_weight_minus_share():
    x, y = random(500, 2).double(), random(300, 2, seed=1).double()  # more targets than lanes, padded
    solver = SemiDiscrete(y)
    potential = (0.1 * random(300, seed=2)).double().requires_grad_()
    dual = (torch.cdist(x, y).square() - potential).amin(1).mean() + potential.mean()
    expected = torch.autograd.grad(dual, potential)[0]
    assert torch.allclose(solver._gradient(x, potential.detach()), expected, atol=1e-12)
    solver.potential = potential.detach()
    assert solver.dual(x).item() == pytest.approx(dual.item(), rel=1e-10)


def test_distance_is_the_dual_with_its_gradient():
    x, solver = random(200, 2).double().requires_grad_(), SemiDiscrete(random(20, 2, seed=1).double())
    solver.ascend(x.detach(), 50)
    assert solver.distance(x).item() == pytest.approx(solver.dual(x.detach()).item(), rel=1e-10)
    slope = torch.autograd.grad(solver.distance(x), x)[0]
    assert torch.allclose(slope, 2 * (x - solver.map(x.detach())).detach() / 200)


def test_ascent_follows_a_cloud_to_its_distance():
    x, y = random(400, 2), 0.7 * random(50, 2, seed=1) + 0.5
    solver = SemiDiscrete(y).ascend(x, 1000, sample=200, generator=torch.Generator().manual_seed(0))
    assert solver.dual(x).item() == pytest.approx(exact(x, y, p=2).cost.item(), rel=0.02)


def test_targets_in_one_place_are_solved_by_any_potential():
    x, y = random(30, 2), torch.ones(4, 2)
    solver = SemiDiscrete(y).solve(x)
    assert solver.dual(x).item() == pytest.approx((x - y[0]).square().sum(1).mean().item(), rel=1e-5)


def test_gaussian_texture_has_the_exemplars_mean_and_covariance():
    exemplar = random(2, 8, 8) + torch.tensor([0.5, -1.0])[:, None, None]
    exemplar[1] += 0.7 * exemplar[0].roll(1, 1)
    model, generator = GaussianTexture(exemplar), torch.Generator().manual_seed(0)
    fields = torch.stack([model.synthesize(8, 8, generator) for _ in range(4000)])
    centred = exemplar - exemplar.mean((1, 2), keepdim=True)
    assert torch.allclose(fields.mean((0, 2, 3)), exemplar.mean((1, 2)), atol=0.05)
    for shift in ((0, 0), (1, 0), (2, 3)):  # covariance of channels at a lag, over the torus
        expected = torch.einsum("ahw,bhw->ab", centred, centred.roll(shift, (1, 2))) / 64
        around = fields - exemplar.mean((1, 2))[:, None, None]
        found = torch.einsum("nahw,nbhw->ab", around, around.roll(shift, (2, 3))) / (4000 * 64)
        assert torch.allclose(found, expected, atol=0.06)


def test_gaussian_texture_of_any_size():
    """A larger torus convolves the same spot; a smaller picture is a part of one as large as the exemplar."""
    model = GaussianTexture(random(2, 5, 6))
    seeded = lambda: torch.Generator().manual_seed(3)  # noqa: E731
    assert torch.equal(model.synthesize(3, 4, seeded()), model.synthesize(5, 6, seeded())[:, :3, :4])
    noise = torch.randn(9, 8, generator=seeded())
    lags = [(down, right) for down in range(5) for right in range(6)]
    field = sum(model.spot[:, down, right, None, None] * noise.roll((down, right), (0, 1)) for down, right in lags)
    assert torch.allclose(model.synthesize(9, 8, seeded()), model.mean + field, atol=1e-5)


def test_a_step_of_the_ascent_by_hand():
    x, solver = random(50, 2), SemiDiscrete(random(10, 2, seed=1))
    expected = solver.scale / 10 * solver._gradient(x, solver.potential)
    assert torch.allclose(solver.ascend(x, 1).potential, expected)


@pytest.fixture(scope="module")
def petals() -> torch.Tensor:
    return data.texture("petals", 64)


def test_texto_brings_patches_nearer_and_reads_back(tmp_path):
    gravel = data.texture("gravel", 128)
    model = Texto.fit(gravel, scales=3, targets=300, samples=20_000, generator=torch.Generator().manual_seed(0))
    made = model.synthesize(70, 50, torch.Generator().manual_seed(1))
    assert made.shape == (1, 70, 50)
    assert torch.equal(made, model.synthesize(70, 50, torch.Generator().manual_seed(1)))
    assert not torch.equal(made, model.synthesize(70, 50, torch.Generator().manual_seed(2)))
    layers = list(model.layers(128, 128, torch.Generator().manual_seed(1)))
    assert [layer.before.shape[1] for layer in layers] == [32, 64, 128] and layers[-1].upsampled is None

    def distance(image):
        return patch_w2(gravel, image, size=3, scales=1, n=500, generator=torch.Generator().manual_seed(3)).item()

    assert distance(layers[-1].after) < 0.75 * distance(GaussianTexture(gravel).synthesize(128, 128, torch.Generator().manual_seed(1)))
    model.save(tmp_path / "gravel.safetensors")
    assert torch.equal(Texto.load(tmp_path / "gravel.safetensors").synthesize(70, 50, torch.Generator().manual_seed(1)), made)


def test_texto_uses_all_targets_alike(petals):
    """After transport the patches use each target about as often; plain nearest neighbours leave most of them out."""
    model = Texto.fit(petals, scales=1, targets=100, samples=100_000, generator=torch.Generator().manual_seed(0))
    field = model.field.synthesize(128, 128, torch.Generator().manual_seed(0))  # the one it learned from
    plain = SemiDiscrete(model.transports[0].targets)
    rows = extract(field[None], 3, periodic=True)[0]
    spread = [torch.bincount(ot.assign(rows), minlength=100).double().std() / (len(rows) / 100) for ot in (model.transports[0], plain)]
    assert spread[0] < 0.35 and spread[1] > 3 * spread[0]


def test_a_wide_synthesis_in_bands_is_the_same(petals, monkeypatch):
    model = Texto.fit(petals, scales=2, targets=100, samples=2000, generator=torch.Generator().manual_seed(0))
    whole = model.synthesize(64, 64, torch.Generator().manual_seed(1))
    monkeypatch.setattr("course_lib.models.texto.BAND", 200)
    assert torch.equal(model.synthesize(64, 64, torch.Generator().manual_seed(1)), whole)


def test_texto_doubles_are_of_the_same_places(petals):
    model = Texto.fit(petals, scales=2, targets=50, samples=100, generator=torch.Generator().manual_seed(0))
    fine, coarse = pyramid(petals[None], 2)
    targets, patches = model.transports[0].targets, extract(coarse, 3)[0]
    place = torch.cdist(targets, patches, compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
    assert torch.equal(patches[place], targets)
    doubles = F.pixel_shuffle(model.doubles[0], 2).flatten(1)
    assert torch.equal(doubles, extract(fine, 6, stride=2)[0][place])
    field = model.field.synthesize(32, 32, torch.Generator().manual_seed(0))
    moved = model._assign(field.roll((5, 9), (1, 2)), 0)  # on a torus no place is special
    assert (moved == model._assign(field, 0).roll((5, 9), (0, 1))).float().mean() > 0.99


def test_gatys_distance_by_hand():
    exemplar, other = random(2, 6, 6), random(2, 6, 6, seed=1)
    model = Gatys(exemplar, Canvas(other), lambda images: [images, 2 * images])
    square = (gram(exemplar[None]) - gram(other[None])).square().sum().item() / 16  # of Gram matrices 2 x 2, over 4
    assert model.distance(other[None]).item() == pytest.approx(square * (1 + 2**4), rel=1e-5)


def test_gram_by_hand():
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # two maps of 1x2
    assert gram(maps)[0].tolist() == [[2.5, 5.5], [5.5, 12.5]]


@pytest.mark.parametrize("model", [Gotex, Gatys])
def test_the_exemplar_is_a_minimum(model, petals):
    """The exemplar's own statistics are at distance 0, noise is far."""
    features = patch_features(4, 2) if model is Gotex else random_filters(3, (3, 5), 8, 2)
    torch.manual_seed(0)
    system = model(petals, Canvas(petals), features, **({"targets": 4000, "dual_steps": 0} if model is Gotex else {}))
    assert system.distance(petals[None]).item() == pytest.approx(0, abs=1e-4)
    assert system.distance(random(1, 3, 64, 64)).item() > 100 * abs(system.distance(petals[None]).item())


def test_gotex_lowers_the_patch_distance_and_its_network_draws_any_size(petals):
    start = GaussianTexture(petals).synthesize(64, 64, torch.Generator().manual_seed(0))
    model = Gotex(petals, Canvas(start), patch_features(4, 2), targets=500, sample=1000)
    fit(model, petals[None], 60, batch_size=1, seed=0, progress=False)
    near, far = (patch_w2(petals, x, scales=2, n=500, generator=torch.Generator().manual_seed(0)) for x in (model.sample(1)[0], start))
    assert (near < 0.6 * far).all()
    network = Gotex(petals, TextureNetwork(3, scales=3, width=4), patch_features(4, 2), targets=200, sample=500)
    fit(network, petals[None], 2, batch_size=1, seed=0, progress=False)
    assert network.sample(2, torch.Generator().manual_seed(0), size=(40, 96)).shape == (2, 3, 40, 96)


def test_gotex_moves_every_potential_and_hands_out_copies(petals):
    model = Gotex(petals, Canvas(-petals), patch_features(4, 2), targets=50, dual_steps=3, sample=100)
    model.distance(model.sample(1))
    assert all(transport.potential.any() for transport in model.transports)
    model.sample(1).zero_()
    assert torch.equal(model.sample(2)[1], -petals)


def test_positions_are_rows():
    maps = random(2, 5, 3, 4)
    assert torch.equal(positions(lambda images: [images])(maps)[0][4], maps[0, :, 1, 0])


def test_texture_network_is_periodic():
    torch.manual_seed(0)
    network = TextureNetwork(1, scales=2, width=4)
    noise = network.noise(1, 8, 8, torch.randn)
    moved = [z.roll(2 * (k + 1) // 2, 3) for k, z in enumerate(noise)]
    assert torch.allclose(network(moved), network(noise).roll(2, 3), atol=1e-5)


def test_vgg_says_what_to_download(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(RuntimeError, match="vgg_maps needs a file that is not here: download"):
        vgg_maps()


def test_vgg_maps_are_those_of_torchvision_and_serve_both_methods(monkeypatch):
    """With random weights: what is to be seen is where the maps are taken, and on which images."""
    from torchvision.models.vgg import cfgs, make_layers

    class Convolutions(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = make_layers(cfgs["E"])

    network = Convolutions()
    monkeypatch.setattr("torchvision.models.vgg19", Convolutions)
    monkeypatch.setattr("course_lib.models.gatys.weights_file", lambda address, purpose: address)
    monkeypatch.setattr(torch, "load", lambda *arguments, **options: network.state_dict())
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    normal = torch.stack([(images[:, c] / 2 + 0.5 - m) / s for c, (m, s) in enumerate(((0.485, 0.229), (0.456, 0.224), (0.406, 0.225)))], 1)
    with torch.no_grad():
        for maps, last in zip(vgg_maps()(images), (1, 6, 11, 20, 29), strict=True):
            assert torch.allclose(maps, network.features[: last + 1](normal), rtol=1e-4, atol=1e-6)
    for model in (Gatys(images[0], Canvas(images[1]), vgg_maps((1, 6))), Gotex(images[0], Canvas(images[1]), positions(vgg_maps((1, 6))))):
        history = fit(model, images[:1], 4, batch_size=1, progress=False)
        assert history["distance"][-1] < history["distance"][0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: extract(torch.zeros(3, 8, 8), 3), "images has shape"),
        (lambda: extract(torch.zeros(1, 1, 2, 8), 3), "images has height 2"),
        (lambda: extract(torch.zeros(1, 1, 8, 9), 4, 2), "images has width 9"),
        (lambda: extract(torch.zeros(1, 1, 8, 8), 2, 3), "size and stride are 2 and 3"),
        (lambda: fold(torch.zeros(1, 9, 4), (1, 1, 4, 5)), r"patches has shape \(1, 9, 4\); it must be \(1, 12, 4\)"),
        (lambda: patch_w2(torch.zeros(8, 8), torch.zeros(8, 8)), "must be \\(C, H, W\\)"),
        (lambda: pyramid(torch.zeros(1, 1, 12, 12), 4), "must be multiples of 8"),
        (lambda: SemiDiscrete(torch.tensor([[torch.nan]])), "targets has values"),
        (lambda: SemiDiscrete(torch.zeros(3, 2)).fit(torch.full((4, 2), torch.nan)), "source has values"),
        (lambda: GaussianTexture(torch.full((3, 8, 8), torch.nan)), "exemplar has shape"),
        (lambda: GaussianTexture(torch.zeros(3, 8, 8, dtype=torch.uint8)), "torch.uint8; it must be"),
        (lambda: Texto.fit(torch.zeros(3, 20, 20)), "must be multiples of 8"),
        (lambda: Texto.fit(torch.zeros(3, 16, 16)), "it must hold a patch of 3x3"),
        (lambda: SemiDiscrete(torch.zeros(3, 27)).assign(torch.zeros(5, 9)), "x has shape"),
        (lambda: patch_w2(torch.zeros(3, 8, 8), torch.zeros(1, 8, 8)), "shapes"),
        (
            lambda: fit(Gatys(torch.zeros(3, 64, 64), Canvas(torch.zeros(1, 64, 64))), torch.zeros(1, 3, 64, 64), 1, batch_size=1),
            "draws 1 channels",
        ),
        (lambda: TextureNetwork(3, 4).noise(1, 20, 20, torch.randn), "must be multiples of 8"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_conv_features_match_a_plain_convolution():
    image = random(1, 3, 16, 16)
    maps = random_filters(3, (3, 5), 8, 2, seed=4)(image)
    assert [m.shape[-1] for m in maps] == [14, 12, 6, 4]
    bank = torch.randn(8, 3, 3, 3, generator=torch.Generator().manual_seed(4))[0]  # the first keeps its mean
    assert torch.allclose(maps[0][:, 0], F.relu(F.conv2d(image, (bank / bank.norm())[None]))[:, 0], atol=1e-5)
