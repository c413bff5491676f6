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
from telemetry.capture.roads import registry
from telemetry.capture.roads.registry import ALL_ROADS, LIBRARY_ROADS
from telemetry.capture.settings import Settings, resolve
from telemetry.core.errors import InvalidError

ENVIRONMENT = {
    "OTEL_SERVICE_NAME": "from-env",
    "OTEL_RESOURCE_ATTRIBUTES": "team=a, tier=b%2Cc,service.name=ignored,",
    "TELEMETRY_CONSOLE": "JSON",
    "TELEMETRY_LEVEL": "debug",
    "TELEMETRY_DIR": "/var/x/../boxes",
    "TELEMETRY_BUDGET_BYTES": "2000000",
    "TELEMETRY_CAPTURE": "logging, Streams",
}
FROM_ENVIRONMENT = Settings(
    "from-env",
    "json",
    "DEBUG",
    directory="/var/boxes",
    budget_bytes=2_000_000,
    capture=frozenset({"logging", "streams"}),
    resource_attributes={"team": "a", "tier": "b,c"},
)


def test_defaults() -> None:
    """With nothing said: a console, all roads of a library, 64 MiB, scrubbing."""
    found = resolve({})

    assert found == Settings("unknown_service", "auto", "INFO")
    assert found.capture == ALL_ROADS - {"descriptors"}
    assert found.budget_bytes == 67_108_864
    assert "password" in found.scrub_patterns


def test_environment_goes_before_defaults() -> None:
    """Variables are read, in any case."""
    assert resolve(ENVIRONMENT) == FROM_ENVIRONMENT


def test_arguments_go_before_the_environment() -> None:
    """An argument wins, even where it is the default."""
    given = resolve(
        ENVIRONMENT,
        service_name="arg",
        console="auto",
        level="info",
        directory=Path("here"),
        budget_bytes=2**20,
        capture=["warnings"],
        resource_attributes={"tier": 3, "zones": ("a", "b")},
    )

    assert given == Settings(
        "arg",
        "auto",
        "INFO",
        directory=str(Path.cwd() / "here"),
        budget_bytes=1_048_576,
        capture=frozenset({"warnings"}),
        resource_attributes={"team": "a", "tier": 3, "zones": ("a", "b")},
    )


@pytest.mark.parametrize(
    ("environ", "arguments", "name"),
    [
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=r"}, {}, "r"),
        ({}, {"resource_attributes": {"service.name": "r"}}, "r"),
        (
            {"OTEL_SERVICE_NAME": "s"},
            {"resource_attributes": {"service.name": "r"}},
            "s",
        ),
    ],
)
def test_service_name_of_the_resource(
    environ: dict[str, str], arguments: dict[str, object], name: str
) -> None:
    """It is taken where no better one is, as OpenTelemetry's specification has it."""
    found = resolve(environ, **arguments)

    assert found.service_name == name
    assert found.resource_attributes == {}


@pytest.mark.parametrize(
    ("text", "roads"), [("all", ALL_ROADS), ("NONE", frozenset()), ("", LIBRARY_ROADS)]
)
def test_roads_by_one_word(text: str, roads: frozenset[str]) -> None:
    """All of them, or none of them."""
    assert resolve({"TELEMETRY_CAPTURE": text}).capture == roads


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
        ({}, {"budget_bytes": True}, "budget_bytes is True; .* from 1048576 to"),
        ({}, {"budget_bytes": 2**20 - 1}, "budget_bytes is 1048575; "),
        ({}, {"budget_bytes": 2**36 + 1}, "budget_bytes is 68719476737; "),
        ({}, {"budget_bytes": "2000000"}, "budget_bytes is '2000000'; "),
        ({"TELEMETRY_BUDGET_BYTES": "2e7"}, {}, "TELEMETRY_BUDGET_BYTES is '2e7'; "),
        ({}, {"directory": ""}, "directory is ''; it must be a path, or None"),
        ({}, {"directory": 3}, "directory is 3; "),
        ({}, {"capture": "logging"}, "capture is 'logging'; it must be names among"),
        ({}, {"capture": ["x"]}, r"capture is \['x'\]; .*'streams'"),
        ({"TELEMETRY_CAPTURE": "a,logging"}, {}, "TELEMETRY_CAPTURE is 'a,logging'; "),
        ({}, {"scrub_patterns": "a"}, "scrub_patterns is 'a'; "),
        ({}, {"scrub_patterns": None}, "scrub_patterns is None; "),
        ({}, {"scrub_patterns": ["(a"]}, r"scrub_patterns holds '\(a'; "),
        ({}, {"scrub_allow": "a"}, "scrub_allow is 'a'; it must be a collection"),
        ({}, {"scrub_callback": 3}, "scrub_callback is 3; it must be a callable"),
        ({}, {"processors": [3]}, r"processors is \[3\]; "),
        ({}, {"resource_attributes": {"": 1}}, "a name in resource_attributes is ''"),
        (
            {},
            {"resource_attributes": {"a": None}},
            r"resource_attributes\['a'\] is None",
        ),
        ({}, {"resource_attributes": {"a": [1, "b"]}}, r"is \[1, 'b'\]; "),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a"}, {}, "OTEL_RESOURCE_ATTRIBUTES is 'a'; "),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=%zz"}, {}, "is 'a=%zz'; it must be pairs"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "a=%ff"}, {}, "must be percent-encoded UTF-8"),
        ({"TELEMETRY_LEVEL": "9"}, {}, "TELEMETRY_LEVEL is '9'; .*or 'CRITICAL'"),
        ({"TELEMETRY_CONSOLE": "X"}, {}, "TELEMETRY_CONSOLE is 'X'; .*or 'none'"),
    ],
)
def test_bad_values_are_refused(
    environ: dict[str, str], arguments: dict[str, object], message: str
) -> None:
    """The error names the key or the variable, the value and what is allowed."""
    with pytest.raises(InvalidError, match=message):
        resolve(environ, **arguments)


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
    now = settings.in_force()
    assert (now.service_name, now.console, now.level) == ("translate", None, "ERROR")


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


def test_scrubber_is_put_in_force(lines: list[Line]) -> None:
    """Patterns, the allowed keys and the callback reach the lines."""
    telemetry.configure(
        scrub_patterns=["password", "token"],
        scrub_allow=["token"],
        scrub_callback=lambda match: 7 if match.value == "seven" else None,
    )

    telemetry.get_logger().info("x", password="a", token="b", secret="c")
    telemetry.get_logger().info("y", password="seven")

    fields = {"password": "[scrubbed: password]", "token": "b", "secret": "c"}
    assert [line.fields for line in lines] == [fields, {"password": 7}]


def test_roads_are_put_in_force_once() -> None:
    """To repeat configure installs nothing twice; to name none takes all away."""
    for _ in range(3):
        telemetry.configure(capture=["threads"])
    on = {name for name, road in registry._INSTALLED.items() if road.state().on}
    telemetry.configure(capture=())

    assert on == {"threads"}
    assert registry._INSTALLED == {}


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
    wanted = Settings("a", None, "ERROR", capture=frozenset(), scrub_patterns=("x",))

    settings.apply(pickle.loads(pickle.dumps(wanted)))

    assert settings.in_force() == wanted
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
