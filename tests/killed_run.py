"""killed_run.py FOLDER SEED: one run left alone, one killed with SIGKILL at random moments and resumed until it is done."""

import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from test_training import Denoiser, denoiser, run

torch.set_num_threads(1)  # children are forked: no thread pool may exist before


class Slow(Denoiser):
    def step(self, batch, update):
        time.sleep(0.004)
        return super().step(batch, update)


def train(path):
    system = denoiser()
    system.__class__ = Slow
    run(60, system, ema=0.9, preview=2, preview_every=20, checkpoint=path, checkpoint_every=1)


def forked(task, *arguments, kill_after=None):
    """The exit status of `task` in a child process, killed after so many seconds if any are given."""
    if not (child := os.fork()):
        try:
            task(*arguments)
        finally:
            os._exit(sys.exc_info()[0] is not None)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


folder, clock, kills = Path(sys.argv[1]), random.Random(int(sys.argv[2])), 0
assert forked(train, folder / "whole") == 0
for _ in range(12):
    kills += forked(train, folder / "killed", kill_after=clock.uniform(0.01, 0.15)) == signal.SIGKILL
assert forked(train, folder / "killed") == 0
print(kills)
