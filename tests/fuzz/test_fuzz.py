"""Damaged and hostile files: one sentence, and nothing else; `python -m benchmarks.fuzz` does it by the thousand."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def campaign(count, *words):
    """A campaign in a process of its own, which has one thread; every child has 1 GB and 20 s for each reading."""
    command = [sys.executable, "-m", "benchmarks.fuzz", "--count", str(count), "--every", str(count), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def counts(done):
    """Files, accepted, refused and faults of all."""
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    return [int(word) for word in done.stdout.splitlines()[-2].split()[1:]]


def test_two_hundred_files_come_to_nothing_worse_than_a_sentence():
    done = campaign(200, "--quick", "--seed", "7")
    files, accepted, refused, faults = counts(done)
    assert files == 200 and faults == 0 and accepted + refused == 200
    assert min(accepted, refused) > 40  # mutations that do neither always nor never harm
    assert "sound file" not in done.stdout  # all of these are read


@pytest.mark.slow
def test_two_thousand_files():
    assert counts(campaign(2000, "--seed", "8"))[3] == 0


@pytest.mark.slow
def test_files_of_weights_priors_and_phantoms():
    assert counts(campaign(500, "--weights"))[3] == 0
