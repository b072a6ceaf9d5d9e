"""A run that a test kills: killed_run.py CHECKPOINT SECONDS_PER_STEP."""

import sys
import time

from test_training import Denoiser, denoiser, run


class Slow(Denoiser):
    def step(self, batch, update):
        time.sleep(float(sys.argv[2]))
        return super().step(batch, update)


system = denoiser()
system.__class__ = Slow
print("ready", flush=True)
run(60, system, ema=0.9, preview=2, preview_every=20, checkpoint=sys.argv[1], checkpoint_every=1)
