"""`mpisim.plot.draw` and `mpisim plot`: matrices fine and coarse, measurements and images."""

import numpy as np
import pytest
import xarray as xr

import mpisim
from mpisim.data.downsampling import downsample
from mpisim.data.schema import build
from mpisim.plot import chosen_rows, draw, draw_matrix, row_panels
from mpisim.plot.rows import part_of, row_titles
from mpisim.plot.spectrum import spectrum_of
from tests.commands import run

CENTERS = (np.arange(8) - 3.5) * 2e-3


@pytest.fixture(scope="module")
def fine():
    scanner = mpisim.open_sided_ffl(0.9, angles=6, harmonics=(2, 3, 4, 5))
    return mpisim.simulate(scanner, mpisim.Particle(25e-9), mpisim.Grid((16, 16)))


@pytest.fixture(scope="module")
def y():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((2, 6, 4)) + 1j * rng.standard_normal((2, 6, 4))
    coords = {"angle": np.arange(6) * 0.5, "frequency": 1e4 * np.arange(2, 6)}
    return build("measurement", values, ("frame", "angle", "frequency"), coords, noise_std=0.5)


def bare(values, dims):
    return build("system_matrix", values, dims, {"y": CENTERS, "x": CENTERS}, stage="fine", origin="measured")


def images(figure):
    return [ax.images[0] for ax in figure.axes if ax.images]


def texts(figure):
    return "\n".join(t.get_text() for t in figure.findobj(lambda o: hasattr(o, "get_text")))


def test_spectrum_and_noise_of_a_coarse_matrix_are_those_of_its_values(fine):
    coarse = downsample(fine, 2, "box", 33.7, seed=0)
    values = coarse["system_matrix"].values
    spectrum = spectrum_of(coarse)
    assert np.allclose(spectrum.rms[0], np.sqrt(np.mean(np.abs(values) ** 2, axis=(0, 2, 3))))
    assert np.allclose(spectrum.noise[0], float(coarse["noise_std"]))
    assert np.allclose(spectrum.least[0], np.sqrt(np.mean(np.abs(values) ** 2, axis=(2, 3))).min(0))
    assert spectrum.x.tolist() == [2, 3, 4, 5]
    assert np.allclose(spectrum.snr[0], 20 * np.log10(spectrum.rms[0] / float(coarse["noise_std"])))
    assert "33.7 dB" in texts(draw_matrix(coarse))


def test_the_spectrum_of_tiny_voltages_does_not_underflow(fine):
    tiny = fine.assign(system_matrix=(fine["system_matrix"] * np.complex64(1e-21)).assign_attrs(units="V"))
    ratio = spectrum_of(tiny).rms / spectrum_of(fine).rms
    assert np.allclose(ratio, 1e-21, rtol=1e-3)
    assert part_of(tiny["system_matrix"].values[1, 0])[1] == part_of(fine["system_matrix"].values[1, 0])[1]


def test_rows_are_chosen_by_angle_and_harmonic(fine):
    chosen = chosen_rows(fine, [np.pi / 2], [3, 5])
    assert [index for _, index in chosen] == [3 * 4 + 1, 3 * 4 + 3]
    assert [title for title, _ in chosen] == ["harmonic 3, 90°", "harmonic 5, 90°"]
    figure = draw_matrix(fine, angles=[0.0, np.pi / 2], harmonics=[3, 5])
    shown = images(figure)
    assert len(shown) == 4
    row = part_of(fine["system_matrix"].values[3, 1])[0]
    assert np.allclose(shown[2].get_array(), row / np.abs(row).max())


def test_rows_without_coordinates_are_the_strongest_or_those_numbered():
    values = np.ones((6, 8, 8), complex) * np.arange(6)[:, None, None]
    data = bare(values, ("frequency", "y", "x"))
    assert [i for _, i in chosen_rows(data)] == [2, 3, 4, 5]
    assert chosen_rows(data, rows=[0, 1]) == [("row 0", 0), ("row 1", 1)]
    assert row_titles(bare(values[0], ("y", "x")), [0]) == ["row 0"]
    for wrong in ({"angles": [0.0]}, {"harmonics": [2]}, {"rows": [6]}):
        with pytest.raises(mpisim.InputError, match=r"Input (angles|harmonics|rows) must be"):
            draw(data, **wrong)


