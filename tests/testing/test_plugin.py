"""The test kit: what was left, by input; the same in every run; nothing stays."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import telemetry
from telemetry.capture import binding, sink
from telemetry.testing import recording
from tests.settings_kept import settings_kept

ROOT = Path(telemetry.__file__).parents[1]

SUITE = """
import telemetry

def test_recorded(recorded):
    with telemetry.input_scope() as current:
        telemetry.get_logger().info("hi", size=3)
    assert recorded.assert_logged("hi", input_id=current.input_id, size=3)

def test_anew(recorded):
    assert recorded.lines == []
"""


def test_lines_are_known_by_input() -> None:
    """Each input has its own lines, and what no input wrote has None."""
    log = telemetry.get_logger()
    with recording() as recorded:
        with telemetry.input_scope() as one:
            log.info("a", n=1)
        with telemetry.input_scope() as two:
            log.warning("b")
        log.info("c")

    assert recorded.events() == ["a", "b", "c"]
    assert recorded.events(two.input_id) == ["b"]
    assert [line.fields for line in recorded.lines_of(one.input_id)] == [{"n": 1}]
    assert [line.event for line in recorded.lines_of(None)] == ["c"]


def test_assert_logged() -> None:
    """It finds by all that is given, or tells what there is."""
    log = telemetry.get_logger()
    with recording() as recorded:
        with telemetry.input_scope(input_id="in-1"):
            log.info("a", n=1, m=2)

        assert recorded.assert_logged("a", n=1, level="info", input_id="in-1").fields
        for wrong in ({"n": 2}, {"x": None}, {"level": "error"}, {"input_id": None}):
            with pytest.raises(AssertionError, match=r"in-1 info 'a' n=1 m=2"):
                recorded.assert_logged("a", **wrong)
        recorded.clear()
        with pytest.raises(AssertionError, match="nothing"):
            recorded.assert_logged("a")


def test_assert_logged_waits() -> None:
    """A line of another thread or of a container may come later."""
    with recording() as recorded:
        looked = threading.Event()

        def late() -> None:
            looked.wait(10)
            telemetry.get_logger().info("late")

        thread = threading.Thread(target=late)
        thread.start()
        looked.set()

        recorded.assert_logged("late", within_s=600)  # or the suite's own limit
        thread.join()


def test_ids_and_clock_are_fixed() -> None:
    """Two runs give the same ids and times, in order."""

    def run() -> list[tuple[str | None, int]]:
        with recording() as recorded:
            recorded.fix_ids()
            recorded.fix_clock(1_000, step_ns=5)
            for _ in range(3):
                with telemetry.input_scope():
                    telemetry.get_logger().info("x")
        return [(line.input_id, line.unix_ns) for line in recorded.lines]

    first = run()

    assert run() == first
    assert [at for _id, at in first] == [1_000, 1_005, 1_010]
    assert [str(i)[-2:] for i, _at in first] == ["00", "01", "02"]
    assert len({i for i, _at in first}) == 3


def test_everything_is_as_before() -> None:
    """After an error in the block, too; recordings nest."""
    raising = sink.raise_failures(enabled=False)
    before = binding._Ids.source, sink._SEAM.own, sink._SEAM.raising

    def fail() -> None:
        with recording() as outer, recording() as inner:
            inner.fix_ids()
            telemetry.get_logger().info("inner")
        telemetry.get_logger().info("nowhere")
        assert (inner.events(), outer.events()) == (["inner"], [])
        with recording() as recorded:
            recorded.fix_ids()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    after = binding._Ids.source, sink._SEAM.own, sink._SEAM.raising
    sink.raise_failures(enabled=raising)
    assert after == before


def test_failures_of_ours_are_raised() -> None:
    """A bug in the toolkit fails the test that meets it."""
    with recording(), pytest.raises(OSError, match="gone"):
        sink.failed(OSError("gone"), "test")


def test_lines_by_other_roads_are_recorded() -> None:
    """What the program logs with the standard library is there as well."""
    with settings_kept():
        telemetry.configure(console=None, capture=["logging"])
        with recording() as recorded, telemetry.input_scope() as current:
            logging.getLogger("other").warning("by %s", "logging")

        recorded.assert_logged("by logging", input_id=current.input_id)


def test_secrets_are_scrubbed() -> None:
    """What is recorded is what would have left the process."""
    with recording() as recorded:
        telemetry.get_logger().info("pwd=x1", password="x1")

    recorded.assert_logged("pwd=[scrubbed: pwd]", password="[scrubbed: password]")


def test_plugin_gives_the_fixture(tmp_path: Path) -> None:
    """Pytest loads the module as a plugin, and each test records anew."""
    (tmp_path / "test_suite.py").write_text(SUITE, "utf-8")
    options = ["-q", "-p", "telemetry.testing", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--rootdir", tmp_path, tmp_path],
        capture_output=True,
        check=False,
        cwd=ROOT,
        text=True,
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_pytest_is_not_imported() -> None:
    """A program may use the kit where no pytest is installed."""
    code = "import sys, telemetry.testing; sys.exit('pytest' in sys.modules)"

    assert (
        subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT).returncode
        == 0
    )
