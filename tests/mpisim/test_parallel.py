"""Calls in this process and in others give the same files; shares of a job array are disjoint and complete."""

import os
import sys
import time
from pathlib import Path
from subprocess import Popen

import pytest

from mpisim.errors import InputError
from mpisim.io.atomic import replacing
from mpisim.parallel import dask_executor, run_all, shard


def write_square(folder, number):
    (folder / f"{number}.txt").write_text(str(number**2))


def fail(folder, number):
    raise InputError(f"Input number must be even; instead received {number}.")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_call_is_made_once(tmp_path, workers):
    ended = []
    run_all(write_square, [(tmp_path, n) for n in range(5)], workers=workers, done=lambda: ended.append(1))
    assert {f.name: f.read_text() for f in tmp_path.iterdir()} == {f"{n}.txt": str(n**2) for n in range(5)}
    assert len(ended) == 5


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_reaches_the_caller(tmp_path, workers):
    with pytest.raises(InputError, match="Input number must be even; instead received 1"):
        run_all(fail, [(tmp_path, 1), (tmp_path, 1)], workers=workers)


@pytest.mark.parametrize("jobs", [1, 3, 7])
def test_shares_are_disjoint_and_complete(jobs):
    parts = [shard(range(5), f"{i}/{jobs}") for i in range(1, jobs + 1)]
    assert sorted(n for part in parts for n in part) == list(range(5))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/2/3", "-1/2", ""])
def test_bad_shares(part):
    with pytest.raises(InputError, match="Input shard must be I/N with whole numbers 1 <= I <= N"):
        shard([1], part)


def test_a_cluster_that_is_not_there():
    with pytest.raises(InputError, match="Input --scheduler must be"):
        dask_executor("tcp://127.0.0.1:9")


PARENT = """
import sys
from pathlib import Path
from mpisim.parallel import run_all
from tests.mpisim.test_parallel import write_and_wait
if __name__ == "__main__":
    run_all(write_and_wait, [(Path(sys.argv[1]), n) for n in range(2)], workers=2)
"""


def write_and_wait(folder, number):
    with replacing(folder / f"{number}.txt") as temporary:
        (folder / f"{os.getpid()}.pid").touch()
        temporary.write_text("half")
        for _ in range(1200):  # work in small steps
            time.sleep(0.05)


def runs(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_workers_of_a_killed_parent_end_and_leave_nothing(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    path = os.pathsep.join(filter(None, (str(root), os.environ.get("PYTHONPATH"))))
    parent = Popen([sys.executable, script, tmp_path], env={**os.environ, "PYTHONPATH": path}, cwd=root)
    wait_for(lambda: len(list(tmp_path.glob("*.pid"))) == 2)
    parent.kill()
    parent.wait()
    workers = [int(f.stem) for f in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(map(runs, workers)))
    assert not list(tmp_path.glob(".*.tmp")) and not list(tmp_path.glob("*.txt"))
