import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim import InputError
from mpisim.data.schema import build, validate
from mpisim.data.units import conversion, in_unit, in_unit_of, numerator, stated_unit, unit_of
from mpisim.errors import DataWarning
from tests.mpisim.data.matrices import sample_matrix

FACTORS = {
    ("V", "V"): 1.0,
    ("mV", "V"): 1e-3,
    ("V", "mV"): 1e3,
    ("uV", "V"): 1e-6,
    ("\u00b5V", "\u03bcV"): 1.0,  # micro sign, Greek letter
    ("\u03bcV", "nV"): 1e3,
    ("nV", "V"): 1e-9,
    ("mA", "A"): 1e-3,
    ("mT", "T"): 1e-3,
    ("T", "mT"): 1e3,
    ("[mV]", "V"): 1e-3,
    ("microvolt", "V"): 1e-6,
    ("Volts", "mV"): 1e3,
    ("mV s", "V s"): 1e-3,
    ("V/m", "mV/m"): 1e3,
    ("counts", "counts"): 1.0,
    ("mm", "m"): 1e-3,
    ("cm", "mm"): 10.0,
    ("metres", "m"): 1.0,
    ("kHz", "Hz"): 1e3,
    ("mrad", "rad"): 1e-3,
    ("radians", "rad"): 1.0,
}
OTHERS = [("V", "A"), ("mT", "mV"), ("V", "V s"), ("counts", "V"), ("V^2", "mV^2"), ("kg", "g"), ("m", "rad")]


def in_units(unit, factor=1.0, **options):
    data = sample_matrix(**options)
    return data.assign(
        {
            n: (data[n].dims, data[n].values * factor, {"units": unit})
            for n in ("system_matrix", "noise_std")
            if n in data
        }
    )


@pytest.mark.parametrize(("pair", "factor"), FACTORS.items())
def test_multiples_are_converted(pair, factor):
    assert conversion(*pair) == pytest.approx(factor, rel=1e-15)
    assert conversion(*reversed(pair)) == pytest.approx(1 / factor, rel=1e-15)


@pytest.mark.parametrize("pair", OTHERS)
def test_other_units_are_not(pair):
    assert conversion(*pair) is None
    with pytest.raises(
        InputError, match=r"^Input unit of y must be .*, the unit of the matrix, or a multiple of it; ins"
    ):
        in_unit(in_units(pair[0]), pair[1], "y", "the matrix")


def test_values_and_noise_are_converted_and_say_so():
    volts = in_units("V", noise_std=0.25)
    micro = volts.assign(
        {n: (volts[n].dims, volts[n].values * 1e6, {"units": "uV"}) for n in ("system_matrix", "noise_std")}
    )
    back = in_unit_of(micro, volts, "found")
    assert np.allclose(back["system_matrix"], volts["system_matrix"], rtol=1e-14, atol=0)
    assert float(back["noise_std"]) == pytest.approx(0.25) and unit_of(back) == back["noise_std"].attrs["units"] == "V"
    assert unit_of(micro) == "uV"  # the argument is as it was
    assert back.attrs == volts.attrs


def test_noise_keeps_a_unit_of_its_own():
    data = in_units("uV", noise_std=2.0)
    data["noise_std"].attrs["units"] = "mV"
    assert float(in_unit(data, "V", "y")["noise_std"]) == pytest.approx(2e-3)
    del data["noise_std"].attrs["units"]
    assert float(in_unit(data, "V", "y")["noise_std"]) == pytest.approx(2e-6)


@pytest.mark.parametrize("unknown", ["1", "", " ", "unknown"])
def test_an_unknown_unit_is_presumed_and_said(unknown):
    data, volts = in_units(unknown), in_units("mV")
    with pytest.warns(
        DataWarning, match="^The unit of y is not known; its values are taken to be in mV, the unit of re"
    ):
        assert in_unit_of(data, volts, "y") is data
    with pytest.warns(
        DataWarning, match="^The unit of reference is not known; its values are taken to be in mV, the uni"
    ):
        assert in_unit_of(volts, data, "y") is volts
    assert in_unit_of(data, in_units("1"), "y") is data  # two unknown ones: as ever


