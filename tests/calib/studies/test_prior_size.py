"""The error of linear-bayes by the size of its prior: the short form on small scanners."""

import pytest

import mpisim
from calib.methods.linear_bayes.prior_file import prior_of_folder, write_prior
from calib.recovery import recover
from calib.studies.catalogue import STUDIES
from mpisim.data.downsampling import downsample
from mpisim.errors import InputError
from tests.small import csv_rows


def scanner(gradient):
    return mpisim.simulate(
        mpisim.open_sided_ffl(gradient, angles=4, harmonics=(2, 3)), mpisim.Particle(22e-9), mpisim.Grid((8, 8))
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Six matrices to learn from and two to recover, inside and at the end of the range of gradients."""
    out = tmp_path_factory.mktemp("data")
    for split in ("train", "test", "outside"):
        (out / split).mkdir()
    for i, gradient in enumerate((0.5, 0.7, 0.9, 0.6, 0.8, 0.55)):
        mpisim.write(scanner(gradient), out / "train" / f"{i:04d}.nc")
    mpisim.write(scanner(0.65).assign_attrs(scanner_level="mild"), out / "test" / "0000_mild.nc")
    mpisim.write(scanner(0.9).assign_attrs(scanner_level="outside"), out / "outside" / "0000_outside.nc")
    return out


def test_each_prior_holds_the_first_matrices_only(tmp_path, folder):
    STUDIES["prior-size"](tmp_path, quick=True, data=folder, factors=(2,))
    rows = csv_rows(tmp_path / "prior_size_quick.csv")
    assert [(r["level"], r["members"]) for r in rows] == [
        (level, n) for n in ("3", "6") for level in ("mild", "outside")
    ]
    few = tmp_path / "few"
    few.mkdir()
    for file in sorted((folder / "train").iterdir())[:3]:
        (few / file.name).write_bytes(file.read_bytes())
    write_prior(prior_of_folder(few), tmp_path / "few.npz")
    fine = mpisim.read(folder / "test" / "0000_mild.nc")
    found = recover(downsample(fine, 2, snr=33.7, seed=0), "linear-bayes", prior=tmp_path / "few.npz")
    assert float(rows[0]["nrmse_percent"]) == pytest.approx(100 * mpisim.nrmse(found, fine), rel=1e-4)
    assert (tmp_path / "prior_size_quick.png").read_bytes().startswith(b"\x89PNG")


def test_without_data_it_says_what_it_needs(tmp_path):
    with pytest.raises(InputError, match="Input data must be a folder of `mpisim dataset --preset realistic`"):
        STUDIES["prior-size"](tmp_path)
