"""The training loop: exact resume after a kill, average of weights, precision, bad input, several processes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib.data import ImageSet
from course_lib.models import System
from course_lib.training import EMA, Batches, DamagedCheckpoint, History, Update, checkpoint, fit, profile, profile_name
from course_lib.training.fit import own_device
from course_lib.training.update import average_over_processes

HERE = Path(__file__).parent


class Denoiser(System):
    """Uses all that a run has to restore: the system's noise, torch's own (dropout), a buffer, an optimiser with state."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.Linear(16, 3))
        self.optimiser = torch.optim.Adam(self.parameters(), 1e-2, fused=True)

    def step(self, batch, update):
        loss = (self.net(batch + self.randn(*batch.shape)) - batch).square().mean()
        update(loss, self.optimiser)
        return {"loss": loss}

    def sample(self, n, generator=None):
        return self.net(self.randn(n, 3, generator=generator))[:, :, None, None]


def denoiser():
    torch.manual_seed(1)
    return Denoiser()


DATA = torch.randn(100, 3, generator=torch.Generator().manual_seed(5))


def run(steps=30, system=None, **options):
    system = system or denoiser()
    history = fit(system, DATA, steps, batch_size=16, progress=False, **options)
    return system, history


def same(a, b):
    """Whether two nested states are equal to the bit."""
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def comparable(state):
    """A checkpoint without what the clock wrote into it."""
    return {**state, "history": {key: value for key, value in state["history"].items() if key != "seconds"}}


# --- resume ---


def test_same_seed_same_run_and_the_readers_random_state_stays():
    first, history = run()
    torch.rand(3)
    second = denoiser()
    before = torch.get_rng_state()
    _, again = run(system=second)
    assert same(first.state_dict(), second.state_dict()) and history["loss"] == again["loss"]
    assert torch.equal(torch.get_rng_state(), before)


def test_resumed_run_equals_the_uninterrupted_one(tmp_path):
    run(30, ema=0.9, preview=2, preview_every=10, checkpoint=tmp_path / "whole", checkpoint_every=7)
    run(14, ema=0.9, preview=2, preview_every=10, checkpoint=tmp_path / "parts", checkpoint_every=7)
    _, history = run(30, ema=0.9, preview=2, preview_every=10, checkpoint=tmp_path / "parts", checkpoint_every=7)
    whole, parts = (comparable(checkpoint.load(tmp_path / name)) for name in ("whole", "parts"))
    parts["history"]["previews"] = [p for p in parts["history"]["previews"] if p[0] != 14]  # the short run's last one
    assert same(whole, parts) and len(history) == 30


