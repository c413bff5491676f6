"""Containers that cannot start: who waits is told why, and not for ever."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from telemetry.capture.runtime_records import (
    ContainerExited,
    ContainerReady,
    ContainerStarting,
    InputSettled,
)
from telemetry.core.outcome import Outcome
from telemetry.runtime.exception import FunctionTimeoutError, RemoteError
from tests.runtime.semantics import gates
from tests.runtime.semantics.apps import broken
from tests.runtime.semantics.apps.starting import (
    DiesInEnter,
    ExitsInEnter,
    LateInEnter,
    RaisesInEnter,
    RaisesInInit,
    app,
)
from tests.runtime.semantics.gates import instance_of
from tests.runtime.semantics.recorder import Recorder, recording

TRIES = 3
MODELS = [RaisesInEnter, ExitsInEnter, DiesInEnter, LateInEnter]
CAUSES: list[tuple[Callable[..., Any], type[BaseException], str]] = [
    (RaisesInEnter, LookupError, "no model file"),
    (ExitsInEnter, RemoteError, "SystemExit"),
    (DiesInEnter, RemoteError, "status 7"),
    (LateInEnter, FunctionTimeoutError, "startup_timeout"),
]


@pytest.fixture
def seen() -> Iterator[Recorder]:
    """The app runs, and its records are kept."""
    with recording(app) as recorder:
        yield recorder


@pytest.mark.parametrize(("model", "kind", "text"), CAUSES)
def test_the_cause_is_what_went_wrong(
    seen: Recorder,
    model: Callable[..., Any],
    kind: type[BaseException],
    text: str,
    tmp_path: Path,
) -> None:
    """The caller gets a `RemoteError` with the hook's own failure as its cause."""
    gates.open_gate(tmp_path, "broken")
    with pytest.raises(RemoteError, match="can start") as caught:
        instance_of(model, tmp_path).double.remote(1)
    cause = caught.value.__cause__

    assert type(cause) is kind
    assert text in str(cause)


@pytest.mark.parametrize("model", MODELS)
def test_the_number_of_starts_is_bounded(
    seen: Recorder, model: Callable[..., Any], tmp_path: Path
) -> None:
    """Three in a row, all on record as failed, and no further without a call."""
    gates.open_gate(tmp_path, "broken")
    call = instance_of(model, tmp_path).double.spawn(1)
    with pytest.raises(RemoteError, match="can start"):
        call.get(20)
    ended = seen.wait(ContainerExited, count=TRIES)

    assert len(seen.all(ContainerStarting)) == TRIES
    assert [each.reason for each in ended] == ["start_failed"] * TRIES
    assert seen.all(ContainerReady) == []


@pytest.mark.parametrize("model", [RaisesInEnter, DiesInEnter])
def test_it_works_when_the_cause_is_gone(
    seen: Recorder, model: Callable[..., Any], tmp_path: Path
) -> None:
    """A later input tries again, and succeeds."""
    gates.open_gate(tmp_path, "broken")
    instance = instance_of(model, tmp_path)
    with pytest.raises(RemoteError, match="can start"):
        instance.double.remote(1)
    (tmp_path / "broken").unlink()

    assert instance.double.remote(2) == 4


def test_a_cause_that_goes_in_time_is_never_heard_of(
    seen: Recorder, tmp_path: Path
) -> None:
    """The first container fails, the next one serves the input."""
    gates.open_gate(tmp_path, "broken")
    call = instance_of(RaisesInEnter, tmp_path).double.spawn(2)
    gates.noted(tmp_path, "entering")
    (tmp_path / "broken").unlink()

    assert call.get(20) == 4


def test_all_who_wait_are_told(seen: Recorder, tmp_path: Path) -> None:
    """Every queued input settles as an error."""
    gates.open_gate(tmp_path, "broken")
    call = instance_of(RaisesInEnter, tmp_path).double.spawn_map(range(5))
    settled = seen.wait(InputSettled, function_call_id=call.object_id, count=5)

    assert {each.outcome for each in settled} == {Outcome.ERROR}


def test_a_constructor_that_raises_is_a_cause_too(seen: Recorder) -> None:
    """`__init__` runs in the container, and its exception is the cause."""
    with pytest.raises(RemoteError, match="can start") as caught:
        RaisesInInit().double.remote(1)

    assert isinstance(caught.value.__cause__, LookupError)


def test_a_module_that_cannot_be_imported_is_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import's own exception arrives, and a later input finds it mended."""
    monkeypatch.setenv("SEMANTICS_FLAG", str(tmp_path / "broken"))
    with recording(broken.app) as seen:
        gates.open_gate(tmp_path, "broken")
        with pytest.raises(RemoteError, match="can start") as caught:
            broken.double.remote(1)
        starts = len(seen.all(ContainerStarting))
        (tmp_path / "broken").unlink()
        later = broken.double.remote(2)

    assert isinstance(caught.value.__cause__, ImportError)
    assert "broken on purpose" in str(caught.value.__cause__)
    assert (starts, later) == (TRIES, 4)
