"""What several tests share."""

import os

FULL = bool(os.environ.get("FULL"))  # the long forms


class Once:
    """Made by the first test that asks.  Where that failed once it is not tried again in each."""

    current = error = None

    @classmethod
    def at(cls, node):
        if cls.error is not None:
            raise RuntimeError(f"{cls.__name__} could not be made before: {cls.error}")
        if cls.current is None:
            try:
                cls.current = cls(node)
            except Exception as error:
                cls.error = error
                raise
        return cls.current

    @classmethod
    def forget(cls):
        """Who asks next has it made anew."""
        cls.current = cls.error = None
