"""One file a paper: its networks and its `System`."""

from course_lib.models.system import System, systems

__all__ = ["System", "systems"]
