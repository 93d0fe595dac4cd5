"""Calls in this process and in others give the same files; shares of a job array are disjoint and complete."""

import pytest

from mpisim.errors import InputError
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
