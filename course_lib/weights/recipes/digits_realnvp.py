"""A RealNVP of the digits with checkerboards, channels and two scales: exact likelihood and exact inference (lesson 02)."""

from course_lib.models.flow import Flow, realnvp
from course_lib.weights.recipes import flow_training

STEPS, BATCH = 5000, 32


def build() -> Flow:
    return realnvp((1, 28, 28), depth=3, width=48, rate=2e-3)


def train(system: Flow, checkpoint: str | None = None) -> dict:
    return flow_training.train(system, STEPS, BATCH, checkpoint)


def measure(system: Flow) -> dict:
    return flow_training.measure(system)
