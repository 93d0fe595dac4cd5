"""Damaged MDF files get one sentence: mutations of files, read in another process, which must not end."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import mpisim
from mpisim import InputError
from mpisim.io.mdf.summary import summary
from mpisim.io.mdf.validation import validate_mdf
from tests.mpisim.io.mdf.files import K, V, measured, metadata, write, write_matrix
from tests.mpisim.io.test_damage import mutated

MUTATIONS = 60


def main(folder):
    warnings.simplefilter("ignore")
    for name in ("sm.mdf", "y.mdf"):
        content, damaged = Path(folder, name).read_bytes(), Path(folder, f"damaged_{name}")
        for seed in range(MUTATIONS):
            damaged.write_bytes(mutated(content, seed))
            for action in (mpisim.read, validate_mdf, summary):
                try:
                    action(damaged)
                    found = "read"
                except (InputError, OSError) as error:
                    assert "\n" not in str(error)
                    found = "refused"
                print(name, seed, action.__name__, found, flush=True)


@pytest.mark.slow
def test_damaged_files_get_one_sentence_and_never_end_the_interpreter(tmp_path):
    write_matrix(tmp_path / "sm.mdf", (3, 2, 2), {"/_custom/_note": "text"})
    raw = np.random.default_rng(0).integers(-99, 99, (6, 1, 2, V)).astype(np.int16)
    more = {"/acquisition/receiver/transferFunction": np.ones((2, K), complex)}
    write(tmp_path / "y.mdf", metadata(6), measured(raw, [1, 0, 0, 0, 1, 1]), more)
    code = f"from tests.mpisim.io.mdf.test_damage import main; main({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"after {lines[-1:]}: {done.stderr[-2000:]}"
    assert len(lines) == 2 * 3 * MUTATIONS and any("refused" in line for line in lines)


def test_complex_position_of_a_grid_is_refused(tmp_path):
    path = tmp_path / "sm.mdf"
    write_matrix(path, (3, 2, 2), {"/calibration/fieldOfViewCenter": np.zeros(3, np.complex64)})
    with pytest.raises(InputError, match=r"fieldOfViewCenter of .* must be real; instead received complex64\."):
        summary(path)