def test_parts_that_are_empty_by_symmetry_are_left_out(fine):
    chosen = chosen_rows(fine, harmonics=[2, 3])
    shown = [ax for ax in row_panels([("a", fine)], fine, chosen).axes if ax.images and ax.get_ylabel()]
    assert [ax.get_ylabel().split("\n")[1] for ax in shown] == ["60°, imag", "60°, real"]
    turned = fine.assign(system_matrix=fine["system_matrix"] * np.exp(0.5j))
    both = [ax for ax in row_panels([("a", turned)], turned, chosen).axes if ax.images and ax.get_ylabel()]
    assert len(both) == 4


def test_errors_are_magnitudes_over_the_peak_on_a_logarithmic_scale(fine):
    wrong = fine.assign(system_matrix=fine["system_matrix"] * 1.01)
    index = chosen_rows(fine, harmonics=[2])[0][1]
    figure = row_panels([("a", wrong)], fine, [("row", index)], errors=True)
    (shown,) = images(figure)[:1]
    wanted = np.abs(fine["system_matrix"].values.reshape(-1, 16, 16)[index])
    assert np.allclose(shown.get_array(), np.maximum(0.01 * wanted / wanted.max(), 1e-4), rtol=1e-3)
    assert shown.get_clim() == (1e-4, 1.0) and type(shown.norm).__name__ == "LogNorm"
    assert "1 %" in texts(figure)
    in_uv = wrong.assign(system_matrix=(1e6 * wrong["system_matrix"]).assign_attrs(units="uV"))
    again = images(row_panels([("a", in_uv)], fine, [("row", index)], errors=True))[0]
    assert np.allclose(again.get_array(), shown.get_array(), rtol=1e-3)


def test_measurements_are_drawn_with_their_noise(y):
    figure = draw(y, frame=1)
    mesh = figure.axes[0].collections[0]
    assert np.allclose(mesh.get_array(), np.abs(y["measurement"].values[1]))
    lines = {line.get_label(): line.get_ydata() for line in figure.axes[1].lines}
    assert np.allclose(lines["noise of one value"], 0.5)
    assert np.allclose(lines["signal, RMS over angles"], np.sqrt(np.mean(np.abs(y["measurement"].values[1]) ** 2, 0)))
    with pytest.raises(mpisim.InputError, match="Input frame must be a number from 0 to 1"):
        draw(y, frame=2)


def test_rows_of_any_receive_channel_are_drawn(fine):
    values = fine["system_matrix"]
    coils = xr.concat([values, 0 * values, 3 * values], "receive").transpose("angle", "receive", ...)
    several = fine.assign(system_matrix=coils.assign_attrs(values.attrs))
    alone, third = draw(fine), draw(several, channel=2)
    assert np.allclose(images(third)[0].get_array(), images(alone)[0].get_array())
    assert "channel 2" in texts(third)
    (_, row), *_ = chosen_rows(several, channel=1)
    assert not several["system_matrix"].values.reshape(-1, 16, 16)[row].any()
    with pytest.raises(mpisim.InputError, match="Input channel must be a number from 0 to 2; instead received 3"):
        draw(several, channel=3)
    with pytest.raises(mpisim.InputError, match="Input channel must be a number from 0 to 0; instead received 1"):
        draw(fine, channel=1)


def test_frames_and_slices_of_images():
    coords = {"y": CENTERS, "x": CENTERS, "z": np.arange(3) * 1e-3}
    volume = build("image", np.random.default_rng(0).random((2, 3, 8, 8)), ("frame", "z", "y", "x"), coords, units="1")
    assert len(images(draw(volume))) == 6
    one = images(draw(volume, frame=1, plane=2))
    assert len(one) == 1 and np.allclose(one[0].get_array(), volume["image"].values[1, 2])
    assert np.allclose(one[0].get_extent(), [-8, 8, -8, 8])
    with pytest.raises(mpisim.InputError, match=r"Input options must be among frame, plane"):
        draw(volume, harmonics=[2])


