"""What each answer means, and what follows from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.policy.delivery import (
    LEAST_BYTES,
    MOST_ASKED_S,
    MOST_ATTEMPTS,
    MOST_SPLITS,
    Meaning,
    Pace,
    Step,
    Verdict,
    grpc_meaning,
    http_meaning,
    next_step,
    smaller,
    wait_s,
)

PACE = Pace(first_s=1.0, most_s=30.0, slow_s=60.0)


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        (Meaning.DELIVERED, [200, 202, 204, 299]),
        (Meaning.RETRY, [408, 429, 502, 503, 504]),
        (Meaning.DOUBTFUL, [500, 507, 599, 100, 199, 999]),
        (Meaning.TOO_LARGE, [413]),
        (Meaning.REFUSED, [400, 404, 405, 415, 422, 499, 501, 505]),
        (Meaning.MISCONFIGURED, [401, 403, 407]),
        (Meaning.MISCONFIGURED, [300, 301, 302, 303, 304, 307, 308, 399]),
    ],
)
def test_http_status(meaning: Meaning, statuses: list[int]) -> None:
    """Success is 2xx and nothing else; a redirect has delivered nothing."""
    assert {status: http_meaning(status) for status in statuses} == dict.fromkeys(
        statuses, meaning
    )


def test_too_large_in_other_words() -> None:
    """The Collector says 400, and that the body is too large."""
    said = "http: request body too large"

    assert http_meaning(400, said) == Meaning.TOO_LARGE
    assert http_meaning(400, "unexpected EOF") == Meaning.REFUSED
    assert http_meaning(503, said) == Meaning.RETRY


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("OK", Meaning.DELIVERED),
        # The table of the OTLP specification.
        ("CANCELLED", Meaning.RETRY),
        ("DEADLINE_EXCEEDED", Meaning.RETRY),
        ("ABORTED", Meaning.RETRY),
        ("OUT_OF_RANGE", Meaning.RETRY),
        ("UNAVAILABLE", Meaning.RETRY),
        ("DATA_LOSS", Meaning.RETRY),
        ("INVALID_ARGUMENT", Meaning.REFUSED),
        ("NOT_FOUND", Meaning.REFUSED),
        ("UNIMPLEMENTED", Meaning.REFUSED),
        ("FAILED_PRECONDITION", Meaning.REFUSED),
        ("UNAUTHENTICATED", Meaning.MISCONFIGURED),
        ("PERMISSION_DENIED", Meaning.MISCONFIGURED),
        ("INTERNAL", Meaning.DOUBTFUL),
        ("UNKNOWN", Meaning.DOUBTFUL),
    ],
)
def test_grpc_code(code: str, meaning: Meaning) -> None:
    """Codes mean what OTLP says that they mean."""
    assert grpc_meaning(code) == meaning


@pytest.mark.parametrize(
    ("text", "asked", "meaning"),
    [
        ("grpc: received message larger than max (5 vs. 4)", False, Meaning.TOO_LARGE),
        ("SERVER: Received message larger than max (5 vs. 4)", True, Meaning.TOO_LARGE),
        (
            "grpc: received message after decompression larger than max 4",
            False,
            Meaning.TOO_LARGE,
        ),
        ("quota", True, Meaning.RETRY),
        ("quota", False, Meaning.DOUBTFUL),
    ],
)
def test_an_exhausted_server(text: str, asked: bool, meaning: Meaning) -> None:
    """One code says "too much at once", "come back at ..." and "no" alike."""
    assert grpc_meaning("RESOURCE_EXHAUSTED", text, asked=asked) == meaning


def test_internal_fault_that_is_ours() -> None:
    """What is no message today will be none tomorrow; other faults may pass."""
    said = "grpc: error unmarshalling request: unexpected EOF"

    assert grpc_meaning("INTERNAL", said) == Meaning.REFUSED
    assert grpc_meaning("INTERNAL", "stream terminated") == Meaning.DOUBTFUL


@pytest.mark.parametrize(
    ("meaning", "attempt", "splits", "step"),
    [
        (Meaning.DELIVERED, 1, 0, Step.DONE),
        (Meaning.RETRY, 1, 0, Step.WAIT),
        (Meaning.RETRY, 10**9, 0, Step.WAIT),
        (Meaning.MISCONFIGURED, 10**9, 0, Step.WAIT),
        (Meaning.DOUBTFUL, MOST_ATTEMPTS - 1, 0, Step.WAIT),
        (Meaning.DOUBTFUL, MOST_ATTEMPTS, 0, Step.GIVE_UP),
        (Meaning.TOO_LARGE, 1, 0, Step.SPLIT),
        (Meaning.TOO_LARGE, 1, 10**9, Step.SPLIT),
        (Meaning.REFUSED, 1, 0, Step.SPLIT),
        (Meaning.REFUSED, 1, MOST_SPLITS - 1, Step.SPLIT),
        (Meaning.REFUSED, 1, MOST_SPLITS, Step.GIVE_UP),
    ],
)
def test_step(meaning: Meaning, attempt: int, splits: int, step: Step) -> None:
    """What may be taken later waits; what is bad is cut until it stands alone."""
    assert next_step(meaning, attempt, splits=splits) == step


@pytest.mark.parametrize(
    ("attempt", "random", "expected_s"),
    [
        (1, 0.0, 0.5),
        (1, 1.0, 1.0),
        (2, 1.0, 2.0),
        (5, 0.0, 8.0),
        (6, 1.0, 30.0),  # 32 s, bounded
        (10**6, 1.0, 30.0),  # beyond what a float can hold
    ],
)
def test_wait_grows(attempt: int, random: float, expected_s: float) -> None:
    """From half to all of a time that doubles, up to its bound."""
    verdict = Verdict(Meaning.RETRY)

    assert wait_s(PACE, verdict, attempt, random) == expected_s


@pytest.mark.parametrize(
    ("asked_s", "random", "expected_s"),
    [
        (7.0, 0.0, 7.0),
        (7.0, 1.0, 7.7),
        (0.0, 1.0, 1.0),  # as if nothing had been said
        (-5.0, 1.0, 1.0),  # a date that is over
        (0.001, 0.0, 0.5),  # asked to hammer: no
        (86_400.0, 0.0, MOST_ASKED_S),
    ],
)
def test_server_is_given_its_time(
    asked_s: float, random: float, expected_s: float
) -> None:
    """Never sooner than asked, within reason in both directions."""
    verdict = Verdict(Meaning.RETRY, "", asked_s)

    assert wait_s(PACE, verdict, 1, random) == pytest.approx(expected_s)


def test_wrong_setting_is_tried_slowly() -> None:
    """Credentials do not get better within a second."""
    verdict = Verdict(Meaning.MISCONFIGURED)

    assert wait_s(PACE, verdict, 1, 0.0) == 30.0
    assert wait_s(PACE, verdict, 99, 1.0) == 60.0


@given(
    st.sampled_from(Meaning),
    st.integers(1, 10**9),
    st.floats(0, 1),
    st.none() | st.floats(allow_nan=False),
)
def test_wait_is_bounded(
    meaning: Meaning, attempt: int, random: float, asked_s: float | None
) -> None:
    """Whatever is answered: no hammering, and no silence without an end."""
    found_s = wait_s(PACE, Verdict(meaning, "", asked_s), attempt, random)

    assert PACE.first_s / 2 <= found_s <= MOST_ASKED_S * 1.1


@pytest.mark.parametrize(
    ("limit", "refused", "expected"),
    [
        (4_000_000, 4_000_000, 2_000_000),
        (4_000_000, 1_000_000, 500_000),
        (100_000, 4_000_000, 100_000),  # a parcel that was larger than the limit
        (100_000, 100_000, LEAST_BYTES),
        (LEAST_BYTES, 10, LEAST_BYTES),
    ],
)
def test_limit_shrinks(limit: int, refused: int, expected: int) -> None:
    """Half of what was too large, and never less than any receiver takes."""
    assert smaller(limit, refused) == expected
