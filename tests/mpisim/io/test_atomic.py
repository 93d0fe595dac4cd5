"""Files are written whole or not at all, and what killed processes left is removed by the next run."""

import os
import signal
import sys
import time
from subprocess import DEVNULL, PIPE, Popen

import pytest

from mpisim.io.atomic import remove_leftovers, replacing, write_text

WRITE_AND_WAIT = """
import signal, sys, time
from mpisim.io.atomic import replacing
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it, and so do its children
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def writer(target):
    """Start a process that has written half of a file."""
    process = Popen([sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdout=PIPE, stderr=DEVNULL, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def end(process, number=signal.SIGKILL):
    process.send_signal(number)
    process.communicate(timeout=30)


def temporaries(folder):
    return sorted(f.name for f in folder.glob(".*.tmp"))


def test_the_next_run_removes_what_a_killed_process_left(tmp_path):
    """Only of the same target, and never what a running process writes: two writers at a time both succeed."""
    killed, running = writer(tmp_path / "a.nc"), writer(tmp_path / "a.nc")
    end(killed)
    try:
        left, other = (tmp_path / f".{name}.{'0' * 12}.tmp" for name in ("a.nc", "b.nc"))  # names of version 0.1.0
        for file in (left, other):
            file.touch()
            os.utime(file, (0, time.time() - 8 * 24 * 3600))
        assert len(temporaries(tmp_path)) == 4
        write_text(tmp_path / "a.nc", "whole")
        assert (tmp_path / "a.nc").read_text() == "whole"
        kept = temporaries(tmp_path)
        assert len(kept) == 2 and other.name in kept and any(f"-{running.pid}-" in name for name in kept)
    finally:
        end(running, signal.SIGINT)
    assert temporaries(tmp_path) == [other.name]
    remove_leftovers(tmp_path)
    assert temporaries(tmp_path) == []


def test_files_of_other_machines_and_of_other_programs_stay(tmp_path):
    names = [".a.nc.00000000-1-0123456789ab.tmp", ".a.nc.swap.tmp", ".a.nc.0123456789ab.tmp"]
    for name in names:
        (tmp_path / name).touch()
    write_text(tmp_path / "a.nc", "whole")
    remove_leftovers(tmp_path)
    assert temporaries(tmp_path) == sorted(names)


def test_names_with_brackets(tmp_path):
    """A file name is no pattern."""
    other = writer(tmp_path / "a1.nc")
    end(other)
    write_text(tmp_path / "a[1].nc", "whole")
    assert len(temporaries(tmp_path)) == 1


def test_a_failure_leaves_the_former_file(tmp_path):
    write_text(tmp_path / "a.txt", "former")
    with pytest.raises(RuntimeError), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert [f.name for f in tmp_path.iterdir()] == ["a.txt"] and (tmp_path / "a.txt").read_text() == "former"
