"""Ours beside what one would use instead, in one run: `make bench NAME=metrics`."""
