"""The script that builds backends: once, whole or not at all, and with clear words."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import backends
from tests.house.tree import ROOT
from tests.stack import programs

SCRIPT = ROOT / "scripts" / "backends.py"

# Stands in for Go: "installs" programs that do their part, and notes each call.
GO = """#!/bin/sh
echo "$@" >> "$CALLS"
case "$1" in
env) echo go1.26.8 ;;
install)
    for argument; do name=${argument##*/}; name=${name%@*}; done
    program=:
    test "$name" != builder || program='mkdir otelcol; touch otelcol/otelcol'
    for made in "$name" prometheus; do
        printf '#!/bin/sh\\n%s\\n' "$program" > "$GOBIN/$made"
        chmod +x "$GOBIN/$made"
    done ;;
esac
"""


class Machine:
    """A PATH and a cache directory of their own."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self._bin = folder / "bin"
        self._bin.mkdir()
        self._calls = folder / "calls"

    def install_go(self, text: str = GO) -> None:
        """Puts a Go on the PATH."""
        path = self._bin / "go"
        path.write_text(text, "utf-8")
        path.chmod(0o755)

    def remove_go(self) -> None:
        """Takes it away."""
        (self._bin / "go").unlink()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts the script."""
        environment = {
            **os.environ,
            "PATH": f"{self._bin}:/usr/bin:/bin" if self._has_go else str(self._bin),
            "XDG_CACHE_HOME": str(self.cache),
            "CALLS": str(self._calls),
        }
        return subprocess.Popen(
            [sys.executable, SCRIPT, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Runs the script: exit status, stdout, stderr."""
        process = self.start(*arguments)
        out, err = process.communicate()
        return process.returncode, out, err

    @property
    def _has_go(self) -> bool:
        return (self._bin / "go").exists()

    @property
    def installs(self) -> int:
        """How often Go was asked to install something."""
        if not self._calls.exists():
            return 0
        return self._calls.read_text("utf-8").count("install ")

    @property
    def built(self) -> set[str]:
        """The programs that are in the cache."""
        return {path.name for path in self.cache.rglob("*") if path.is_file()} - {
            path.name for path in self.cache.rglob("*.lock")
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing on it."""
    return Machine(tmp_path)


def test_without_go_it_says_so(machine: Machine) -> None:
    """Its own exit status; 0 with --if-go, for those who can do without."""
    status, out, err = machine.run("build", "collector")
    assert (status, out) == (backends.NO_GO, "")
    assert "collector cannot be built here: go is not on PATH" in err

    assert machine.run("build", "--if-go", "collector")[0] == 0


def test_an_old_go_is_no_go(machine: Machine) -> None:
    """A Go that cannot fetch a newer one is refused before minutes are lost."""
    machine.install_go(GO.replace("go1.26.8", "go1.19.8"))
    status, _, err = machine.run("build")

    assert status == backends.NO_GO
    assert "go go1.19.8 is too old; needed is 1.21 or newer" in err


def test_it_builds_once(machine: Machine) -> None:
    """What is there is not built again, and then no Go is needed."""
    machine.install_go()
    status, out, err = machine.run("build")
    assert (status, err) == (0, "")
    assert "building collector, once: about" in out
    assert machine.built == {"otelcol", "prometheus", "promtool"}
    installs = machine.installs
    assert machine.run("build") == (0, "", "")
    machine.remove_go()
    assert machine.run("build") == (0, "", "")

    assert machine.installs == installs


def test_two_at_once_build_once(machine: Machine) -> None:
    """The second one waits for the first, and takes what that has built."""
    machine.install_go()
    both = [machine.start("build", "collector") for _ in range(2)]
    outs = [process.communicate()[0] for process in both]

    assert [process.returncode for process in both] == [0, 0]
    assert "".join(outs).count("building collector") == 1


def test_a_failed_build_leaves_nothing(machine: Machine) -> None:
    """Half a build is no build: the next one begins anew, and the end is shown."""
    machine.install_go(
        GO.replace("install)", "install) echo no space left >&2; exit 9")
    )
    status, _, err = machine.run("build", "collector")
    assert status == backends.FAILED
    assert "exit 9" in err
    assert "no space left" in err
    assert machine.built == set()
    machine.install_go()

    assert machine.run("build", "collector")[0] == 0
    assert machine.built == {"otelcol"}


def test_it_lists_what_is_there(machine: Machine) -> None:
    """Without a verb it says what is built, and where."""
    machine.install_go()
    machine.run("build", "prometheus")
    _, out, _ = machine.run()

    assert out.splitlines()[0] == "collector: none"
    assert out.splitlines()[1].startswith(f"prometheus: {machine.cache}")


def test_a_name_that_is_none_is_refused(machine: Machine) -> None:
    """Exit status 2, with the names that there are."""
    status, _, err = machine.run("build", "grafana")

    assert status == 2
    assert "'collector', 'prometheus'" in err


def test_a_test_that_needs_more_is_skipped_or_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Skipped with the name of what was not checked; required, it fails."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(programs.REQUIRED_VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match="NOT CHECKED: no prometheus"):
        programs.need("prometheus")
    monkeypatch.setenv(programs.REQUIRED_VARIABLE, "collector,prometheus")
    with pytest.raises(pytest.fail.Exception, match="names prometheus"):
        programs.need("prometheus")


def test_any_promtool_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a built one, that of the distribution checks the rules."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "empty"))
    monkeypatch.setenv("PATH", str(tmp_path))
    program = tmp_path / "promtool"
    program.touch(0o755)

    assert programs.need("promtool") == program
