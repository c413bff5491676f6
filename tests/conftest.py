"""Settings of the whole suite."""

from __future__ import annotations

from hypothesis import settings

# The same examples on every run, and no clock: a busy machine fails no test.
settings.register_profile("house", derandomize=True, deadline=None)
settings.load_profile("house")