@pytest.mark.parametrize(
    ("unit", "parts"),
    [
        ("V", ("V", "1")),
        ("1", ("1", "1")),
        ("uV/(mmol/l)", ("uV", "mmol/l")),
        ("V / m", ("V", "m")),
        ("V/mmol/l", ("V", "mmol/l")),
        ("V/", ("V/", "1")),
    ],
)
def test_what_a_unit_is_per(unit, parts):
    assert numerator(unit) == parts


def test_errors_do_not_depend_on_units():
    volts = in_units("V")
    micro = volts.assign(
        system_matrix=(volts["system_matrix"].dims, volts["system_matrix"].values * 1e6, {"units": "uV"})
    )
    assert mpisim.nrmse(micro, volts) < 1e-15 and mpisim.nrmse(volts, micro) < 1e-15
    with pytest.raises(InputError, match="unit of found"):
        mpisim.nrmse(in_units("A"), volts)


def elsewhere(data):
    """The same matrix with coordinates in other units, as files of others have them."""
    return data.assign_coords(
        x=("x", data["x"].values * 1e3, {"units": "mm"}),
        y=("y", data["y"].values * 1e2, {"units": "cm"}),
        angle=("angle", np.degrees(data["angle"].values), {"units": "degrees"}),
        frequency=("frequency", data["frequency"].values / 1e3, {"units": "kHz"}),
    )


def test_coordinates_of_files_are_converted(tmp_path):
    data = mpisim.simulate(mpisim.open_sided_ffl(0.9, angles=3), mpisim.Particle(24e-9), mpisim.Grid((4, 4)))
    mpisim.write(data, tmp_path / "sm.nc")
    xr.open_dataset(tmp_path / "sm.nc", decode_cf=False).pipe(elsewhere).to_netcdf(tmp_path / "mm.nc")
    back = mpisim.read(tmp_path / "mm.nc")
    for name, unit in (("x", "m"), ("y", "m"), ("angle", "rad"), ("frequency", "Hz")):
        assert np.allclose(back[name], data[name], rtol=1e-12, atol=1e-15) and back[name].attrs["units"] == unit
    assert mpisim.nrmse(back, data) == 0
    bad = xr.open_dataset(tmp_path / "sm.nc", decode_cf=False)
    bad["x"].attrs["units"] = "inch"
    bad.to_netcdf(tmp_path / "inch.nc")
    with pytest.raises(
        InputError, match=r"Input unit of the coordinate x of .*inch\.nc must be m or a multiple of it; "
    ):
        mpisim.read(tmp_path / "inch.nc")


@pytest.mark.parametrize("unit", ["V", "uV", "\u00b5V", "microvolts", "mA", "A m^2", "uV/(mmol/l)", "mV s", "T/s"])
def test_a_unit_of_values_can_be_stated(unit):
    assert stated_unit("units", f" {unit}") == unit


@pytest.mark.parametrize("unit", ["mm", "kHz", "rad", "V2", "volta", "1", "", None, 1])
def test_no_other_unit_can_be_stated(unit):
    with pytest.raises(InputError, match="Input units must be a unit of voltage, current or field"):
        stated_unit("units", unit)


def test_a_dataset_in_other_units_is_refused_or_converted_as_it_is_built():
    data = sample_matrix()
    with pytest.raises(InputError, match="Input unit of the coordinate x of y must be m; instead received mm"):
        validate(data.assign_coords(x=("x", data["x"].values * 1e3, {"units": "mm"})), "y")
    coords = {"y": data["y"], "x": xr.Variable("x", [1.0, 2.0, 3.0, 4.0, 5.0], {"units": "mm"})}
    dims = ("frequency", "y", "x")
    built = build("system_matrix", np.ones((2, 4, 5), complex), dims, coords, stage="fine", origin="measured")
    assert built["x"].values == pytest.approx([1e-3, 2e-3, 3e-3, 4e-3, 5e-3]) and built["x"].attrs["units"] == "m"
