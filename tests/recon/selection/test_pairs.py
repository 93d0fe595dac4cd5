"""Files of MDF that are reconstructed together: another sequence is refused, and rows are matched by frequency."""

import warnings

import numpy as np
import pytest

import mpisim
import recon
from mpisim import InputError
from mpisim.errors import DataWarning
from mpisim.preprocess.receive import DivideTransfer
from recon.selection.pairs import require_same_transfer
from tests.mpisim.io.mdf.files import K, V, calibrated, measured, metadata, random_complex, write


@pytest.fixture
def files(tmp_path):
    """A matrix of six voxels over all frequencies, and what makes the measurement of an image with chosen fields."""
    rng = np.random.default_rng(5)
    rows, image = random_complex(rng, 1, 2, K, 6, dtype=complex), rng.uniform(size=6)
    flags = {"isFastFrameAxis": 1, "isFourierTransformed": 1}
    write(tmp_path / "sm.mdf", metadata(6), measured(rows, **flags), calibrated((3, 2, 1)))
    data = (rows[0] @ image)[None, None]

    def measurement(bins=range(K), **fields):
        bins = np.array(list(bins))
        flags = {"isFourierTransformed": 1, "isFrequencySelection": 1}
        named = {"/measurement/frequencySelection": bins + 1}
        write(tmp_path / "y.mdf", metadata(1), measured(data[..., bins], **flags), named, fields)
        return mpisim.read(tmp_path / "y.mdf")

    return mpisim.read(tmp_path / "sm.mdf"), measurement, image.reshape(2, 3)


def test_a_measurement_gives_its_image(files):
    matrix, measurement, image = files
    found = recon.reconstruct(matrix, measurement(), "tikhonov", regularisation=1e-9)
    np.testing.assert_allclose(found["image"], image, rtol=1e-4)
    assert V == matrix.attrs["mdf"]["/acquisition/receiver/numSamplingPoints"]


def test_rows_that_are_lost_are_said_and_matched_by_frequency(files):
    matrix, measurement, image = files
    with pytest.warns(DataWarning, match="4 of 9 frequencies of the matrix are not in the measurement"):
        found = recon.reconstruct(matrix, measurement([1, 3, 4, 7, 8]), "tikhonov", regularisation=1e-9)
    np.testing.assert_allclose(found["image"], image, rtol=1e-4)
    assert found.attrs["rows"]["measured"] == 10
    part = matrix.isel(frequency=[1, 4, 8, 3])  # the other way round nothing is lost
    found = recon.reconstruct(part.sortby("frequency"), measurement(), "tikhonov", regularisation=1e-9)
    np.testing.assert_allclose(found["image"], image, rtol=1e-4)
    with pytest.raises(InputError, match="none of the frequencies"):
        recon.reconstruct(matrix.isel(frequency=[2, 3]), measurement([4, 5, 6]), "tikhonov")


def test_another_sequence_is_refused_and_another_tracer_is_said(files):
    matrix, measurement, _ = files
    other = measurement(**{"/acquisition/drivefield/strength": np.full((1, 2, 1), 0.01)})
    with pytest.raises(InputError, match="of the matrix' sequence; instead received another: The drive amplitude"):
        recon.reconstruct(matrix, other, "tikhonov")
    with pytest.warns(DataWarning, match="Synomag-D. The image shows a tracer of another response"):
        recon.reconstruct(matrix, measurement(**{"/tracer/name": "Synomag-D"}), "tikhonov")


def test_a_transfer_function_in_one_of_two_files_is_refused_or_said():
    line = mpisim.open_sided_ffl(0.5, angles=3, harmonics=(2, 3))

    def matrix(**chain):
        scanner = mpisim.ImperfectFFL.of(line, receive=mpisim.ReceiveChain(**chain)) if chain else line
        return mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((6, 6)))

    received, other, ideal = matrix(gain=5.0), matrix(gain=4.0), matrix()
    y = recon.measure(received, recon.phantoms.tubes(), noiseless=True)
    divided, y_divided = DivideTransfer().applied(received), DivideTransfer().applied(y)
    for one, another, name in ((divided, y, "matrix"), (received, y_divided, "measurement")):
        with pytest.raises(InputError, match=f"^Input {name} must be one whose rows contain the transfer function"):
            recon.reconstruct(one, another, "tikhonov", regularisation=1e-3)
    for one, another, sentence in (
        (ideal, y, "matrix states none"),
        (received, y.drop_vars("transfer_function"), "measurement states none"),
        (other, y, "the image is wrong by their ratio"),
    ):
        with pytest.warns(DataWarning, match=sentence):
            recon.reconstruct(one, another, "tikhonov", regularisation=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataWarning)
        for one, another in ((received, y), (divided, y_divided), (ideal, y_divided)):
            require_same_transfer(one, another)
