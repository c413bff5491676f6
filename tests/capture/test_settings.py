"""configure: arguments before environment before defaults, and clear errors."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import telemetry
from telemetry.capture import settings, sink
from telemetry.capture.console import Console
from telemetry.capture.line import Line
from telemetry.capture.settings import Settings, resolve
from telemetry.core.errors import InvalidError

ENVIRONMENT = {
    "OTEL_SERVICE_NAME": "from-env",
    "TELEMETRY_CONSOLE": "JSON",
    "TELEMETRY_LEVEL": "debug",
}


def test_defaults() -> None:
    """With nothing said, lines of level INFO go to the console."""
    assert resolve({}) == Settings("unknown_service", "auto", "INFO")


def test_environment_goes_before_defaults() -> None:
    """Variables are read, in any case."""
    assert resolve(ENVIRONMENT) == Settings("from-env", "json", "DEBUG")


def test_arguments_go_before_the_environment() -> None:
    """An argument wins, even where it is the default."""
    given = resolve(ENVIRONMENT, service_name="arg", console="auto", level="info")

    assert given == Settings("arg", "auto", "INFO")


def test_empty_variables_are_unset() -> None:
    """An empty variable is as good as none."""
    assert resolve(dict.fromkeys(ENVIRONMENT, "")) == Settings()


def test_console_is_switched_off() -> None:
    """By None as an argument, by `none` in the environment."""
    assert resolve(ENVIRONMENT, console=None).console is None
    assert resolve({"TELEMETRY_CONSOLE": "none"}).console is None


@pytest.mark.parametrize(
    ("environ", "arguments", "message"),
    [
        ({}, {"level": "LOUD"}, "level is 'LOUD'; it must be 'DEBUG', 'INFO', "),
        ({}, {"level": 10}, "level is 10; "),
        ({}, {"level": None}, "level is None; "),
        ({}, {"console": "xml"}, "console is 'xml'; .* 'pretty', 'json' or None"),
        ({}, {"console": True}, "console is True; "),
        ({}, {"console": []}, r"console is \[\]; "),
        ({}, {"service_name": ""}, "service_name is ''; it must be a non-empty"),
        ({}, {"service_name": 3}, "service_name is 3; "),
        ({"TELEMETRY_LEVEL": "9"}, {}, "TELEMETRY_LEVEL is '9'; .*or 'CRITICAL'"),
        ({"TELEMETRY_CONSOLE": "X"}, {}, "TELEMETRY_CONSOLE is 'X'; .*or 'none'"),
    ],
)
def test_bad_values_are_refused(
    environ: dict[str, str], arguments: dict[str, object], message: str
) -> None:
    """The error names the key or the variable, the value and what is allowed."""
    with pytest.raises(InvalidError, match=message):
        resolve(environ, **arguments)  # type: ignore[arg-type]


def test_refused_values_change_nothing() -> None:
    """A configure that fails leaves everything as it was."""
    before = settings.in_force()

    with pytest.raises(InvalidError, match="console is 'xml'"):
        telemetry.configure("other", console="xml", level="DEBUG")  # type: ignore[arg-type]

    assert settings.in_force() is before


def test_configure_reads_the_environment(
    monkeypatch: pytest.MonkeyPatch, lines: list[Line]
) -> None:
    """What configure resolves is in force."""
    monkeypatch.setenv("TELEMETRY_LEVEL", "error")
    telemetry.configure("translate", console=None)

    telemetry.get_logger().warning("x")

    assert lines == []
    assert settings.in_force() == Settings("translate", None, "ERROR")


def test_console_off_writes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """With console=None no line is shown; later it is back."""
    log = telemetry.get_logger()
    telemetry.configure(console=None)
    log.info("hidden")
    telemetry.configure(console="json")
    log.info("shown")

    shown = capfd.readouterr().err
    assert ("hidden" in shown, "shown" in shown) == (False, True)


def test_same_console_is_kept() -> None:
    """To repeat configure does not take a console and its status away."""
    console = Console("json", stream=io.StringIO())
    sink.set_console(console)

    telemetry.configure(console="json", level="DEBUG")
    same = sink.current_console()
    telemetry.configure(console="pretty")

    assert same is console
    assert sink.current_console() is not console


def test_two_threads_leave_one_of_their_settings() -> None:
    """Settings of two calls are never mixed."""
    choices = [("a", "json", "DEBUG"), ("b", "pretty", "ERROR")]
    gate = threading.Barrier(2)

    def repeat(name: str, console: str, level: str) -> None:
        gate.wait(10)
        for _ in range(50):
            telemetry.configure(name, console=console, level=level)  # type: ignore[arg-type]

    threads = [threading.Thread(target=repeat, args=choice) for choice in choices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    now, console = settings.in_force(), sink.current_console()
    assert (now.service_name, now.console, now.level) in choices
    assert console is not None
    assert console.style == now.console


def test_apply_is_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one call puts its settings in force, no other one does."""
    held: list[bool] = []
    monkeypatch.setattr(
        settings,
        "set_level",
        lambda level: held.append(settings._IN_FORCE.lock.locked()),
    )

    telemetry.configure()

    assert held == [True]


def test_settings_travel() -> None:
    """Settings are the same after pickling, and put in force elsewhere."""
    sent = pickle.dumps(Settings("a", None, "ERROR"))

    settings.apply(pickle.loads(sent))

    assert settings.in_force() == Settings("a", None, "ERROR")
    assert telemetry.get_logger().get_effective_level() == 40


def test_variable_fails_at_the_start() -> None:
    """A program with a bad variable ends at configure, which names it."""
    done = subprocess.run(
        [sys.executable, "-c", "import telemetry; telemetry.configure()"],
        capture_output=True,
        check=False,
        cwd=Path(telemetry.__file__).parents[1],
        env={"TELEMETRY_LEVEL": "loud"},
        text=True,
    )

    assert done.returncode == 1
    assert "InvalidError: TELEMETRY_LEVEL is 'loud'; it must be" in done.stderr