@pytest.mark.parametrize("seed", range(2))
def test_killed_anywhere_and_resumed_ends_bit_equal(tmp_path, seed):
    command = [sys.executable, str(HERE / "killed_run.py"), tmp_path, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 3
    assert same(*(comparable(checkpoint.load(tmp_path / name)) for name in ("whole", "killed")))


def test_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    path = tmp_path / "run"
    run(20, checkpoint=path, checkpoint_every=10)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        assert checkpoint.load(path)["step"] == 10
    checkpoint.previous(path).write_bytes(b"short")
    with pytest.warns(UserWarning), pytest.raises(DamagedCheckpoint, match="digest does not match"):
        checkpoint.load(path)


def test_kill_between_the_two_renames_leaves_the_previous(tmp_path):
    checkpoint.save(tmp_path / "run", {"step": 1})
    os.replace(tmp_path / "run", checkpoint.previous(tmp_path / "run"))
    assert checkpoint.load(tmp_path / "run") == {"step": 1}
    assert checkpoint.load(tmp_path / "nothing") is None


def test_checkpoint_never_runs_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, ("true",)

    checkpoint.save(tmp_path / "run", {"step": Evil()})
    with pytest.raises(Exception, match="[Ww]eights.only"):
        checkpoint.load(tmp_path / "run")


def test_checkpoint_of_another_run_is_refused(tmp_path):
    run(5, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match="seed is 1, but the checkpoint was written with 0"):
        run(5, checkpoint=tmp_path / "run", seed=1)
    with pytest.raises(ValueError, match="data has 90 items, but the checkpoint was written with 100"):
        fit(denoiser(), DATA[:90], 9, batch_size=16, progress=False, checkpoint=tmp_path / "run")


def test_a_system_comes_back_to_where_it_was():
    class Traveller(Denoiser):
        device, places = torch.device("cuda:7"), ()

        def to(self, place):
            self.places += (str(place),)
            return self

    assert run(0, Traveller(), device="cpu")[0].places == ("cpu", "cuda:7")


def test_cuda_without_a_number_is_the_process_own(monkeypatch):
    assert str(own_device("cuda")) == "cuda:0" and str(own_device("cuda:3")) == "cuda:3" and str(own_device("cpu")) == "cpu"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert own_device(torch.device("cuda")).index == 1


# --- what can happen in a run ---


def test_previews_are_of_the_same_noise_with_the_averaged_weights_and_without_dropout():
    system = denoiser()
    noise = lambda: torch.Generator().manual_seed(4)  # noqa: E731
    before = system.eval().sample(5, noise()).detach()
    _, history = run(12, system, seed=4, ema=0.9, preview=5, preview_every=6)
    assert [step for step, _ in history.previews] == [0, 6, 12] and torch.equal(history.previews[0][1], before)
    with history.ema.applied(system):
        assert torch.equal(history.previews[2][1], system.sample(5, noise()))
    assert not torch.equal(history.previews[2][1], system.sample(5, noise()))


def test_another_seed_is_another_run_and_previews_change_none():
    assert run(1, seed=5)[1]["loss"] != run(1, seed=4)[1]["loss"]
    assert run(9)[1]["loss"] == run(9, preview=3, preview_every=2)[1]["loss"] == run(9, ema=0.5, preview=3)[1]["loss"]


def test_a_step_knows_how_far_the_run_is():
    seen = []

    class Watching(Denoiser):
        def step(self, batch, update):
            seen.append((update.step, update.progress))
            return super().step(batch, update)

    run(4, Watching())
    assert seen == [(0, 0.0), (1, 0.25), (2, 0.5), (3, 0.75)]


def test_ctrl_c_leaves_a_usable_model():
    class Interrupted(Denoiser):
        def step(self, batch, update):
            if update.step == 7:
                raise KeyboardInterrupt
            return super().step(batch, update)

    system, history = run(30, Interrupted())
    assert history.interrupted and len(history) == 7 and not system.training
    assert system.sample(2).isfinite().all()


def test_ctrl_c_keeps_the_scalars_that_wait_on_the_device(monkeypatch):
    monkeypatch.setattr("tqdm.auto.tqdm.update", lambda bar: (_ for _ in ()).throw(KeyboardInterrupt))
    flush = History.flush
    monkeypatch.setattr(History, "flush", lambda history: flush(history) if history.interrupted else None)  # as between two fetches
    assert len(run(30)[1]) == 1


@pytest.mark.parametrize("bad", ["nan", "-inf"])
def test_non_finite_loss_names_the_scalar_and_the_step(bad, tmp_path):
    class Exploding(Denoiser):
        def step(self, batch, update):
            return {**super().step(batch, update), "critic": torch.tensor(float(bad) if update.step == 11 else 1.0)}

    with pytest.raises(FloatingPointError, match=f"'critic' is {bad} at step 12.*the last checkpoint, of step 10"):
        run(30, Exploding(), checkpoint=tmp_path / "run", checkpoint_every=5)


def test_one_loss_for_two_optimisers_and_a_graph_that_stays():
    nets = nn.Linear(2, 2), nn.Linear(2, 1)
    optimisers = [torch.optim.SGD(net.parameters(), 0.1) for net in nets]
    loss = nets[1](nets[0](torch.ones(4, 2))).square().mean()
    before = [net.weight.clone() for net in nets]
    wanted = torch.autograd.grad(loss, [net.weight for net in nets], retain_graph=True)
    Update()(loss, *optimisers, retain_graph=True)
    for net, start, slope in zip(nets, before, wanted, strict=True):
        assert torch.allclose(net.weight, start - 0.1 * slope)
    assert loss.grad_fn is not None and Update().step == 0


def test_gradients_go_to_the_optimisers_own_parameters_only():
    critic, generator = nn.Linear(2, 1), nn.Linear(2, 2)
    optimiser = torch.optim.SGD(generator.parameters(), 0.1)
    Update()(critic(generator(torch.ones(4, 2))).mean(), optimiser)
    assert all(p.grad is None for p in critic.parameters()) and all(p.grad is not None for p in generator.parameters())


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_learns_like_single(precision):
    _, single = run(60)
    _, half = run(60, precision=precision)
    assert sum(half["loss"][-20:]) == pytest.approx(sum(single["loss"][-20:]), rel=0.05)


def test_bad_arguments_are_named():
    for options, word in [({"steps": -1}, "steps is -1"), ({"precision": "fp8"}, "precision is 'fp8'"), ({"ema": 1.0}, "decay is 1.0")]:
        with pytest.raises(ValueError, match=word):
            run(**options)
    with pytest.raises(ValueError, match="preview_every is 0"):
        run(preview_every=0)
    for data, options, word in [
        (DATA, {"batch_size": 101}, "batch_size is 101, but data has only 100"),
        (DATA, {"batch_size": 4.0}, "batch_size is 4.0; it must be a positive multiple"),
        (DATA.numpy(), {}, "data is a ndarray with a ndarray; it must be a tensor"),
    ]:
        with pytest.raises(ValueError, match=word):
            fit(denoiser(), data, 1, **options)
    with pytest.raises(ValueError, match=r"the scalar 'loss' has shape \(3,\)"):
        History().add(1, {"loss": torch.zeros(3)})
    with pytest.raises(ValueError, match="this run reported loss"):
        run(2)[1]["critic"]


# --- parts ---


def test_batches_cover_each_epoch_once():
    batches = Batches(torch.arange(20), 5, torch.Generator().manual_seed(0), torch.device("cpu"))
    epochs = [torch.cat([batches.next() for _ in range(4)]) for _ in range(2)]
    assert all(epoch.sort().values.equal(torch.arange(20)) for epoch in epochs) and not epochs[0].equal(epochs[1])


def test_batches_of_an_image_set_and_of_a_function():
    images = ImageSet(torch.arange(6.0)[:, None, None, None].expand(6, 1, 2, 2), torch.arange(6))
    pictures, labels = Batches(images, 3, torch.Generator().manual_seed(0), torch.device("cpu")).next()
    assert torch.equal(pictures[:, 0, 0, 0].long(), labels)
    drawn = Batches(lambda n, g: torch.rand(n, generator=g), 4, torch.Generator().manual_seed(0), torch.device("cpu"), (1, 2)).next()
    assert torch.equal(drawn, torch.rand(4, generator=torch.Generator().manual_seed(0))[1::2])


def test_processes_share_a_batch_between_them():
    parts = [Batches(torch.arange(20), 6, torch.Generator().manual_seed(0), torch.device("cpu"), (rank, 2)) for rank in range(2)]
    whole = Batches(torch.arange(20), 6, torch.Generator().manual_seed(0), torch.device("cpu"))
    for _ in range(5):  # over the end of an epoch, when two items are left over
        together, alone = torch.cat([part.next() for part in parts]), whole.next()
        assert together.sort().values.equal(alone.sort().values) and len(alone.unique()) == 6


def test_average_takes_whole_numbers_as_they_are():
    assert run(7, ema=0.9)[1].ema.average["net.1.num_batches_tracked"] == 7


def test_ema_follows_its_formula():
    module = nn.Linear(1, 1, bias=False)
    module.weight.data.fill_(0.0)
    ema = EMA(module, 0.5)
    module.weight.data.fill_(1.0)
    expected = 0.0
    for step in range(5):
        keep = min(0.5, (1 + step) / (10 + step))
        expected = keep * expected + (1 - keep)
        ema.update(module)
    assert ema.average["weight"].item() == pytest.approx(expected)
    with ema.applied(module):
        assert module.weight.item() == pytest.approx(expected)
    assert module.weight.item() == 1.0


def test_profile_obeys_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_PROFILE", "smoke")
    assert profile_name() == "smoke" and profile(smoke=1, cpu=2, gpu=3) == 1
    monkeypatch.setenv("COURSE_PROFILE", "huge")
    with pytest.raises(ValueError, match="'huge'"):
        profile(smoke=1, cpu=2, gpu=3)


def test_averaging_alone_changes_nothing():
    value = torch.ones(3)
    average_over_processes([value])
    assert value.equal(torch.ones(3))


def test_two_processes_learn_what_one_learns_and_resume_exactly(tmp_path):
    """Gradient penalty and all: torchrun with two processes against one process with the whole batch."""
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command = [*launch, str(HERE / "two_processes.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))
    assert done.returncode == 0 and "equal" in done.stdout, done.stdout + done.stderr
