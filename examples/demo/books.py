"""Whether everything adds up: each input settled once, no container over its limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from examples.demo.director import Report
from examples.demo.observer import Observer


@dataclass(frozen=True, slots=True)
class Books:
    """The count from the submissions, the records and the callers.

    Attributes:
        errors: What does not add up; nothing when the books balance.
    """

    submitted: int
    settled: int
    errors: tuple[str, ...]

    @property
    def balanced(self) -> bool:
        """Whether everything adds up."""
        return not self.errors


def audit(observer: Observer, report: Report, *, callers: bool = True) -> Books:
    """Check the run.

    Args:
        callers: Their count too; not after an interruption, when they are gone.
    """
    functions = observer.functions.values()
    errors = [
        *_unsettled(observer),
        *_over_limit(observer),
        *(_unlike_callers(observer, report) if callers else ()),
    ]
    if observer.settled_again:
        errors.append(
            f"settled more than once: {', '.join(observer.settled_again[:3])}"
        )
    return Books(
        submitted=sum(each.submitted for each in functions),
        settled=sum(each.settled.total() for each in functions),
        errors=tuple(errors),
    )


def _unsettled(observer: Observer) -> Iterator[str]:
    for each in observer.functions.values():
        settled = each.settled.total()
        if settled != each.submitted:
            yield f"{each.shape.name}: {each.submitted} submitted, {settled} settled"
        if each.running:
            yield f"{each.shape.name}: {len(each.running)} still run"


def _over_limit(observer: Observer) -> Iterator[str]:
    for function in observer.functions.values():
        limit = function.shape.limit
        for each in observer.of(function):
            if each.peak > limit:
                yield f"{each.container_id} ran {each.peak} at once, above {limit}"


def _unlike_callers(observer: Observer, report: Report) -> Iterator[str]:
    recorded = Counter(
        {
            (name, outcome): count
            for name, each in observer.functions.items()
            for outcome, count in each.settled.items()
        }
    )
    for name, outcome in sorted({*recorded, *report.tally}):
        here, there = recorded[name, outcome], report.tally[name, outcome]
        if here != there:
            yield f"{name}: {here} {outcome} by the records, {there} for the callers"
    if report.unsettled:
        yield f"{report.unsettled} callers still waited when the demo gave up"
