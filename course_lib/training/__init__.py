"""One loop for every system, and what it stands on."""

from course_lib.training.batches import Batches
from course_lib.training.checkpoint import DamagedCheckpoint
from course_lib.training.ema import EMA
from course_lib.training.fit import default_device, fit
from course_lib.training.history import History
from course_lib.training.profile import profile, profile_name
from course_lib.training.update import Update

__all__ = ["EMA", "Batches", "DamagedCheckpoint", "History", "Update", "default_device", "fit", "profile", "profile_name"]
