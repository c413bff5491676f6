"""The road of descriptors 1 and 2, each case in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from telemetry.capture.tailing import Marked, leftover
from telemetry.capture.unpatched import MARK_OFF, MARK_ON

_HEAD = """
import ctypes, faulthandler, os, signal, subprocess, sys, threading
from pathlib import Path
import msgspec
from telemetry.capture import open_scopes, sink
from telemetry.capture.roads import descriptors, streams
from telemetry.core.scope import SCOPE, InputScope
caught = []
sink.set_sink(caught.append)
here = Path(sys.argv[1])
answer = here / "answer"
road = descriptors.ROAD
road.directory, road.label, road.pass_through = here, "box", False
def opened(name):
    scope = InputScope(name)
    open_scopes.opened(scope)
    return scope
def seen():
    return [(x.event, x.stream, x.input_id, x.candidates) for x in caught]
def tell(value):
    answer.write_bytes(msgspec.json.encode(value))
"""


def run(tmp_path: Path, body: str, expected: int = 0) -> tuple[object, str, str]:
    """What *body* told, and its output."""
    script = tmp_path / "script.py"
    script.write_text(_HEAD + body)
    done = subprocess.run(
        [sys.executable, script, tmp_path],
        capture_output=True, text=True, timeout=40, check=False,
    )  # fmt: skip
    assert done.returncode == expected, done.stderr
    answer = tmp_path / "answer"
    told = msgspec.json.decode(answer.read_bytes()) if answer.exists() else None
    return told, done.stdout, done.stderr


def test_attribution(tmp_path: Path) -> None:
    """One input that runs alone has its output; of two, both are candidates."""
    told, out, err = run(
        tmp_path,
        """
road.install()
os.write(1, b"nobody\\n")
a = opened("in-a")
os.write(1, b"a alone\\n")
b = opened("in-b")
os.write(2, b"a or b\\n")
open_scopes.ended(a)
os.system("echo b alone")
subprocess.run(["echo", "child of b"])
open_scopes.ended(b)
os.write(1, b"late\\n")
road.poll()
road.uninstall()
tell(seen())
""",
    )

    assert told == [
        ["nobody", "stdout", None, []],
        ["a alone", "stdout", "in-a", []],
        ["a or b", "stderr", None, ["in-a", "in-b"]],
        ["b alone", "stdout", "in-b", []],
        ["child of b", "stdout", "in-b", []],
        ["late", "stdout", None, ["in-b"]],
    ]
    assert (out, err) == ("", "")


def test_short_input_beside_another_is_a_candidate(tmp_path: Path) -> None:
    """An input that began and ended between two reads is named, with the others."""
    told, _out, _err = run(
        tmp_path,
        """
road.install()
for name in "ab":
    opened(name)
c = opened("c")
os.write(1, b"x\\n")
open_scopes.ended(c)
road.poll()
tell(seen())
""",
    )

    assert told == [["x", "stdout", None, ["a", "b", "c"]]]


def test_c_code_that_holds_the_lock(tmp_path: Path) -> None:
    """Writing 4 MiB without ever giving the interpreter lock away does not hang."""
    told, _out, _err = run(
        tmp_path,
        """
road.install()
libc = ctypes.PyDLL(None)
block = b"y" * 99 + b"\\n"
a = opened("in-a")
for _ in range(4):
    assert libc.write(1, block * 10_000, 1_000_000) == 1_000_000
libc.puts(b"puts")
libc.fflush(None)
open_scopes.ended(a)
size = (here / "box.out").stat()
tell([len(caught), {x.input_id for x in caught} == {"in-a"}, caught[-1].event,
      size.st_blocks * 512 < 100_000])
""",
    )

    assert told in ([40_001, True, "puts", True], [40_001, True, "puts", False])
    if sys.platform == "linux":
        assert told == [40_001, True, "puts", True]


def test_faulthandler_and_what_a_killed_process_leaves(tmp_path: Path) -> None:
    """Lines that were read are not found again; the rest is, after a SIGKILL."""
    run(
        tmp_path,
        """
road.install()
os.write(2, b"read\\n")
road.poll()
faulthandler.dump_traceback()
os.write(1, "größer\\n".encode() + b"no end")
os.kill(os.getpid(), signal.SIGKILL)
""",
        expected=-9,
    )

    left = leftover(tmp_path / "box.err")
    assert "most recent call first" in left[0]
    assert "read" not in left
    assert leftover(tmp_path / "box.out") == ["größer", "no end"]
    assert (tmp_path / "box.out").stat().st_mode & 0o777 == 0o600


def test_too_much_at_once_is_dropped_and_counted(tmp_path: Path) -> None:
    """What nobody reads in time is cut from its oldest end, and a line says so."""
    told, _out, _err = run(
        tmp_path,
        """
