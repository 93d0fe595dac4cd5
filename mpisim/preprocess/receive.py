r"""What the receive chain did to the signal, divided out of matrix and measurement alike.

The received spectrum is the one that the coils pick up times the transfer function :math:`T_{c,k}`. The induction
factor of a channel relates the voltage of its coil to a magnetic moment. A row whose
transfer function is zero or not known becomes zero. Who divides only one of two files gets wrong concentrations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import xarray as xr

from mpisim.errors import require
from mpisim.preprocess.rows import scaled
from mpisim.preprocess.step import Step, stated, with_state

__all__ = ["DivideInduction", "DivideTransfer"]


@dataclass(frozen=True)
class DivideTransfer(Step):
    """Divide rows by the transfer function of the file; a file that was corrected before stays as it is."""

    noise: ClassVar[str] = "divided by the magnitude of the transfer function"

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether the transfer function is still in the data."""
        return stated(data).get("transfer_function") not in ("divided out", "corrected before")

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the corrected dataset; raise `InputError` where it holds no transfer function."""
        if not self.concerns(data):
            return data
        must = "with the variable transfer_function (an MDF file that has one, read with raw=True)"
        require("transfer_function" in data, "data", must, "a dataset without it")
        found = scaled(data, data["transfer_function"].variable, divide=True)
        return with_state(found, transfer_function="divided out")


@dataclass(frozen=True)
class DivideInduction(Step):
    """Divide rows by the induction factor of their channel, once."""

    noise: ClassVar[str] = "divided by the magnitude of the induction factor"

    def concerns(self, data: xr.Dataset) -> bool:
        """Whether the induction factor is still in the data."""
        return stated(data).get("induction_factor") != "divided out"

    def applied(self, data: xr.Dataset) -> xr.Dataset:
        """Return the corrected dataset; raise `InputError` where it holds no induction factor."""
        if not self.concerns(data):
            return data
        must = "with the coordinate induction_factor (an MDF file that has one, read with raw=True)"
        require("induction_factor" in data.coords, "data", must, "a dataset without it")
        found = scaled(data, data["induction_factor"].variable, divide=True)
        return with_state(found, induction_factor="divided out")
