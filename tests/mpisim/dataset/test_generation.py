"""Families of matrices: the preset's split, resuming, one worker equals many."""

import hashlib
import subprocess
import sys

import pytest

import mpisim
from mpisim.data.grid import Grid
from mpisim.dataset.cases import Case, grid_cases
from mpisim.dataset.generation import generate
from mpisim.dataset.spec import DatasetSpec, coarse_file, fine_file
from mpisim.errors import InputError

CASES = grid_cases((0.5, 0.8), (20e-9, 25e-9))


FAMILY = DatasetSpec(grid=Grid((8, 8)), scanner={"angles": 3}, factors=(2, 4), snr=33.7, seed=4)


def digests(folder):
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(folder.rglob("*.nc"))
    }


def test_written_files_are_what_is_simulated(tmp_path):
    files = generate(CASES, FAMILY, tmp_path)
    assert len(files) == 4
    case = CASES[2]
    found = mpisim.read(fine_file(tmp_path, case))
    wanted = mpisim.simulate(FAMILY.scanner_of(case), mpisim.Particle(case.particle_diameter), FAMILY.grid)
    assert found.identical(wanted)
    assert found.attrs["scanner"]["drive_amplitude"] == pytest.approx(0.8 * 0.016)
    coarse = mpisim.read(coarse_file(tmp_path, case, FAMILY, 4))
    assert coarse.attrs["sampling"]["factor"] == 4 and coarse["system_matrix"].shape[-2:] == (2, 2)
    seeds = {mpisim.read(coarse_file(tmp_path, c, FAMILY, f)).attrs["sampling"]["seed"] for c in CASES for f in (2, 4)}
    assert len(seeds) == 8  # every coarse matrix has its own noise


def test_resuming_redoes_nothing_and_loses_nothing(tmp_path):
    generate(CASES, FAMILY, tmp_path)
    before = digests(tmp_path)
    kept = fine_file(tmp_path, CASES[0])
    stamp = kept.stat().st_mtime_ns
    fine_file(tmp_path, CASES[1]).unlink()
    coarse_file(tmp_path, CASES[3], FAMILY, 2).unlink()
    generate(CASES, FAMILY, tmp_path)
    assert digests(tmp_path) == before
    assert kept.stat().st_mtime_ns == stamp


@pytest.mark.parametrize("kept", [0.0, 0.02, 0.5, 0.999])
def test_truncated_files_are_made_again(tmp_path, kept):
    """Fine and coarse ones, at any length; a file of other voxels, too."""
    generate(CASES[:2], FAMILY, tmp_path)
    before = digests(tmp_path)
    fine, coarse = fine_file(tmp_path, CASES[0]), coarse_file(tmp_path, CASES[1], FAMILY, 4)
    for file in (fine, coarse):
        whole = file.read_bytes()
        file.write_bytes(whole[: int(kept * len(whole))])
    coarse_file(tmp_path, CASES[0], FAMILY, 2).write_bytes(coarse_file(tmp_path, CASES[0], FAMILY, 4).read_bytes())
    generate(CASES[:2], FAMILY, tmp_path)
    assert digests(tmp_path) == before


def test_leftovers_of_a_killed_run_are_removed(tmp_path):
    """Of a process that no longer runs, wherever in the data set it wrote."""
    generate(CASES[:1], FAMILY, tmp_path)
    file = coarse_file(tmp_path, CASES[0], FAMILY, 4)
    code = "import sys, mpisim.io.atomic as a\nwith a.replacing(sys.argv[1]) as t: a.os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, file], check=False).returncode == 9
    assert len(list(tmp_path.rglob("*.tmp"))) == 1
    generate(CASES[:1], FAMILY, tmp_path)
    assert not list(tmp_path.rglob("*.tmp"))


def test_one_worker_equals_many(tmp_path):
    generate(CASES, FAMILY, tmp_path / "one")
    generate(CASES, FAMILY, tmp_path / "two", workers=2)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert len(digests(tmp_path / "one")) == 12


def test_a_folder_of_another_family_is_refused(tmp_path):
    generate(CASES[:1], FAMILY, tmp_path)
    before = digests(tmp_path)
    with pytest.raises(InputError, match="must be empty or of the same data set"):
        generate(CASES[:1], DatasetSpec(grid=Grid((16, 16)), scanner={"angles": 3}), tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(InputError, match="must be empty or of the same data set"):
        generate(CASES[:1], FAMILY, tmp_path)
    (tmp_path / "dataset.json").unlink()
    with pytest.raises(InputError, match="must be empty or a data set of this program"):
        generate(CASES[:1], FAMILY, tmp_path)
    assert digests(tmp_path) == before


def test_coarse_files_may_be_added_but_not_mixed(tmp_path):
    fine_only = DatasetSpec(grid=FAMILY.grid, scanner=FAMILY.scanner)
    generate(CASES[:1], fine_only, tmp_path)
    generate(CASES[:1], FAMILY, tmp_path)
    assert coarse_file(tmp_path, CASES[0], FAMILY, 4).is_file()
    other = DatasetSpec(grid=FAMILY.grid, scanner=FAMILY.scanner, factors=(4,), snr=20.0, seed=4)
    with pytest.raises(InputError, match="Input snr and seed must be those of the coarse files"):
        generate(CASES[:1], other, tmp_path)


def test_a_refused_run_leaves_no_folder(tmp_path):
    for options in (dict(factors=(3,)), dict(factors=(2,), snr=float("nan")), dict(seed=-1)):
        with pytest.raises(InputError):
            generate(CASES, DatasetSpec(grid=Grid((8, 8)), **options), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_bad_input(tmp_path):
    with pytest.raises(InputError, match="Input sf_gradient must be a positive number; instead received -1"):
        Case(-1, 25e-9)
    with pytest.raises(InputError, match="made of distinct pairs"):
        grid_cases((0.5, 0.5), (25e-9,))
    with pytest.raises(InputError, match="Input factor must be a divisor of the grid"):
        generate(CASES, DatasetSpec(grid=Grid((8, 8)), factors=(3,)), tmp_path / "a")
    with pytest.raises(InputError, match="Input workers must be a whole number of at least 1"):
        generate(CASES, FAMILY, tmp_path / "b", workers=0)
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises(InputError, match="Input output folder must be a folder that can be made"):
        generate(CASES, FAMILY, blocker / "c")
    assert not list(tmp_path.rglob("*.nc"))
