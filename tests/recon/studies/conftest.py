import pytest

from recon.studies.catalogue import STUDIES
from tests.small import SMALL

METHODS = ("bicubic", "bicubic-dc")


@pytest.fixture(scope="package")
def table4(tmp_path_factory):
    """The folder and the result of a short Table IV of two methods."""
    out = tmp_path_factory.mktemp("table4")
    return out, STUDIES["table4"](out, quick=True, methods=METHODS, protocol=SMALL)
