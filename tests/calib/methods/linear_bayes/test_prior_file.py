"""Priors as files."""

import numpy as np
import pytest

import mpisim
from calib.methods.linear_bayes.prior_file import BUNDLED, prior_files, prior_of_folder, read_prior, write_prior
from mpisim.errors import InputError


@pytest.mark.parametrize("precision", (1e-4, 1e-3))
def test_a_file_holds_rows_to_its_precision(line_family, tmp_path, precision):
    write_prior(line_family, tmp_path / "p.npz", precision)
    found = read_prior(tmp_path / "p.npz")
    assert np.array_equal(found.parity, line_family.parity) and found.grid == line_family.grid
    for a in (0, 3):
        rows = [[f.fine_rows(a, c) for c in f.coefficients[:, a]] for f in (found, line_family)]
        error = np.sqrt(np.mean((np.array(rows[0]) - np.array(rows[1])) ** 2))
        assert error < 3 * max(precision, 1e-3)


def test_a_folder_is_read_as_a_prior(lines, tmp_path):
    for i, matrix in enumerate(lines[:4]):
        mpisim.write(matrix, tmp_path / "train" / f"{i}.nc")
    assert len(prior_files(tmp_path)) == len(prior_files(tmp_path / "train")) == 4
    assert read_prior(tmp_path) is read_prior(tmp_path)  # made once
    assert read_prior(tmp_path).members == 4 and prior_of_folder(tmp_path, 3).members == 3
    with pytest.raises(InputError, match="at least 3"):
        prior_of_folder(tmp_path, 2)


def test_what_is_no_prior(line_family, tmp_path):
    with pytest.raises(InputError, match="folder with fine matrices"):
        read_prior(tmp_path)
    with pytest.raises(InputError, match="a file of `mpisim prior`"):
        read_prior(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no prior")
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    write_prior(line_family, tmp_path / "p.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "p.npz").read_bytes()[:-200])
    for name in ("text", "other", "cut"):
        with pytest.raises(InputError, match="which is none"):
            read_prior(tmp_path / f"{name}.npz")
    with pytest.raises(InputError, match=r"ends in \.npz"):
        write_prior(line_family, tmp_path / "p.nc")
    with pytest.raises(InputError, match="precision"):
        write_prior(line_family, tmp_path / "p.npz", 1.0)


def test_the_bundled_prior():
    family = read_prior()
    assert BUNDLED.stat().st_size < 8e6
    assert (family.members, family.angles.size, family.frequencies.tolist()) == (100, 60, list(range(2, 10)))
    assert family.grid.shape == (32, 32) and len(family.turns) == 8
    assert np.sqrt(family.left.max()) < 6e-3  # of the weakest harmonic
