"""What the decorators leave in the place of a user's function or class."""

from __future__ import annotations


class Handle:
    """Base of `Function` and `Cls`; containers take what they run from `raw`."""

    @property
    def raw(self) -> object:
        """The user's own function or class."""
        raise NotImplementedError
