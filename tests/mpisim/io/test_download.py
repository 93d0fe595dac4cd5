"""Files over HTTP, from a local server that drops connections, ignores `Range`, changes files and damages them."""

import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from mpisim import InputError
from mpisim.io.download import Resuming
from mpisim.io.public_data import DataSet, data_folder, fetch

CONTENT = np.random.default_rng(0).bytes(3_000_000)
QUICK = Resuming(attempts=3, pause=0.001, timeout=5)


class Server:
    """A server of files by path, with faults that tests switch on; it notes what it was asked for."""

    def __init__(self):
        self.files = {}
        self.tag = '"1"'
        self.drop_after = []  # bytes of a body after which a connection is closed, by request; then none is
        self.states = []  # states that are answered instead, by request
        self.ranges = True
        self.asked = []
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self.http.server_port}/"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self):
        if self.thread.is_alive():
            self.http.shutdown()
            self.http.server_close()
            self.thread.join()

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *words):
                """Keep the standard error for what is tested."""

            def do_GET(self):
                server.asked.append(self.headers.get("Range"))
                content = server.files.get(self.path.lstrip("/"))
                if server.states or content is None:
                    self.send_error(server.states.pop(0) if server.states else 404)
                    return
                found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range") or "")
                same = self.headers.get("If-Range") in (None, server.tag)
                start = int(found[1]) if found and same and server.ranges else 0
                if start >= len(content):
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(content)}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                if server.tag:
                    self.send_header("ETag", server.tag)
                self.end_headers()
                most = server.drop_after.pop(0) if server.drop_after else len(content)
                self.wfile.write(content[start : start + most])

        return Handler


@pytest.fixture
def server():
    found = Server()
    found.files["a.mdf"] = CONTENT
    yield found
    found.close()


def load(server, folder, **more):
    (Resuming(**{**vars(QUICK), **more}))(server.url + "a.mdf", str(folder / "a.mdf"))
    return (folder / "a.mdf").read_bytes()


