"""Every System of the library, found by listing: one step on the CPU and on the `meta` device, where no number can be read."""

import pytest
import torch
from torch import nn

from course_lib.models import System, systems
from course_lib.training import Update, fit

ALL = sorted(systems(), key=lambda system: system.__name__)


def to_meta(value):
    """Tensors, and tuples of them, without their content."""
    return value.to("meta") if isinstance(value, torch.Tensor) else tuple(map(to_meta, value))


def step_on_meta(kind):
    """Moves the example to the meta device and takes a step there. A tensor made on another device, or a number read, raises."""
    system, batch = kind.example()
    before = list(system.parameters())
    own = {id(old): new for old, new in zip(before, system.to("meta").parameters(), strict=True)}
    for optimiser in system.optimisers().values():
        for group in optimiser.param_groups:
            group["params"] = [own[id(parameter)] for parameter in group["params"]]
            group["fused"] = False  # there is no fused kernel for nothing
    return system.train().step(to_meta(batch), Update())


@pytest.mark.parametrize("kind", ALL)
def test_one_step_on_meta(kind):
    scalars = step_on_meta(kind)
    assert scalars and all(value.device.type == "meta" and value.ndim == 0 for value in scalars.values())


@pytest.mark.parametrize("kind", ALL)
def test_a_step_changes_the_weights_and_reports_finite_scalars(kind):
    torch.manual_seed(0)
    system, batch = kind.example()
    before = {name: value.clone() for name, value in system.named_parameters()}
    history = fit(system, batch, 2, batch_size=len(batch if isinstance(batch, torch.Tensor) else batch[0]), device="cpu", progress=False)
    assert len(history) == 2
    assert any(not torch.equal(before[name], value) for name, value in system.named_parameters())


class Broken(System):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)
        self.optimiser = torch.optim.SGD(self.parameters(), 0.1)

    @classmethod
    def example(cls):
        return cls(), torch.zeros(3, 2)


class ReadsANumber(Broken):
    def step(self, batch, update):
        loss = self.net(batch).mean()
        update(loss, self.optimiser)
        return {"loss": torch.tensor(loss.item())}


class MakesATensorElsewhere(Broken):
    def step(self, batch, update):
        loss = (self.net(batch) * torch.ones(3, 1)).mean()
        update(loss, self.optimiser)
        return {"loss": loss}


@pytest.mark.parametrize("kind", [ReadsANumber, MakesATensorElsewhere])
def test_the_meta_test_catches_what_it_is_for(kind):
    with pytest.raises(RuntimeError):
        step_on_meta(kind)
