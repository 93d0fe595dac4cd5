"""Files that lead out of themselves, claim what they do not have, or have names that do something to a terminal."""

import ast
import os
import pickle
import resource
import struct
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse

import mpisim
from mpisim import Grid, InputError
from mpisim.cli.main import main
from mpisim.io.contents import contents_of
from mpisim.io.heaps import require_heaps
from tests.mpisim.data.matrices import sample_matrix
from tests.mpisim.io.mdf.files import write_matrix
from tests.mpisim.io.test_contents import put_sparse

ROOT = Path(__file__).parents[3]
DATA = "/measurement/data"


def soft(file, secret):
    del file[DATA]
    file[DATA] = h5py.SoftLink("/elsewhere")


def itself(file, secret):
    del file[DATA]
    file[DATA] = h5py.SoftLink(DATA)


def external_link(file, secret):
    del file[DATA]
    file[DATA] = h5py.ExternalLink(secret.name, "/secret")


def external_storage(file, secret):
    shape = file[DATA].shape
    del file[DATA]
    file.create_dataset(DATA, shape, "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file, secret):
    shape = file[DATA].shape
    del file[DATA]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource(str(secret), "secret", shape, "f4")
    file.create_virtual_dataset(DATA, layout)


def group_of_itself(file, secret):
    file["/measurement/_again"] = file["/measurement"]
    file["/_all"] = file["/"]


def huge(file, secret):
    del file[DATA]
    file.create_dataset(DATA, (1, 2, 9, 2**40), "c8", chunks=(1, 1, 1, 2**20))


def huge_count(file, secret):
    file["/acquisition/receiver/numSamplingPoints"][()] = 2**62


WAYS = [soft, itself, external_link, external_storage, virtual, huge, huge_count]


@pytest.fixture
def hostile(tmp_path):
    def made(way):
        secret = tmp_path / "secret.h5"
        with h5py.File(secret, "w") as file:
            file["secret"] = np.full((1, 2, 9, 6), 31337, "f4")
        write_matrix(tmp_path / "a.mdf", (3, 2, 1))
        with h5py.File(tmp_path / "a.mdf", "r+") as file:
            way(file, secret)
        return tmp_path / "a.mdf"

    return made


@pytest.mark.parametrize("way", WAYS)
def test_what_leads_out_of_the_file_or_claims_too_much_is_refused(way, hostile, tmp_path, capsys):
    file = hostile(way)
    with pytest.raises(InputError, match=r"^Input .*; instead received .*\.$"):
        mpisim.read(file)
    before = sorted(os.listdir(tmp_path))
    assert main(["convert", str(file), str(tmp_path / "o.nc")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("mpisim: Input ") and err.count("\n") == 1
    assert sorted(os.listdir(tmp_path)) == before
    assert main(["validate", str(file)]) in (1, 2) and "31337" not in capsys.readouterr().out


def test_groups_that_contain_themselves_are_passed_over(hostile, capsys):
    file = hostile(group_of_itself)
    assert mpisim.read(file).sizes["x"] == 3
    assert main(["validate", str(file)]) == 1 and "that does not contain itself" in capsys.readouterr().out
    assert main(["info", str(file)]) == 0


@pytest.mark.parametrize("length", [0, 2**64 - 16])
@pytest.mark.parametrize("kind", ["h5", "mdf"])
def test_texts_through_which_the_library_never_gets_are_refused(kind, length, tmp_path):
    """A heap of texts whose free space has no length, or whose first text has one that overflows."""
    path = tmp_path / f"a.{kind}"
    write_matrix(path, (3, 2, 1))
    content = bytearray(path.read_bytes())
    place = content.index(b"GCOL\x01") + 16
    while length == 0 and struct.unpack_from("<H", content, place)[0] != 0:  # to the free space
        place += 16 + -(-struct.unpack_from("<Q", content, place + 8)[0] // 8) * 8
    struct.pack_into("<Q", content, place + 8, length)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"heap of texts at byte .* holds an object without length"):
        require_heaps(path)
    for read in (mpisim.read, contents_of):
        with pytest.raises(InputError, match="heap of texts"):
            read(path)


def test_heaps_within_each_other_are_refused(tmp_path):
    """Each of 20,000 objects holds the start of a heap, which contains all objects that follow: 2e8 in all."""
    path = tmp_path / "a.h5"
    path.write_bytes(struct.pack("<HHIQ5s3xQ", 1, 1, 0, 16, b"GCOL\x01", 2**40) * 20_000)
    with pytest.raises(InputError, match=r"heap of texts at byte .* overlaps others"):
        require_heaps(path)


@pytest.mark.parametrize("kind", ["nc", "h5", "mdf"])
def test_paths_without_end_are_refused(kind, tmp_path, capsys):
    """Thirty groups, each with three hard links to the next: 3^30 paths in a file of some kB."""
    path = tmp_path / f"a.{kind}"
    if kind == "mdf":
        write_matrix(path, (3, 2, 1))
    elif kind == "nc":
        mpisim.write(sample_matrix(), path)
    with h5py.File(path, "a") as file:
        group = file.create_group("/_deep")
        for _ in range(30):
            inner = group.create_group("a")
            group["b"] = group["c"] = inner
            group = inner
    with pytest.raises(InputError, match=r"more than 5,000 groups|another kind"):
        mpisim.read(path)
    assert main(["info", str(path)]) == 2 and "more than 5,000 groups" in capsys.readouterr().err
    assert main(["validate", str(path)]) == 2


@pytest.mark.parametrize("kind", ["nc", "h5"])
def test_netcdf_and_plain_hdf5_do_not_leave_the_file_either(kind, tmp_path, capsys):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["secret"] = np.full((24, 6), 31337.0)
    path = tmp_path / f"a.{kind}"
    mpisim.write(sample_matrix(), path) if kind == "nc" else path.touch()
    with h5py.File(path, "r+" if kind == "nc" else "w") as file:
        file["link"] = h5py.ExternalLink("secret.h5", "/secret")
        layout = h5py.VirtualLayout((24, 6), "f8")
        layout[...] = h5py.VirtualSource("secret.h5", "secret", (24, 6))
        file.create_virtual_dataset("view", layout)
    options = {} if kind == "nc" else {"variable": "view", "grid": Grid((3, 2), (0.003, 0.002))}
    with pytest.raises(InputError, match=r"a link|in other files"):
        mpisim.read(path, **options)
    if kind == "h5":
        with pytest.raises(InputError, match="a link to another file"):
            mpisim.read(path, variable="link", grid=options["grid"])
        capsys.readouterr()
        assert main(["info", str(path)]) == 0 and "data lie in other files" in capsys.readouterr().out


@pytest.mark.parametrize("part", ["data", "ir", "jc"])
def test_the_parts_of_a_sparse_array_do_not_leave_the_file(part, tmp_path, capsys):
    """A link to a pipe, at which whoever opens it waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    for name, link in (("pipe.mat", h5py.ExternalLink("pipe", "/a")), ("soft.mat", h5py.SoftLink("/other"))):
        with h5py.File(tmp_path / name, "w") as file:
            put_sparse(file, "S", scipy.sparse.csc_matrix(np.eye(6)))
            file["other"] = file[f"S/{part}"][()]
            del file[f"S/{part}"]
            file[f"S/{part}"] = link
        with pytest.raises(InputError, match=rf"/S/{part}, which is a link"):
            mpisim.read(tmp_path / name, variable="S", grid=Grid((3, 2), (0.003, 0.002)))
        assert main(["info", str(tmp_path / name)]) == 2 and capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb: 1", "\u202egnp", "a\x07", "x" * 5000])
def test_names_cannot_write_to_a_terminal(name, tmp_path, capsys):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file[name] = np.ones(3)
        file.attrs[name] = name
        file["link"] = h5py.SoftLink(name)
    assert main(["info", str(tmp_path / "a.h5")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() and len(line) < 1000 for line in lines) and len(lines) == 4
    assert main(["info", str(tmp_path / "a.h5"), "--json"]) == 0
    assert capsys.readouterr().out.strip().isprintable()
    with pytest.raises(InputError) as caught:
        mpisim.read(tmp_path / "a.h5", variable="missing")
    assert str(caught.value).isprintable() and len(str(caught.value)) < 2000
    write_matrix(tmp_path / "a.mdf", (3, 2, 1), {f"/measurement/{name}": np.ones(3)})
    for words in (["info"], ["validate"]):
        assert main([*words, str(tmp_path / "a.mdf")]) in (0, 1)
        text = capsys.readouterr().out
        assert all(line.isprintable() for line in text.splitlines())


def test_a_file_of_holes_takes_neither_memory_nor_time(tmp_path):
    """A terabyte that is claimed and allocated as a hole: the command ends in 20 s with 1 GB."""
    write_matrix(tmp_path / "a.mdf", (3, 2, 1))
    with h5py.File(tmp_path / "a.mdf", "r+") as file:
        del file[DATA]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = h5py.h5s.create_simple((1, 2, 9, 10**9))
        h5py.h5d.create(file.id, DATA.encode(), h5py.h5t.py_create(np.dtype("c8")), space, properties)
    words = [sys.executable, "-m", "mpisim", "convert", str(tmp_path / "a.mdf"), str(tmp_path / "o.nc")]
    limit = 10**9 + 4 * 10**9  # of addresses, most of which no library ever uses

    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    done = subprocess.run(words, capture_output=True, text=True, preexec_fn=limited)
    assert done.returncode == 2 and done.stderr.startswith("mpisim: Input ") and done.stderr.count("\n") == 1


class Trap:
    """Whatever unpickles it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.mark.parametrize("suffix", ["npy", "npz", "mat", "nc", "mdf", "pt", "pkl", "safetensors", "toml"])
def test_a_pickle_is_never_loaded(suffix, tmp_path):
    sprung, file = tmp_path / "sprung", tmp_path / f"a.{suffix}"
    objects = np.array([Trap(sprung)], dtype=object)
    if suffix == "npy":
        np.save(file, objects, allow_pickle=True)
    elif suffix == "npz":
        np.savez(file, S=objects)
    else:
        file.write_bytes(pickle.dumps(objects))
    for options in ({}, {"grid": Grid((3, 2), (0.003, 0.002))}):
        with pytest.raises(InputError):
            mpisim.read(file, **options)
    assert main(["info", str(file)]) in (0, 2)
    assert not sprung.exists()


def test_no_code_unpickles():
    """No module that is imported, and no argument, would load a pickle."""
    found = []
    for package in ("mpisim", "calib", "recon"):
        for file in (ROOT / package).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            known = any(word in text for word in ("pickle", "torch.load", "shelve", "dill", "marshal", "joblib"))
            for node in ast.walk(ast.parse(text)) if known else ():
                names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                bad = {n.partition(".")[0] for n in names} & {"pickle", "shelve", "dill", "cloudpickle", "marshal"}
                if isinstance(node, ast.Call):
                    called = ast.unparse(node.func)
                    given = {k.arg: ast.unparse(k.value) for k in node.keywords}
                    bad |= {called} if called in ("pd.read_pickle", "pandas.read_pickle", "joblib.load") else set()
                    if called == "torch.load" and given.get("weights_only") != "True":
                        bad.add(called)
                    if given.get("allow_pickle", "False") != "False":
                        bad.add(called)
                found += [f"{file.relative_to(ROOT)}:{node.lineno} {name}" for name in bad]
    assert not found
