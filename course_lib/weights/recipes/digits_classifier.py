"""Tells the ten digits apart; its features are the ruler of the lessons on digits."""

from course_lib import data
from course_lib.models.classifier import Classifier
from course_lib.training import fit

STEPS, SEED = 2400, 0


def build() -> Classifier:
    return Classifier()


def train(system: Classifier, checkpoint: str | None) -> dict:
    train = data.digits("train")
    fit(system, train, STEPS, batch_size=64, seed=SEED, checkpoint=checkpoint)
    return {"data": "digits, train split (4000)", "steps": STEPS, "batch_size": 64, "seed": SEED, "lesson": "11"}


def measure(system: Classifier) -> dict:
    test = data.digits("test")
    return {"test_accuracy": round(system.accuracy(test.images, test.labels), 4)}
