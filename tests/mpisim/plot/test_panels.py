import numpy as np
import pytest

import mpisim
from mpisim.data.schema import build
from mpisim.plot import draw_images, save_figure

CENTERS = (np.arange(16) - 7.5) * 2e-3


def image(scale):
    values = scale * np.random.default_rng(0).random((16, 16))
    return build("image", values, ("y", "x"), {"y": CENTERS, "x": CENTERS}, units="1")


def test_images_are_drawn_on_one_scale_in_millimetres(tmp_path):
    figure = draw_images({"truth": image(1), "image": image(2)})
    first, second = (ax.images[0] for ax in figure.axes[:2])
    assert first.get_clim() == second.get_clim() == (0, 2 * np.random.default_rng(0).random((16, 16)).max())
    assert np.allclose(first.get_extent(), [-16, 16, -16, 16])
    assert first.origin == "lower" and figure.axes[0].get_xlabel() == "x in mm"
    save_figure(figure, tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("images", [{}, {"y": image(1).rename(image="values")}])
def test_what_is_no_image_is_refused(images):
    with pytest.raises(mpisim.InputError, match=r"Input .* must"):
        draw_images(images)
