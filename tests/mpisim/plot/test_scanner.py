"""Pictures of scanners show what a scanner has: numbers in the panels, titles in words."""

from dataclasses import replace

import numpy as np
import pytest

import mpisim
from mpisim.data.grid import Grid
from mpisim.plot.scanner import draw_scanner
from mpisim.plot.scanner_curves import curves_of

IDEAL = mpisim.Setup(mpisim.open_sided_ffl(0.5, angles=4), mpisim.Particle(25e-9), Grid((8, 16), (0.02, 0.04)))


def imperfect(**switches):
    return replace(IDEAL, scanner=mpisim.ImperfectFFL.of(IDEAL.scanner, **switches))


def images(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.images]


def words(figure):
    return figure._suptitle.get_text()


def test_an_ideal_scanner_shows_its_selection_field_and_says_the_rest():
    figure = draw_scanner(IDEAL)
    shown = images(figure)
    assert len(shown) == 4  # 0, 45, 90 and 135 degrees
    x, y = 9.5 * np.array([-1, 1]), 19.5 * np.array([-1, 1])
    for values, angle in zip(shown, np.radians([0, 45, 90, 135]), strict=True):
        assert values.shape == (40, 20)
        corners = 0.5 * (x[None, :] * np.cos(angle) + y[:, None] * np.sin(angle))  # mT = T/m mm
        assert np.allclose(values[np.ix_([0, -1], [0, -1])], corners)
    assert "homogeneous drive field along z; homogeneous coil of (0, 0, 800) 1/m" in words(figure)
    assert [curve.title for curve in curves_of(IDEAL)] == ["sizes of the cores"]


def test_images_of_one_kind_share_a_colour_scale():
    part = mpisim.SolidHarmonics(((2, 0, 0.05), (4, 1, 0.05)), turning=True)
    figure = draw_scanner(imperfect(selection=(part,), plane=mpisim.LinePlane(in_plane_field=(1e-4, 0.0))))
    scales = [ax.images[0].norm for ax in figure.axes if ax.images]
    assert len(scales) == 12
    groups = [scales[:4], scales[4:8], scales[8:]]
    assert all(len({(norm.vmin, norm.vmax) for norm in group}) == 1 for group in groups)


def test_deviations_are_those_of_the_scanner():
    """A homogeneous field of 1 % of G R = 80 uT along z, and of the drive and the coil 2 % and 3 % along x."""
    scanner = imperfect(
        selection=(mpisim.Uniform((0.0, 0.0, 0.01)),),
        drive=(mpisim.Uniform((0.02, 0.0, 0.0)),),
        coils=(mpisim.Coil((0, 0, 700.0), (mpisim.SolidHarmonics(((2, 1, 0.03),)),)),),
    )
    figure = draw_scanner(scanner)
    shown = images(figure)
    assert len(shown) == 8 + 3 + 3
    assert np.allclose(shown[4:8], 0.08)
    assert np.allclose(shown[8], 2) and np.allclose(shown[9:11], 0)
    assert np.abs(shown[13]).max() == pytest.approx(100 * 0.03 * 9.5 / 16)
    labels = " ".join(ax.get_xlabel() for ax in figure.axes)
    assert "centre 700 1/m" in labels


def test_small_plots_for_what_is_there():
    angle_errors = mpisim.AngleErrors(offset_spread=3e-4, phase_drift=0.1, seed=2)
    winding = mpisim.WoundCoil((mpisim.Loop((0, 0, 0.03), (0, 0, 1), 0.03),))
    setup = imperfect(line=angle_errors, gain=mpisim.ReceiveGain(((2, 0.5, 0.5),)), coils=(winding,))
    setup = replace(setup, particle=mpisim.Debye(mpisim.LogNormal(20e-9, 0.1), 1e-6), sample=mpisim.Sample(jitter=5e-5))
    curves = {curve.title: curve for curve in curves_of(setup)}
    gains = ["gain of the receive chain", "phase of the receive chain"]
    views = ["windings, seen along z", "windings, seen along y"]
    assert list(curves) == ["offset of the line", "phase of each angle", *gains, "sizes of the cores", *views]
    figure = draw_scanner(setup)
    drawn = {ax.get_title(): ax for ax in figure.axes if ax.get_title()}
    offset = drawn["offset of the line"].lines[0].get_ydata()
    assert np.allclose(offset, 1e3 * angle_errors.values(4).offset)
    assert drawn["gain of the receive chain"].lines[0].get_ydata()[0] == pytest.approx(np.sqrt(0.5))
    x, density = drawn["sizes of the cores"].lines[0].get_data()
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-3) and x[density.argmax()] == pytest.approx(
        19.8, abs=0.2
    )
    wire = drawn["windings, seen along z"].lines[0]
    assert np.allclose(np.hypot(wire.get_xdata(), wire.get_ydata()), 30)
    assert "relaxation in 1 µs" in words(figure) and "jitter of 0.05 mm" in words(figure)


def test_shares_of_populations_are_drawn():
    mixture = mpisim.Mixture((mpisim.LogNormal(20e-9, 0.1), mpisim.Particle(30e-9)), (0.7, 0.3))
    figure = draw_scanner(replace(IDEAL, particle=mixture))
    ax = next(ax for ax in figure.axes if ax.get_title() == "sizes of the cores")
    x, density = ax.lines[0].get_data()
    assert np.trapezoid(density, x) == pytest.approx(0.7, abs=1e-3)
    assert [text.get_text() for text in ax.texts] == ["30%"]


def test_what_is_no_setup_or_cannot_be_drawn_is_refused():
    with pytest.raises(mpisim.InputError, match="setup must be a mpisim"):
        draw_scanner(IDEAL.scanner)
    inside = imperfect(coils=(mpisim.WoundCoil((mpisim.Loop((0, 0, 0), (0, 0, 1), 0.005),)),))
    with pytest.raises(mpisim.InputError, match="field of view"):
        draw_scanner(inside)


def test_a_field_free_point_is_drawn_by_its_path():
    """In one plane for two drive fields, in three for three; the path has the amplitudes A / G."""
    from mpisim.plot.lissajous import path_of

    for name, planes in (("lissajous-2d", 1), ("lissajous-3d", 3)):
        setup = mpisim.read_scanner(name)
        figure = mpisim.plot.draw_scanner(setup)
        titles = [ax.get_title() for ax in figure.axes]
        assert titles.count("path (white), field of view (red)") == planes
        reach = np.abs(path_of(setup.scanner, 200_000)).max(axis=0)
        assert np.allclose(
            reach[: len(setup.scanner.dividers)], [12e-3, 12e-3, 6e-3][: len(setup.scanner.dividers)], rtol=1e-3
        )
