"""What the author of a plug-in tests first: that each part does what the toolkit relies on."""

from mpi_extras.magnetisation import DebyeParticle
from mpi_extras.npz import NPZ
from mpi_extras.recovery import NEAREST
from mpi_extras.scanner import SurfaceCoilFFL
from mpi_extras.solver import LANDWEBER

import calib
import mpisim
import recon


def test_the_method_of_recovery():
    calib.check_method(NEAREST)


def test_the_solver():
    recon.check_solver(LANDWEBER)


def test_the_scanner():
    mpisim.check_scanner(SurfaceCoilFFL(sf_gradient=0.8, drive_amplitude=0.0128))


def test_the_magnetisation_model():
    mpisim.check_magnetisation(DebyeParticle(25e-9))


def test_the_file_format():
    mpisim.check_format(NPZ)
