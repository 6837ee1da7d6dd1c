"""A test that cannot run here says why."""


class Skipped(Exception):
    """Raised by it."""
