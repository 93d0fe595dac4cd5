"""Sound files of weights, priors and phantoms, which other packages read; torch is loaded for them."""

from pathlib import Path

import matplotlib.image
import numpy as np
import torch

import mpisim
import recon
from calib.learned.checkpoint import load_model, load_tensors, save_model, save_tensors
from calib.learned.config import ModelConfig
from calib.learned.model import RecoveryModel
from calib.methods.linear_bayes.making import family_of
from calib.methods.linear_bayes.prior_file import read_prior, write_prior
from tests.fuzz.specimens import Specimen
from tests.small import NET

__all__ = ["other_specimens"]


def _tensors(path: Path) -> None:
    save_tensors(path, {"a": torch.ones(2, 3), "b": torch.arange(4)}, "weights", {"steps": [1, 2]})


def _model(path: Path) -> None:
    save_model(path, RecoveryModel(ModelConfig(method=NET, factor=2)), {})


def _prior(path: Path) -> None:
    grid = mpisim.Grid((4, 4), (0.008, 0.008))
    setups = [mpisim.open_sided_ffl(sf_gradient=g, fov=0.008, angles=4, harmonics=(2, 3)) for g in (0.5, 0.6, 0.7, 0.8)]
    matrices = [mpisim.simulate(s, mpisim.Particle(diameter=25e-9), grid) for s in setups]
    write_prior(family_of(matrices), path)


def _phantom(path: str) -> object:
    return recon.phantoms.from_image(path, 0.01)


def _picture(path: Path) -> None:
    matplotlib.image.imsave(path, np.random.default_rng(0).random((6, 5)))


def other_specimens() -> tuple[Specimen, ...]:
    """Return the specimens."""
    return (
        Specimen("a.safetensors", _tensors, (lambda path: load_tensors(path, "weights"),)),
        Specimen("model.safetensors", _model, (load_model,)),
        Specimen("prior.npz", _prior, (read_prior,)),
        Specimen("phantom.png", _picture, (_phantom,)),
        Specimen("phantom.npy", lambda p: np.save(p, np.random.default_rng(0).random((6, 5))), (_phantom,)),
    )
