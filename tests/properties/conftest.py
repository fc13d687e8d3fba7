"""Properties are tried on the same examples in every run, so that a red test stays red."""

from hypothesis import settings

settings.register_profile("hookline", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("hookline")
