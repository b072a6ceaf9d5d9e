"""The one training loop of the course: device, precision, progress, previews, average of weights, checkpoints, exact resume."""

import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from tqdm.auto import tqdm

from course_lib.training import checkpoint as files
from course_lib.training.batches import Batches, Data
from course_lib.training.ema import EMA
from course_lib.training.history import History
from course_lib.training.update import Update, world


def own_device(device: str | torch.device) -> torch.device:
    """`device`; "cuda" without a number means this process's own GPU."""
    device = torch.device(device)
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if device.type == "cuda" and device.index is None else device


def default_device() -> torch.device:
    """This process's GPU if there is one, else the CPU."""
    return own_device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    system,
    data: Data,
    steps: int,
    *,
    batch_size: int = 64,
    seed: int = 0,
    device: str | torch.device | None = None,
    precision: str = "fp32",
    ema: float | None = None,
    preview: int = 0,
    preview_every: int | None = None,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 500,
    progress: bool = True,
) -> History:
    """Trains `system` for `steps` batches and returns what it reported. The same seed gives the same run.

    system: a `models.System`. data: see `Batches`. precision: "fp32", "bf16" or "fp16".
    device: where to train, by default the GPU if there is one. The system comes back to where it was, so that what follows works on
    tensors as they were.
    ema: decay of the running average of the weights, kept in `history.ema`; the system itself ends with its own last weights.
    preview: that many samples are drawn from the same noise every `preview_every` steps (a tenth of the run by default).
    checkpoint: a file. When it exists the run goes on from it, exactly as if it had never stopped; it is written every
    `checkpoint_every` steps and at the end. With another number of `steps` than before, what follows `update.progress` follows the
    new one; a run that has done as many already does none. Ctrl-C ends the run early and keeps what was learned.
    Under torchrun each process takes its share of every batch and gradients are averaged; running statistics are each process's own,
    and the checkpoint holds those of the first.

    Raises ValueError for a bad argument or a checkpoint of another run, FloatingPointError when a loss is not finite.
    """
    often = 1 if preview_every is None else preview_every
    counts = (("steps", steps, 0), ("checkpoint_every", checkpoint_every, 1), ("preview", preview, 0), ("preview_every", often, 1))
    for name, value, least in counts:
        if not isinstance(value, int) or value < least:
            raise ValueError(f"{name} is {value!r}; it must be a whole number of at least {least}")
    if int(os.environ.get("WORLD_SIZE", 1)) > 1 and not dist.is_initialized():
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rank, processes = world()
    device = own_device(device) if device else default_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)
    home = system.device
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):  # the reader's own random state stays as it was
        torch.manual_seed(seed + rank)
        run = _Run(system, data, batch_size, seed, device, precision, ema)
        if checkpoint and (state := files.load(checkpoint)):
            run.load_state_dict(state)
        bar = tqdm(total=steps, initial=min(run.step, steps), disable=not progress or rank > 0, unit="step", dynamic_ncols=True)
        preview_every = preview_every or max(1, steps // 10)
        fetch_every = 1 if device.type == "cpu" else 25  # reading a GPU's scalars stops its pipeline
        start, before = time.perf_counter(), run.history.seconds
        saved, history = run.step, run.history
        try:
            while run.step < steps:
                if preview and run.step == 0:
                    run.add_preview(preview)
                run.advance(steps)
                if run.step % fetch_every == 0 or run.step == steps:
                    history.flush()
                if preview and (run.step % preview_every == 0 or run.step == steps):
                    run.add_preview(preview)
                if checkpoint and (run.step % checkpoint_every == 0 or run.step == steps):
                    history.flush()
                    history.seconds = before + time.perf_counter() - start
                    state = run.state_dict()  # all processes take part
                    if rank == 0:
                        files.save(checkpoint, state)
                    if processes > 1:
                        dist.barrier()  # nobody goes on, or comes back for the file, before it is whole
                    saved = run.step
                bar.update()
                if not bar.disable and time.perf_counter() - bar.last_print_t > 0.5:
                    bar.set_postfix({name: f"{value:.3g}" for name, value in history.last().items()}, refresh=False)
        except KeyboardInterrupt:
            history.interrupted = True
            history.flush()
            tqdm.write(f"stopped at step {run.step} of {steps}; what was learned is kept")
        except FloatingPointError as error:
            where = f" (the last checkpoint, of step {saved}, is in {checkpoint})" if checkpoint and saved else ""
            raise FloatingPointError(f"{error}{where}") from None
        finally:
            bar.close()
            history.seconds = before + time.perf_counter() - start
            system.eval().to(home)
    return history


class _Run:
    """Everything that a run's next step depends on, so that all of it can be saved."""

    def __init__(self, system, data, batch_size, seed, device, precision, ema):
        rank, processes = world()
        self.system = system.to(device).train()
        self.step, self.history, self.device = 0, History(), device
        self.update = Update(device.type, precision)
        self.batches = Batches(data, batch_size, torch.Generator().manual_seed(seed), device, (rank, processes))
        system.rng = torch.Generator(device).manual_seed(seed + rank)
        self.seed = seed
        if processes > 1:
            for value in system.state_dict().values():
                dist.broadcast(value, 0)
        self.history.ema = EMA(system, ema) if ema is not None else None
        self.settings = {"batch_size": batch_size, "seed": seed, "precision": precision, "ema": ema, "processes": processes}

    def advance(self, steps: int) -> None:
        """One batch, one step of the system."""
        self.update.step, self.update.progress = self.step, self.step / steps
        batch = self.batches.next()
        with self.update.autocast():
            scalars = self.system.step(batch, self.update)
        self.step += 1
        self.history.add(self.step, scalars)
        if self.history.ema:
            self.history.ema.update(self.system)

    def add_preview(self, n: int) -> None:
        """Samples from the same noise each time, with the averaged weights where there are some."""
        self.history.previews.append((self.step, self._sample(n)))

    @torch.no_grad()
    def _sample(self, n: int) -> Tensor:
        own = self.system.rng
        self.system.eval()
        if self.history.ema and self.step:
            with self.history.ema.applied(self.system):
                images = self.system.sample(n, generator=torch.Generator().manual_seed(self.seed))
        else:
            images = self.system.sample(n, generator=torch.Generator().manual_seed(self.seed))
        self.system.train()
        self.system.rng = own
        return images.cpu()

    def state_dict(self) -> dict:
        random = {"torch": torch.get_rng_state(), "system": self.system.rng.get_state()}
        if self.device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self.device)
        if world()[1] > 1:  # each process draws its own noise
            own, random = random, [{}] * world()[1]
            dist.all_gather_object(random, own)
        return {
            "settings": self.settings,
            "step": self.step,
            "system": self.system.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.system.optimisers().items()},
            "ema": self.history.ema.state_dict() if self.history.ema else None,
            "batches": self.batches.state_dict(),
            "scaler": self.update.scaler.state_dict(),
            "random": random,
            "history": self.history.state_dict(),
        }

    def load_state_dict(self, state: dict) -> None:
        for name, value in self.settings.items():
            if state["settings"].get(name) != value:
                raise ValueError(f"{name} is {value!r}, but the checkpoint was written with {state['settings'].get(name)!r}")
        self.system.load_state_dict(state["system"])
        for name, optimiser in self.system.optimisers().items():
            optimiser.load_state_dict(state["optimisers"][name])
        if self.history.ema:
            self.history.ema.load_state_dict(state["ema"])
        self.batches.load_state_dict(state["batches"])
        self.update.scaler.load_state_dict(state["scaler"])
        random = state["random"][world()[0]] if world()[1] > 1 else state["random"]
        torch.set_rng_state(random["torch"])
        self.system.rng.set_state(random["system"])
        if self.device.type == "cuda" and "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"], self.device)
        self.history.load_state_dict(state["history"])
        self.step = state["step"]
