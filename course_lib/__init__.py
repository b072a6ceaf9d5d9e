"""The small library behind the course: data, networks, losses, one training loop, metrics, figures, claims."""

__version__ = "0.1.0"
