"""Exceptions into the store, those that are alike together."""

from __future__ import annotations

from typing import Final

from telemetry.pipeline.store.writing import Store
from telemetry.policy.fingerprints import Fingerprint, of_traceback, of_type

KNOWN: Final = 1_000
"""Tracebacks whose fingerprint is remembered: the same one comes again and again."""

_SAMPLE_CHARS: Final = 16_384


class Exceptions:
    """The tables ``exceptions`` and ``occurrences``. The writer's thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fingerprints: dict[str, Fingerprint] = {}

    def occurred(
        self, text: str, unix_ns: int, execution: int | None, process: int | None
    ) -> int:
        """An exception that is known by its traceback; the number of the occurrence."""
        known = self._fingerprints.get(text)
        if known is None:
            if len(self._fingerprints) >= KNOWN:
                self._fingerprints.clear()
            known = self._fingerprints[text] = of_traceback(text)
        return self._note(known, text, unix_ns, execution, process)

    def occurred_untold(
        self,
        kind: str,
        message: str,
        function: str,
        unix_ns: int,
        execution: int | None,
        process: int | None,
    ) -> int:
        """One of which only the type and the message are known."""
        known = of_type(kind, message, function)
        return self._note(known, message, unix_ns, execution, process)

    def _note(
        self,
        known: Fingerprint,
        sample: str,
        unix_ns: int,
        execution: int | None,
        process: int | None,
    ) -> int:
        run = self._store.connection.execute
        number = run(
            "insert into exceptions "
            "(fingerprint, type, message, sample, first_ns, last_ns, seen) "
            "values (?, ?, ?, ?, ?, ?, 1) on conflict (fingerprint) do update set "
            "seen = seen + 1, first_ns = min(first_ns, excluded.first_ns), "
            "last_ns = max(last_ns, excluded.last_ns) returning id",
            (*known, sample[:_SAMPLE_CHARS], unix_ns, unix_ns),
        ).fetchone()[0]
        return int(
            run(
                "insert into occurrences (exception, unix_ns, execution, process) "
                "values (?, ?, ?, ?) returning id",
                (number, unix_ns, execution, process),
            ).fetchone()[0]
        )
