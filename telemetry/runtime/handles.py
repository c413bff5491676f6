"""What the decorators leave in the place of a user's function or class."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Handle(ABC):
    """Base of `Function` and `Cls`; containers take what they run from `raw`."""

    @property
    @abstractmethod
    def raw(self) -> object:
        """The user's own function or class."""
