"""Tables of noise and transfer functions as text, alone and in scanner files."""

import numpy as np
import pytest

import mpisim
from tests.mpisim.bad_input import assert_refused

SPECTRUM = "frequency, density\n# of an empty scanner\n1e4, 5e-9\n5e4\t1e-9\n3e5; 2e-9\n"


def test_tables_are_read(tmp_path):
    (tmp_path / "noise.csv").write_text(SPECTRUM)
    (tmp_path / "chain.txt").write_text("1e4 1 0\n3e5 0 -2\n")
    assert mpisim.read_noise_spectrum(tmp_path / "noise.csv") == mpisim.NoiseSpectrum(
        (1e4, 5e4, 3e5), (5e-9, 1e-9, 2e-9)
    )
    assert mpisim.read_transfer(tmp_path / "chain.txt") == mpisim.TransferTable((1e4, 3e5), (1, 0), (0, -2))


@pytest.mark.parametrize(
    "text",
    ["", "f,d\n1,2\n", "1,1e-9\n2,\n", "1,1e-9\n2,x\n", "1,1e-9\n2,nan\n", "1,1e-9\n2,-1e-9\n", "2,1\n1,1\n", "\0"],
)
def test_bad_tables_get_one_sentence(text, tmp_path):
    (tmp_path / "noise.csv").write_text(text)
    assert_refused(mpisim.read_noise_spectrum, tmp_path / "noise.csv")
    assert_refused(mpisim.read_transfer, tmp_path / "missing.csv")


def test_a_scanner_file_names_tables_and_comes_back_with_all_parts(tmp_path):
    (tmp_path / "noise.csv").write_text(SPECTRUM)
    (tmp_path / "chain.txt").write_text("1e4 1 0\n3e5 0 -2\n")
    (tmp_path / "s.toml").write_text(
        "\n".join(
            (
                '[scanner]\nclass = "ImperfectFFL"\nsf_gradient = 0.5\nangles = 3\nharmonics = [2, 3]',
                "[scanner.receive]\ngain = 5",
                '[[scanner.receive.filters]]\nclass = "BandPass"\nlow = 1e4',
                '[[scanner.receive.filters]]\nclass = "TransferTable"\nfile = "chain.txt"',
                "[scanner.receive.noise]\nresistance = 10",
                '[scanner.receive.noise.spectrum]\nfile = "noise.csv"',
                "[scanner.receive.digitiser]\nbits = 14",
                "[scanner.receive.feedthrough]\nlines = [[1, 0.1, 0.0], [3, 1e-5, 0]]",
                "[scanner.receive.recording]\naverages = 4",
                "[particle]\ndiameter = 25e-9",
            )
        )
    )
    setup = mpisim.read_scanner(tmp_path / "s.toml")
    chain = setup.scanner.receive
    assert chain.filters[1] == mpisim.read_transfer(tmp_path / "chain.txt")
    assert chain.noise.spectrum == mpisim.read_noise_spectrum(tmp_path / "noise.csv")
    assert (chain.gain, chain.digitiser.bits, chain.recording.averages) == (5, 14, 4)
    assert np.array_equal(chain.feedthrough.at(np.array([69.6e3]), 23.2e3), [1e-5])
    mpisim.write_scanner(setup, tmp_path / "copy.toml")
    assert mpisim.read_scanner(tmp_path / "copy.toml") == setup