def test_a_dropped_connection_is_continued_where_it_ended(server, tmp_path):
    server.drop_after = [1_000_000, 0, 700_000]
    assert load(server, tmp_path) == CONTENT
    assert server.asked == [None, "bytes=1000000-", "bytes=1000000-", "bytes=1700000-"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mdf"]


def test_a_later_call_goes_on(server, tmp_path):
    server.drop_after = [1_000_000, 0, 0, 0]
    with pytest.raises(InputError, match="ended after 1,000,000 of 3,000,000 bytes"):
        load(server, tmp_path)
    assert (tmp_path / "a.mdf.part").stat().st_size == 1_000_000
    assert load(server, tmp_path) == CONTENT and server.asked[-1] == "bytes=1000000-"


@pytest.mark.parametrize("fault", ["range is ignored", "another file", "no validator", "another length"])
def test_a_part_of_another_file_is_replaced(fault, server, tmp_path):
    server.tag = None if fault == "no validator" else server.tag
    server.drop_after = [1_000_000, 0, 0, 0]
    with pytest.raises(InputError):
        load(server, tmp_path)
    server.ranges = fault != "range is ignored"
    if fault == "another file":
        server.tag, server.files["a.mdf"] = '"2"', CONTENT[::-1]
    if fault == "another length":
        server.files["a.mdf"] = CONTENT[:2_000_000]
    assert load(server, tmp_path) == server.files["a.mdf"]


def whole_part(server, folder, content=CONTENT):
    """What a process leaves that ends between the last byte and the move into place."""
    server.drop_after = [1_000_000, 0, 0, 0]
    with pytest.raises(InputError):
        load(server, folder)
    (folder / "a.mdf.part").write_bytes(content)
    server.asked.clear()


def test_a_part_that_is_the_whole_file_is_taken(server, tmp_path):
    whole_part(server, tmp_path)
    assert load(server, tmp_path) == CONTENT and server.asked == ["bytes=3000000-"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mdf"]


def test_a_part_of_the_length_of_another_file_is_replaced(server, tmp_path):
    whole_part(server, tmp_path)
    server.tag, server.files["a.mdf"] = '"2"', CONTENT[::-1]
    assert load(server, tmp_path) == CONTENT[::-1]
    (tmp_path / "a.mdf").unlink()
    whole_part(server, tmp_path)
    stated = tmp_path / "a.mdf.part.json"
    stated.write_text(json.dumps({**json.loads(stated.read_text()), "total": 5}))
    assert load(server, tmp_path) == CONTENT[::-1] and server.asked == ["bytes=3000000-", None]


def test_a_whole_part_with_another_checksum_is_refused(server, tmp_path):
    """It is gone then, so that the next call loads the file."""
    pytest.importorskip("pooch")
    name = "calibrations/10.mdf"
    data_set = DataSet("some", server.url, (name,), "", "", {name: hashlib.sha256(CONTENT).hexdigest()})
    server.files[name] = CONTENT
    for content, states in ((CONTENT[:-1] + b"x", [0, 0, 0]), (CONTENT, [0, 0, 0])):
        server.drop_after = [1_000_000, *states]
        with pytest.raises(InputError, match="ended after"):
            fetch(data_set, [name], tmp_path, downloader=QUICK)
        (tmp_path / f"{name}.part").write_bytes(content)
        server.asked.clear()
        if content == CONTENT:
            (found,) = fetch(data_set, [name], tmp_path, downloader=QUICK)
            assert found.path.read_bytes() == CONTENT and found.checked == "published"
        else:
            with pytest.raises(InputError, match="must be the file with the SHA-256"):
                fetch(data_set, [name], tmp_path, downloader=QUICK)
            assert [p.name for p in (tmp_path / "calibrations").iterdir()] == []
        assert server.asked == ["bytes=3000000-"]


def test_a_part_that_is_longer_than_the_file_is_replaced(server, tmp_path):
    server.drop_after = [1_000_000, 0, 0, 0]
    with pytest.raises(InputError):
        load(server, tmp_path)
    server.files["a.mdf"] = CONTENT[:500]
    assert load(server, tmp_path) == CONTENT[:500]


def test_what_passes_is_tried_again_and_what_does_not_is_said(server, tmp_path):
    server.states = [503, 429]
    assert load(server, tmp_path) == CONTENT
    server.states = [403]
    with pytest.raises(InputError, match=r"a\.mdf must be a file that can be loaded .*; instead received: HTTP 403"):
        load(server, tmp_path)
    with pytest.raises(InputError, match="must be one of http or https"):
        QUICK("file:///etc/passwd", str(tmp_path / "a.mdf"))


def test_without_a_connection_there_is_one_sentence(server, tmp_path):
    server.close()
    with pytest.raises(InputError, match=r"instead received: .*refused") as caught:
        load(server, tmp_path, attempts=2)
    assert "\n" not in str(caught.value)


def test_files_of_a_data_set_are_checked_and_recorded(server, tmp_path, capsys):
    pytest.importorskip("pooch")
    from mpisim.cli.main import main

    def run(*words):
        code = main(["data", "fetch", "open-mpi", "--out", str(tmp_path), "--url", server.url, *words])
        return code, *capsys.readouterr()

    digest = hashlib.sha256(CONTENT).hexdigest()
    server.files = {"calibrations/10.mdf": CONTENT, "measurements/shapePhantom/3.mdf": CONTENT[:1000]}
    code, out, _ = run("--calibration", "10", "--measurement", "shapePhantom/3")
    assert code == 0 and f"sha256 {digest} (recorded now)" in out
    assert "licence: CC BY 4.0" in out and "10.1016/j.dib.2019.104971" in out
    assert json.loads((tmp_path / "checksums.json").read_text())["calibrations/10.mdf"]["sha256"] == digest
    asked = len(server.asked)
    code, out, _ = run("--calibration", "10", "--json")
    (entry,) = json.loads(out)["files"]
    assert code == 0 and not entry["new"] and entry["checked"] == "recorded" and len(server.asked) == asked

    file = tmp_path / "calibrations" / "10.mdf"
    file.write_bytes(CONTENT[:-1] + b"x")  # damaged on disk
    with pytest.warns(UserWarning, match="is not the file that was recorded"):
        code, out, _ = run("--calibration", "10")
    assert code == 0 and file.read_bytes() == CONTENT and "as recorded" in out

    file.unlink()
    server.files["calibrations/10.mdf"] = CONTENT[::-1]  # other bytes than those of the first time
    code, _, err = run("--calibration", "10")
    assert code == 2 and f"must be the file with the SHA-256 {digest}" in err and err.count("\n") == 1
    assert not file.exists() and [p.name for p in file.parent.iterdir()] == []
    code, _, err = run("--calibration", "99")
    assert code == 2 and "Input --calibration must be one of 1, 2, 3" in err


def test_the_files_of_a_data_set_are_listed(tmp_path, capsys):
    from mpisim.cli.main import main

    (tmp_path / "calibrations").mkdir()
    (tmp_path / "calibrations" / "3.mdf").touch()
    assert main(["data", "list", "open-mpi", "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "calibrations/3.mdf  (here)" in out and "measurements/resolutionPhantom/3.mdf\n" in out
    assert main(["data", "list", "open-mri", "--out", str(tmp_path)]) == 2
    assert main(["data", "list", "open-mpi", "--out", str(tmp_path), "--url", "http://127.0.0.1/"]) == 2
    assert "must be fetch where --url says from where" in capsys.readouterr().err


def test_the_folder_for_caches_needs_no_package(tmp_path, monkeypatch):
    monkeypatch.delenv("MPISIM_DATA", raising=False)
    pooch = pytest.importorskip("pooch")
    assert data_folder("some") == pooch.os_cache("mpisim") / "some"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected = pooch.os_cache("mpisim") / "some"
    monkeypatch.setitem(sys.modules, "pooch", None)  # as where it is not installed
    assert data_folder("some") == expected


def test_a_file_of_the_user_is_recorded_without_an_address(server, tmp_path):
    pytest.importorskip("pooch")
    names = ("a.mdf", "b.mdf")
    server.files["b.mdf"] = CONTENT[:1000]
    (tmp_path / "a.mdf").write_bytes(b"own")
    own, loaded = fetch(DataSet("some", server.url, names, "", ""), names, tmp_path, downloader=QUICK)
    assert (own.is_new, own.checked, loaded.is_new) == (False, "none", True)
    record = json.loads((tmp_path / "checksums.json").read_text())
    assert record["a.mdf"]["sha256"] == hashlib.sha256(b"own").hexdigest() and record["a.mdf"]["url"] is None
    assert record["b.mdf"]["url"] == server.url + "b.mdf"
