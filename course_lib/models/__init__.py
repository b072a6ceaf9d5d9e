"""One file a paper: its networks and its `System`."""

from course_lib.models.gan import GAN, EnergyCritic, pack
from course_lib.models.system import System, systems

__all__ = ["GAN", "EnergyCritic", "System", "pack", "systems"]
