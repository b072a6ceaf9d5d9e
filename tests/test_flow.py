"""Flows against autograd's Jacobian, closed forms, quadrature, and the plain backward pass."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from course_lib import data, nn
from course_lib.models import Flow, glow, realnvp
from course_lib.models.flow import spline_flow
from course_lib.nn.spline import knots
from course_lib.training import Update, fit
from course_lib.training.memory import StoredBytes
from course_lib.viz import plane

POINTS, IMAGES = (4,), (4, 4, 4)


def stirred(layer, scale=0.2):
    """The layer with every weight moved off its harmless start."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(scale * torch.randn_like(parameter) / max(1, parameter[0].numel()) ** 0.5)
    return layer


def layers():
    """Every layer and a few compositions: (name, layer, shape of a sample)."""
    for shape in (POINTS, IMAGES):
        for scale in ("tanh", "sigmoid"):
            network = nn.conditioner(4, 8, images=len(shape) > 1)
            yield f"coupling {scale} {len(shape)}", nn.Coupling(network, nn.channel_mask(shape), scale), shape
        yield f"actnorm {len(shape)}", nn.ActNorm(4, len(shape) - 1), shape
        yield f"1x1 {len(shape)}", nn.Invertible1x1(4), shape
    yield "checkerboard", nn.Coupling(nn.conditioner(4, 8, images=True), nn.checkerboard_mask(IMAGES, flip=True)), IMAGES
    yield "squeeze", nn.Squeeze(), IMAGES
    yield "unsqueeze", nn.Unsqueeze(), IMAGES
    yield "half", nn.OnHalf(nn.ActNorm(2, 2)), IMAGES
    yield "spline", nn.SplineCoupling(4, 8, bound=0.8), POINTS
    yield "logit", nn.Logit(), IMAGES
    yield "realnvp points", realnvp(POINTS, depth=4, width=8).layers, POINTS
    yield "glow points", glow(POINTS, depth=4, width=8).layers, POINTS
    yield "realnvp images", realnvp(IMAGES, depth=2, width=8).layers, IMAGES
    yield "glow images", glow(IMAGES, depth=2, width=8).layers, IMAGES


torch.manual_seed(0)
ALL = [pytest.param(stirred(layer), shape, id=name) for name, layer, shape in layers()]
every_layer = pytest.mark.parametrize(("layer", "shape"), ALL)


@every_layer
def test_inverse_undoes_forward(layer, shape):
    x = torch.rand(64, *shape)
    z, log_det = layer(x)
    assert log_det.shape == (64,) and log_det.dtype == torch.float32
    assert (layer.inverse(z) - x).abs().max() <= 1e-5


@every_layer
def test_log_determinant_is_that_of_autograds_jacobian(layer, shape):
    layer, x = layer.double(), torch.rand(3, *shape, dtype=torch.float64)
    _, log_det = layer(x)
    for sample, value in zip(x, log_det, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda point: layer(point[None])[0].flatten(), sample)
        expected = torch.linalg.slogdet(jacobian.reshape(sample.numel(), -1)).logabsdet
        assert value.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-9)
    layer.float()


@every_layer
def test_pull_back_gives_the_gradients_of_autograd(layer, shape):
    x = torch.rand(5, *shape, requires_grad=True)
    outputs = layer(x)
    grads = [torch.randn_like(output) for output in outputs]
    loss = sum((output * grad).sum() for output, grad in zip(outputs, grads, strict=True))
    expected = torch.autograd.grad(loss, (x, *layer.parameters()))
    again, grad_x, own = layer.pull_back(outputs[0].detach(), *grads)
    assert torch.allclose(again, x, atol=1e-5)
    for found, wanted in zip((grad_x, *own), expected, strict=True):
        assert torch.allclose(found, wanted, rtol=1e-3, atol=1e-4)


def test_reversible_training_is_plain_training():
    results = []
    for reversible in (False, True):
        torch.manual_seed(0)
        flow = realnvp(IMAGES, depth=2, width=8, reversible=reversible)
        images = data.digits("test", 32).images[:8].reshape(8, 4, 16, 16)[:, :, :4, 4:8]
        history = fit(flow, images, 5, batch_size=8, progress=False, device="cpu")
        results.append(torch.tensor(history["bits_per_dimension"]))
    assert torch.allclose(*results, rtol=1e-4)


