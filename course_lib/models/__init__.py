"""One file a paper: its networks and its `System`."""

from course_lib.models.flow import Flow, glow, realnvp
from course_lib.models.gan import GAN, EnergyCritic, pack
from course_lib.models.gatys import Gatys
from course_lib.models.gaussian_texture import GaussianTexture
from course_lib.models.gotex import Gotex
from course_lib.models.system import System, systems
from course_lib.models.texto import Texto

__all__ = ["GAN", "EnergyCritic", "Flow", "Gatys", "GaussianTexture", "Gotex", "System", "Texto", "glow", "pack", "realnvp", "systems"]