capture = descriptors.DescriptorCapture(here, "b", limit_bytes=1 << 20)
capture.install()
for number in range(40):
    os.write(1, (f"{number:09}\\n" * 10_000).encode())
capture.poll()
capture.uninstall()
lines = [x for x in caught if x.stream]
said = [x.fields["lines"] for x in caught if not x.stream]
tell([lines[-1].event, said == [capture.dropped_lines], said[0] > 0,
      abs(len(lines) + said[0] - 400_000) <= 2])
""",
    )

    assert told == ["000000039", True, True, True]


def test_pass_through(tmp_path: Path) -> None:
    """In library mode all arrives in order, and Python's own lines come once."""
    told, out, err = run(
        tmp_path,
        """
road.pass_through, road.directory = True, None
streams.ROAD.install()
road.install()
road.install()
for number in range(300):
    print("print", number, flush=True)
    os.write(1, b"raw %d\\n" % number)
sys.stderr.write("err\\n")
road.uninstall()
print("after")
tell([[x.event for x in caught if x.event.startswith(kind)]
      for kind in ("print", "raw", "err", "after")])
""",
    )

    numbers = range(300)
    assert told == [
        [f"print {n}" for n in numbers],
        [f"raw {n}" for n in numbers],
        ["err"],
        ["after"],
    ]
    assert out == "".join(f"print {n}\nraw {n}\n" for n in numbers) + "after\n"
    assert err == "err\n"


def test_exit_with_pass_through(tmp_path: Path) -> None:
    """What is in a buffer when the process ends still reaches the terminal."""
    _told, out, _err = run(
        tmp_path,
        """
road.pass_through = True
road.install()
print("buffered")
os.write(1, b"raw\\n")
""",
    )

    assert sorted(out.split()) == ["buffered", "raw"]
    assert not (tmp_path / "box.out").exists()


def test_uninstall_restores(tmp_path: Path) -> None:
    """The descriptors are what they were, unless somebody has changed one since."""
    told, _out, _err = run(
        tmp_path,
        """
before = [os.fstat(fd).st_ino for fd in (1, 2)]
road.install()
during = [os.fstat(fd).st_ino for fd in (1, 2)]
road.uninstall()
after = [os.fstat(fd).st_ino for fd in (1, 2)]
road.install()
other = os.open(here / "other", os.O_CREAT | os.O_WRONLY)
os.dup2(other, 1)
road.uninstall()
tell([before == after, before != during, os.path.sameopenfile(1, other),
      road.state().on, os.listdir(here).count("box.out")])
""",
    )

    assert told == [True, True, True, False, 0]


def test_a_closed_descriptor_is_covered_and_closed_again(tmp_path: Path) -> None:
    """No file of ours keeps the number of a stdout that the program has closed."""
    told, _out, _err = run(
        tmp_path,
        """
from telemetry.capture.tailing import Tail
os.close(1)
tail = Tail(1, here / "one")
os.write(1, b"said")
said = tail.read().decode()
tail.restore()
tail.close()
try:
    os.fstat(1)
except OSError:
    tell([said, "closed"])
""",
    )

    assert told == ["said", "closed"]


def test_forked_child_leaves_the_files_alone(tmp_path: Path) -> None:
    """A child's output is its parent's to read; the child reads and removes nothing."""
    told, _out, _err = run(
        tmp_path,
        """
road.install()
a = opened("in-a")
child = os.fork()
if child == 0:
    os.write(1, b"from the child\\n")
    road.poll()
    on = road.state().on
    road.uninstall()
    os._exit(on or len(caught))
assert os.waitpid(child, 0)[1] == 0
open_scopes.ended(a)
tell(seen())
""",
    )

    assert told == [["from the child", "stdout", "in-a", []]]


@pytest.mark.parametrize("step", [1, 3, 1_000])
def test_marks_across_reads(step: int) -> None:
    """Text between marks is told apart wherever a read ends."""
    data = f"a{MARK_ON}b\n{MARK_OFF}\x1b[1mc\x1b_x{MARK_ON}d{MARK_OFF}e".encode()
    marked, plain, everything = Marked(), b"", b""
    for at in range(0, len(data), step):
        one, two = marked.feed(data[at : at + step])
        plain, everything = plain + one, everything + two

    assert plain == b"a\x1b[1mc\x1b_xe"
    assert everything == b"ab\n\x1b[1mc\x1b_xde"


def test_leftover_of_nothing(tmp_path: Path) -> None:
    """An empty file has no lines; a missing one is an error."""
    (tmp_path / "x").touch()
    assert leftover(tmp_path / "x") == []
    with pytest.raises(OSError, match=os.strerror(2)):
        leftover(tmp_path / "y")
