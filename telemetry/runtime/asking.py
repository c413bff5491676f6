"""What a session asks the dispatcher, whatever carries the question."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from telemetry.policy.scaling import Limits
    from telemetry.runtime.session import FunctionStats
    from telemetry.runtime.spec import PoolSpec

ANSWER_S: Final = 5.0
"""How long an answer may take: the dispatcher never works that long at a stretch."""


class Asking(ABC):
    """The questions of a `Session`. Safe from any thread; each blocks."""

    def stats(self, pool: PoolSpec, timeout_s: float = ANSWER_S) -> FunctionStats:
        """A moment of the pool.

        Raises:
            ExecutionError: The dispatcher did not answer in time.
        """
        answer: FunctionStats = self._ask(("stats", pool), timeout_s)
        return answer

    def update_limits(self, pool: PoolSpec, limits: Limits) -> None:
        """Replace the pool's autoscaler limits from now on.

        Raises:
            ExecutionError: The dispatcher did not answer in time.
        """
        self._ask(("limits", pool, limits), ANSWER_S)

    @abstractmethod
    def _ask(self, question: tuple[Any, ...], timeout_s: float) -> Any:  # noqa: ANN401 - differs by question
        """Carry a question to `Dispatcher.answer`, and its answer back."""