def test_the_command_draws_every_kind(tmp_path, capsys, fine, y):
    mpisim.write(fine, tmp_path / "sm.nc")
    mpisim.write(downsample(fine, 2, "box", 30.0, seed=0), tmp_path / "coarse.nc")
    mpisim.write(y, tmp_path / "y.nc")
    for name, *words in (("sm", "--angle", "0,90", "--harmonic", "2:3"), ("coarse",), ("y", "--frame", "1")):
        code, out, err = run(capsys, "plot", tmp_path / f"{name}.nc", *words)
        assert code == 0 and err == "" and str(tmp_path / f"{name}.png") in out
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--harmonic", "11"], "Input --harmonic must be among those of the matrix, 2, 3, 4, 5; instead received 11"),
        (["--angle", "300"], "Input --angle must be among those of the matrix"),
        (["--frame", "0"], "--channel, --reference for a file of the kind system_matrix; instead received --frame"),
        (["--out", "a.jpg"], "Input --out must be a .png file"),
        (["--row", "24"], "Input --row must be numbers from 0 to 23"),
    ],
)
def test_bad_choices_get_one_sentence(tmp_path, capsys, fine, words, message):
    mpisim.write(fine, tmp_path / "sm.nc")
    code, out, err = run(capsys, "plot", tmp_path / "sm.nc", *words)
    assert (code, out) == (2, "") and message in err and err.count("\n") == 1
    assert [f.name for f in tmp_path.iterdir()] == ["sm.nc"]


def test_a_file_of_another_kind_gets_the_sentence(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no matrix")
    code, _, err = run(capsys, "plot", tmp_path / "notes.txt")
    assert code == 2 and err.startswith("mpisim: Input ") and err.count("\n") == 1


def test_errors_and_stated_deviations_are_drawn_on_one_scale(fine):
    """As many panels of each as of rows; the deviation of a complex value is that of a part times the root of two."""
    from mpisim.data.schema import STD

    variable = fine["system_matrix"]
    std = 0.01 * np.abs(variable.values)
    found = fine.assign({"system_matrix": variable * 1.02, STD: (variable.dims, std, {"units": "V"})})
    found["system_matrix"].attrs["units"] = "V"
    count = len(images(draw_matrix(fine)))
    assert len(images(draw_matrix(found))) == 2 * count
    drawn = images(draw_matrix(found, rows=[5], reference=fine))
    assert len(drawn) == 3
    row = np.abs(found["system_matrix"].values.reshape(-1, 16, 16)[5])
    assert np.allclose(drawn[1].get_array(), np.maximum(row / row.max() * 0.02 / 1.02, 1e-4), rtol=1e-3)
    assert np.allclose(drawn[2].get_array(), np.maximum(np.sqrt(2) * 0.01 / 1.02 * row / row.max(), 1e-4), rtol=1e-4)
    assert drawn[1].norm.vmin == drawn[2].norm.vmin == 1e-4 and drawn[1].norm.vmax == drawn[2].norm.vmax == 1
    side_by_side = row_panels([("good", fine), ("doubtful", found)], fine, chosen_rows(fine, rows=[5]), errors=True)
    assert len(images(side_by_side)) == 3 and "stated by\ndoubtful" in texts(side_by_side)


def test_a_reference_of_other_voxels_or_rows_is_refused(fine):
    with pytest.raises(mpisim.InputError, match="Input reference must be of the shape"):
        draw_matrix(fine, reference=fine.isel(x=slice(0, 8)))
    with pytest.raises(mpisim.InputError, match="Input reference must be at the matrix' voxel centres along x"):
        draw_matrix(fine, reference=fine.assign_coords(x=fine["x"] + 1e-3))
    with pytest.raises(mpisim.InputError, match="angle of reference"):
        draw_matrix(fine, reference=fine.assign_coords(angle=fine["angle"] + 0.1))


def test_plot_takes_a_reference(fine, tmp_path, capsys):
    mpisim.write(fine, tmp_path / "a.nc")
    code, _, err = run(capsys, "plot", tmp_path / "a.nc", "--reference", tmp_path / "a.nc", "--row", "3")
    assert code == 0, err
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