@pytest.mark.parametrize(("make", "scale", "within"), [(realnvp, 1.0, 1e-3), (glow, 0.5, 1e-2)])
def test_reversible_gradients_in_half_precision_are_the_plain_ones(make, scale, within):
    gradients = []
    for reversible in (False, True):
        torch.manual_seed(0)
        flow = stirred(make(IMAGES, depth=2, width=8, reversible=reversible, levels=0), scale)
        with torch.autocast("cpu", torch.bfloat16):
            loss = flow.log_density(torch.rand(16, *IMAGES, generator=torch.Generator().manual_seed(0))).mean()
        loss.backward()
        gradients.append(torch.cat([p.grad.flatten() for p in flow.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < within * gradients[0].norm()


def test_layers_invert_in_half_precision():
    """What the networks compute is the same in both directions, so it may be coarse; what is done with it may not."""
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        for flow in (glow(POINTS, depth=2, width=8), spline_flow(4, depth=2, width=8)):
            stirred(flow, 0.05)
            x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
            assert (flow.decode(flow.encode(x)) - x).abs().max() < 1e-4


def test_an_untrained_spline_flow_is_nearly_linear_and_learns():
    torch.manual_seed(0)
    flow, x = spline_flow(2, depth=2, width=16, rate=5e-3), data.toy2d("moons", 2000, torch.Generator().manual_seed(0))
    linear = torch.linalg.lstsq(x, flow.encode(x)).solution
    assert (flow.encode(x) - x @ linear).abs().max() < 5e-3
    outside = torch.full((1, 2), 9.0)
    spline = nn.SplineCoupling(2, 8)
    assert torch.equal(stirred(spline, 1.0)(outside)[0], outside) and spline(outside)[1] == 0
    bits = fit(flow, x, 100, batch_size=256, progress=False, device="cpu")["bits_per_dimension"]
    gaussian = MultivariateNormal(x.mean(0), x.T.cov())
    assert bits[-1] < -gaussian.log_prob(x).mean().item() / (2 * math.log(2)) - 0.1


def test_a_spline_joins_the_identity_and_never_is_flat():
    raw = torch.randn(2, 23, generator=torch.Generator().manual_seed(0))
    ends = torch.tensor([-0.8, 0.8], dtype=torch.float64) * (1 - 1e-9)
    y, log_slope = nn.spline(ends, raw.double(), 0.8)
    assert torch.allclose(y, ends, atol=1e-7) and log_slope.abs().max() < 1e-5
    raw[:, 16:] = -50.0  # the slopes at the inner knots
    knot = knots(raw[:, :8].double(), 0.8)[0][:, 3] + 1e-12
    assert torch.allclose(nn.spline(knot, raw.double(), 0.8)[1].exp(), torch.tensor(1e-3).double(), rtol=1e-3)


def test_the_learning_rate_rises_and_falls():
    flow, update, rates = realnvp((2,), depth=1, width=4, rate=0.5), Update(), []
    for update.step, update.progress in ((0, 0.0), (49, 0.25), (200, 0.5), (400, 0.999)):
        flow.step(torch.randn(8, 2), update)
        rates.append(flow.optimiser.param_groups[0]["lr"])
    half = 0.25 * (1 + math.cos(math.pi / 4))
    assert rates == pytest.approx([0.005, 0.5 * half, 0.25, 0], abs=1e-5)


def test_stored_bytes_are_those_of_the_activations():
    layers = torch.nn.Sequential(torch.nn.Linear(10, 20), torch.nn.Tanh(), torch.nn.Linear(20, 5))
    x = torch.randn(7, 10)
    with StoredBytes(layers) as stored:
        layers(x).sum().backward()
    assert stored.peak == 4 * 7 * (10 + 20) and stored.now == 0  # the input, and the output of tanh, held by two layers


def test_the_reversible_backward_stores_one_layer_at_a_time():
    peaks = {}
    for reversible in (False, True):
        flow = realnvp(IMAGES, depth=4, width=16, reversible=reversible)  # 16 couplings
        with StoredBytes(flow) as stored:
            flow.log_density(torch.rand(8, *IMAGES)).sum().backward()
        peaks[reversible] = stored.peak
    assert peaks[True] <= 0.5 * peaks[False]


def test_masks_share_the_numbers_between_them():
    board = nn.checkerboard_mask((2, 4, 6))
    assert board.shape == (2, 4, 6) and board[:, 0, 0].eq(1).all() and board[0].sum() == 12
    assert (board[:, 1:] + board[:, :-1]).eq(1).all() and (board[..., 1:] + board[..., :-1]).eq(1).all()
    assert (board + nn.checkerboard_mask((2, 4, 6), flip=True)).eq(1).all()
    assert nn.channel_mask((3, 2, 2))[:, 0, 0].tolist() == [1, 0, 0] and nn.channel_mask((2,), flip=True).tolist() == [0, 1]


def test_coupling_keeps_what_the_mask_says():
    mask = nn.checkerboard_mask(IMAGES)
    layer, x = stirred(nn.Coupling(nn.conditioner(4, 8, images=True), mask), 1.0), torch.randn(6, *IMAGES)
    changed = layer(x)[0] != x
    assert not changed[:, mask == 1].any() and changed[:, mask == 0].all()
    with pytest.raises(ValueError, match="scale is 'exp'"):
        nn.Coupling(torch.nn.Identity(), mask, "exp")


def test_couplings_take_turns():
    for flow in (realnvp(POINTS, depth=2, width=8), realnvp(IMAGES, depth=2, width=8, scales=1)):
        for depth, layer in enumerate(layer for layer in flow.modules() if isinstance(layer, nn.Coupling)):
            mask = nn.channel_mask if len(flow.shape) == 1 or depth >= 2 else nn.checkerboard_mask
            assert torch.equal(layer.mask, mask(layer.mask.shape, flip=depth % 2 == 1))


def test_actnorm_starts_from_its_first_batch_only():
    generator = torch.Generator().manual_seed(0)
    layer, first = nn.ActNorm(3, 2), 5 + 2 * torch.randn(10, 3, 4, 4, generator=generator)
    z = layer.initialise(first)
    assert z.mean((0, 2, 3)).abs().max() < 1e-5
    assert (z.square().mean((0, 2, 3)) - 1).abs().max() < 1e-5, "the deviation is the biased one"
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    layer.initialise(torch.randn(10, 3, 4, 4, generator=generator))
    assert all(torch.equal(state[name], value) for name, value in layer.state_dict().items())
    loaded = nn.ActNorm(3, 2)
    loaded.load_state_dict(state)
    loaded.initialise(torch.randn(10, 3, 4, 4, generator=generator))
    assert torch.equal(loaded.bias, layer.bias)


def test_actnorm_started_before_the_first_update_of_a_run():
    torch.manual_seed(0)
    flow, x = realnvp((2,), depth=2, width=4, rate=0.0), 3 + torch.randn(100, 2)
    flow.step(x, Update())
    assert flow.encode(x).mean(0).abs().max() < 1e-5 and flow.layers.layers[0].layers[0].started
    later = Update()
    flow.step(x + 7, later)
    assert flow.encode(x).mean(0).abs().max() < 1e-5, "a second run starts nothing again"


def test_1x1_log_determinant_is_slogdets():
    layer = stirred(nn.Invertible1x1(12), 0.2)
    x = torch.randn(2, 12, 5, 5)
    z, log_det = layer(x)
    assert log_det[0].item() == pytest.approx(25 * torch.linalg.slogdet(layer.weight()).logabsdet.item(), rel=1e-5)
    assert torch.allclose(z, torch.einsum("ij,bjhw->bihw", layer.weight(), x), atol=1e-5)
    start = nn.Invertible1x1(12).weight()
    assert torch.allclose(start @ start.T, torch.eye(12), atol=1e-5)


def test_squeeze_puts_blocks_into_channels():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    assert nn.Squeeze()(x)[0][0, :, 0, 0].tolist() == [0, 1, 4, 5]
    with pytest.raises(ValueError, match="must be even"):
        nn.Squeeze()(torch.zeros(1, 1, 3, 4))


def test_a_flow_of_one_affine_layer_is_a_gaussian():
    flow = Flow(nn.Chain(nn.ActNorm(2), nn.Invertible1x1(2)), (2,))
    stirred(flow)
    weight = flow.layers.layers[1].weight() * flow.layers.layers[0].log_scale.exp()  # z = weight (x + bias)
    covariance = torch.linalg.inv(weight.T @ weight)
    reference = MultivariateNormal(-flow.layers.layers[0].bias, covariance)
    x = torch.randn(50, 2)
    assert torch.allclose(flow.log_density(x), reference.log_prob(x), atol=1e-4)
    samples = flow.sample(100_000, torch.Generator().manual_seed(0), temperature=0.5)
    assert torch.allclose(samples.T.cov(), 0.25 * covariance, atol=0.02)


@pytest.mark.parametrize("make", [realnvp, glow])
def test_the_density_integrates_to_one(make):
    torch.manual_seed(0)
    flow = make((2,), depth=4, width=16, rate=5e-3)
    fit(flow, data.toy2d("moons", 4000, torch.Generator().manual_seed(0)), 100, batch_size=256, progress=False, device="cpu")
    with torch.no_grad():
        xs, _, points = plane(8.0, 600)
        total = flow.log_density(points).exp().sum() * (xs[1] - xs[0]) ** 2
    assert total.item() == pytest.approx(1, abs=1e-2)


def test_bits_of_a_known_law_of_pixels():
    """The identity in place of a network: dequantised pixels are in [0, 1), where the model is a standard normal."""
    flow = Flow(nn.ActNorm(1, 2), (1, 2, 2), levels=4)
    images = torch.tensor([-1.0, -1 / 3, 1 / 3, 1.0]).reshape(1, 1, 2, 2)
    normal = torch.distributions.Normal(0.0, 1.0)
    edges = torch.arange(5) / 4
    x = (edges[:-1, None] + torch.linspace(0, 0.25, 1001)).double()  # over each grey level
    expected = -(normal.log_prob(x).mean(1) - math.log(4)).mean() / math.log(2)
    found = flow.bits_per_dimension(images.expand(20_000, -1, -1, -1), torch.Generator().manual_seed(0)).mean()
    assert found.item() == pytest.approx(expected.item(), abs=2e-3)
    assert torch.allclose(flow.decode(flow.encode(images)), images)


def test_grey_levels_come_back_exactly():
    torch.manual_seed(0)
    flow, images = glow((1, 28, 28), depth=2, width=8), data.digits("test").images[:20]
    stirred(flow)
    x = flow.dequantise(images, torch.Generator().manual_seed(0))
    assert 0 <= x.min() and x.max() < 1 and torch.equal(flow.quantise(x), images)
    assert torch.allclose(flow.decode(flow.encode(images)), images)
    z = flow.encode(images)
    assert z.shape == images.shape


def test_samples_are_reproducible():
    flow = glow((1, 8, 8), depth=1, width=4)
    first, again = (flow.sample(3, torch.Generator().manual_seed(1), temperature=0.7) for _ in range(2))
    assert torch.equal(first, again) and first.shape == (3, 1, 8, 8) and first.abs().max() <= 1


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="levels is 1"):
        glow((1, 4, 4), depth=1, width=4, scales=1, levels=1)
    with pytest.raises(ValueError, match="temperature is -0.5"):
        glow((2,), depth=1, width=4).sample(1, temperature=-0.5)
    with pytest.raises(ValueError, match="margin is 0.7"):
        nn.Logit(0.7)
    with pytest.raises(ValueError, match="dimension is 1"):
        nn.SplineCoupling(1)
    for samples in (torch.zeros(3, 3), torch.zeros(3, 2, dtype=torch.uint8)):
        with pytest.raises(ValueError, match=r"they must be floating point \(B, 2\)"):
            glow((2,), depth=1, width=4).bits_per_dimension(samples)
    assert glow((2,), depth=1, width=4).log_density(torch.zeros(0, 2)).shape == (0,)
