"""Networks: the table of all of them, and their architectures. A name is imported when it is first asked for."""

from typing import TYPE_CHECKING

from mpisim.lazy import handed_on

if TYPE_CHECKING:
    from calib.nets.smrnet import SMRnet
    from calib.nets.table import FACTORS, NETS, Net
    from calib.nets.transms import TranSMS
    from calib.nets.upsampled import SRCNN, VDSR

__all__ = ["FACTORS", "NETS", "SRCNN", "VDSR", "Net", "SMRnet", "TranSMS"]

__getattr__ = handed_on(
    __name__,
    {
        "calib.nets.smrnet": ["SMRnet"],
        "calib.nets.table": ["FACTORS", "NETS", "Net"],
        "calib.nets.transms": ["TranSMS"],
        "calib.nets.upsampled": ["SRCNN", "VDSR"],
    },
)
