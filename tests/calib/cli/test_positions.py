"""Large samples at any positions, on the command line."""

import numpy as np
import pytest

import mpisim
from mpisim.data.sampling import PositionSampling, Sampling
from mpisim.io.positions_file import read_positions
from tests.commands import SMALL, run

TABLE = "x_mm,y_mm,size_x_mm,size_y_mm\n" + "".join(
    f"{x},{y},{size},8\n" for x, size in ((-12, 8), (0.3, 9), (11.5, 8)) for y in (-11, 0, 12)
)


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "positions.csv").write_text(TABLE)
    assert run(capsys, "simulate", *SMALL, "--grid", "8", "--out", "sm.nc")[0] == 0
    return tmp_path


def test_positions_from_a_table_to_a_fine_matrix(folder, capsys):
    def good(*words):
        code, out, err = run(capsys, *words)
        assert code == 0, err
        return out

    good("downsample", "sm.nc", "--factor", "2", "--positions", "positions.csv", "--out", "coarse.nc")
    sampling = Sampling.of(mpisim.read("coarse.nc"))
    assert isinstance(sampling, PositionSampling)
    np.testing.assert_allclose(1e3 * sampling.centers[3], [0.3, -11])
    assert "positions" in good("info", "coarse.nc")
    good("recover", "coarse.nc", "--method", "smooth-rows", "--out", "fine.nc")
    assert "nrmse" in good("evaluate", "fine.nc", "--reference", "sm.nc")
    good("design", "-n", "2", "--size", "4", "--out", "more.csv")
    assert read_positions("more.csv").shape == (2, 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("downsample sm.nc --factor 2 --positions no.csv --out x.nc", "comma-separated values"),
        ("downsample sm.nc --factor 2 --positions positions.csv --keep 3 --out x.nc", "--keep: not allowed"),
        ("downsample sm.nc --factor 2 --keep 17 --out x.nc", "at most the 16 whole blocks"),
        ("recover keep.nc --method bicubic --out x.nc", "must be sampled by box"),
        ("plot keep.nc --out x.png", "recover it first"),
        ("evaluate keep.nc --reference sm.nc", "a fine system matrix"),
        (
            "design --from sm.nc -n 1 --size 2 --out x.csv",
            "must be a coarse system matrix; instead received a fine one",
        ),
        ("design -n 2 --size 99 --out x.csv", "Input --size must be no larger"),
        ("design -n 2 --size 4 --criterion E --out x.csv", "Input --criterion must be"),
    ],
)
def test_what_has_no_voxels_is_refused_in_a_sentence(folder, capsys, words, said):
    assert run(capsys, "downsample", "sm.nc", "--factor", "2", "--keep", "8", "--seed", "3", "--out", "keep.nc")[0] == 0
    code, _, err = run(capsys, *words.split())
    assert (code, "Traceback" in err) == (2, False)
    assert said in err and err.count("\n") == 1
    assert not any((folder / name).exists() for name in ("x.nc", "x.csv", "x.png"))
