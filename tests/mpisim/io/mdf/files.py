"""Small MDF files, written with h5py straight from the specification and not through our writer."""

import h5py
import numpy as np
import pytest

import mpisim
from mpisim import InputError

V, BANDWIDTH = 16, 8e5
K = V // 2 + 1
FREQUENCIES = 2 * BANDWIDTH / V * np.arange(K)

TEXT = "n.a."
UUID = "3170fdf8-f8e1-4cbf-ac73-41520b41f6ee"
TIME = "2024-01-02T03:04:05.678"
MATRIX = {"isFastFrameAxis": 1, "isFourierTransformed": 1}


def metadata(frames=1, periods=1, channels=2):
    """Every mandatory field of a file, and the optional ones of the sequence, by path."""
    return {
        "/time": TIME,
        "/uuid": UUID,
        "/version": "2.1.0",
        **{f"/study/{n}": TEXT for n in ("description", "name")},
        "/study/number": np.int64(1),
        "/study/uuid": UUID,
        **{f"/experiment/{n}": TEXT for n in ("description", "name", "subject")},
        "/experiment/number": np.int64(2),
        "/experiment/uuid": UUID,
        "/experiment/isSimulation": np.int8(0),
        **{f"/tracer/{n}": [TEXT] for n in ("batch", "solute", "vendor")},
        "/tracer/name": ["Perimag"],
        "/tracer/concentration": np.array([0.1]),
        "/tracer/volume": np.array([1e-6]),
        **{f"/scanner/{n}": TEXT for n in ("facility", "manufacturer", "name", "operator")},
        "/scanner/topology": "FFP",
        "/acquisition/gradient": np.broadcast_to(np.diag([-1.0, -1.0, 2.0]), (periods, 1, 3, 3)).copy(),
        "/acquisition/numAverages": np.int64(1),
        "/acquisition/numFrames": np.int64(frames),
        "/acquisition/numPeriodsPerFrame": np.int64(periods),
        "/acquisition/offsetField": np.zeros((periods, 1, 3)),
        "/acquisition/startTime": TIME,
        "/acquisition/drivefield/baseFrequency": 2.5e6,
        "/acquisition/drivefield/cycle": 102 * 96 / 6 / 2.5e6,
        "/acquisition/drivefield/divider": np.array([[102], [96]]),
        "/acquisition/drivefield/numChannels": np.int64(2),
        "/acquisition/drivefield/phase": np.zeros((periods, 2, 1)),
        "/acquisition/drivefield/strength": np.full((periods, 2, 1), 0.012),
        "/acquisition/drivefield/waveform": [["sine"], ["sine"]],
        "/acquisition/receiver/bandwidth": BANDWIDTH,
        "/acquisition/receiver/numChannels": np.int64(channels),
        "/acquisition/receiver/numSamplingPoints": np.int64(V),
        "/acquisition/receiver/unit": "V",
    }


FLAGS = (
    *("isBackgroundCorrected", "isFastFrameAxis", "isFourierTransformed", "isFramePermutation"),
    *("isFrequencySelection", "isSparsityTransformed", "isSpectralLeakageCorrected", "isTransferFunctionCorrected"),
)


def measured(data, background=None, **flags):
    """Fields of `/measurement`: the data, the mask, and the flags, which are 0 unless they are given."""
    frames = data.shape[3] if flags.get("isFastFrameAxis") else data.shape[0]
    mask = np.zeros(frames) if background is None else background
    return {
        "/measurement/data": data,
        "/measurement/isBackgroundFrame": np.asarray(mask, dtype=np.int8),
        **{f"/measurement/{name}": np.int8(flags.get(name, 0)) for name in FLAGS},
    }


def calibrated(size, fov=(0.03, 0.02, 0.01), **more):
    """Fields of `/calibration`."""
    return {
        "/calibration/method": "robot",
        "/calibration/size": np.array(size),
        "/calibration/fieldOfView": np.array(fov, dtype=float),
        "/calibration/fieldOfViewCenter": np.zeros(3),
        **{f"/calibration/{name}": value for name, value in more.items()},
    }


def write(path, *parts, without=()):
    """Write fields by path; a later part replaces values of an earlier one, and None leaves a field out."""
    fields = {}
    for part in parts:
        fields.update(part)
    with h5py.File(path, "w") as file:
        for name, value in fields.items():
            if value is None or name in without:
                continue
            if isinstance(value, str | list) and np.asarray(value).dtype.kind == "U":
                value = np.asarray(value, dtype=object)
                file.create_dataset(name, data=value if value.shape else str(value), dtype=h5py.string_dtype())
            else:
                file[name] = value
    return path


def random_complex(rng, *shape, dtype=np.complex64):
    """Normal complex numbers."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(dtype)


def write_matrix(path, size=(3, 2, 1), *more, channels=2, dtype=np.complex64, seed=0):
    """Write a plain calibration without background; return spectra (channel, frequency, z, y, x) as they are stored."""
    rng = np.random.default_rng(seed)
    count = int(np.prod(size))
    data = random_complex(rng, 1, channels, K, count, dtype=dtype)
    flags = {"isFastFrameAxis": 1, "isFourierTransformed": 1}
    write(path, metadata(count, 1, channels), measured(data, **flags), calibrated(size), *more)
    return data[0].reshape(channels, K, *size[::-1])


def refused(path, reason, **options):
    with pytest.raises(InputError, match=reason) as caught:
        mpisim.read(path, **options)
    assert str(caught.value).startswith("Input ") and "\n" not in str(caught.value)


def assert_same(grid, other):
    assert grid.shape == other.shape
    np.testing.assert_allclose((*grid.fov, *grid.center), (*other.fov, *other.center), atol=1e-12)


def drifting(rng, mask, order, shape):
    """Frames (frame, *shape) in stored order: noise-free foreground plus a background that drifts linearly."""
    foreground = random_complex(rng, mask.size, *shape, dtype=complex)
    foreground[mask == 1] = 0
    start, slope = random_complex(rng, *shape, dtype=complex), random_complex(rng, *shape, dtype=complex)
    return foreground, foreground + start * 50 + slope * 3 * order.reshape(-1, *(1,) * len(shape))
