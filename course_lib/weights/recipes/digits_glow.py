"""A Glow of the digits with invertible 1x1 convolutions and two scales: temperature, interpolation, bits per dimension (lesson 02)."""

from course_lib.models.flow import Flow, glow
from course_lib.weights.recipes import flow_training

STEPS, BATCH = 4000, 32


def build() -> Flow:
    return glow((1, 28, 28), depth=8, width=64, rate=2e-3)


def train(system: Flow, checkpoint: str | None = None) -> dict:
    return flow_training.train(system, STEPS, BATCH, checkpoint)


def measure(system: Flow) -> dict:
    return flow_training.measure(system)
