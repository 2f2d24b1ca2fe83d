"""The export of a whole zone: our verifier and the script of the documents say the same of it and of changed copies."""

import socket
import subprocess
import sys
import threading

import pytest
import samples
from server import FIXTURE_TOKEN, REPOSITORY, cedarkeep


@pytest.fixture(scope="module")
def zone(new_zone):
    return new_zone(validation_mode="off")


@pytest.fixture(scope="module")
def kid(zone):
    return zone.get("/.well-known/jwks.json")["keys"][0]["kid"]


@pytest.fixture(scope="module")
def folder(server, zone, tmp_path_factory):
    zone.publish_set(samples.STAFF_READ)
    folder = tmp_path_factory.mktemp("export") / "zone"
    done = cedarkeep("export", server.url + zone.url(""), folder, CEDARKEEP_TOKEN=FIXTURE_TOKEN)
    assert done.returncode == 0, done.stderr
    return folder


def ours(folder, *kids):
    return cedarkeep("verify", folder, *(word for kid in kids for word in ("--trust-kid", kid)))


def script(folder, *kids):
    command = [sys.executable, REPOSITORY / "docs/verify_zone.py", folder, *kids]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


VERIFIERS = pytest.mark.parametrize("verify", [ours, script])


@VERIFIERS
def test_the_export_of_a_zone_verifies_when_its_key_is_trusted(folder, kid, verify):
    trusted = verify(folder, kid)
    assert trusted.returncode == 0, trusted.stdout + trusted.stderr
    assert verify(folder).returncode == 1, "an export's own key set proves nothing"


@VERIFIERS
def test_a_changed_byte_in_any_file_of_a_zone_is_found(folder, kid, verify):
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kept = path.read_bytes()
        middle = len(kept) // 2
        path.write_bytes(kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :] if kept else b" ")
        assert verify(folder, kid).returncode != 0, path.name
        path.write_bytes(kept)
    assert verify(folder, kid).returncode == 0


def cut_after(server, size):
    """Hands on so many bytes of the server's answers, then cuts every connection. Gives its URL."""
    listener, left, lock = socket.create_server(("127.0.0.1", 0)), [size], threading.Lock()
    host, port = server.url.removeprefix("http://").split(":")

    def answer(upstream, client):
        while part := upstream.recv(1024):
            with lock:
                may = min(left[0], len(part))
                left[0] -= may
            client.sendall(part[:may])
            if may < len(part):
                break
        for side in (client, upstream):
            try:
                side.shutdown(socket.SHUT_RDWR)  # closing alone would wait for whoever still reads
            except OSError:
                pass  # the other side has gone already

    def ask(client, upstream):
        try:
            while part := client.recv(1024):
                upstream.sendall(part)
        except OSError:
            pass  # the connection was cut

    def serve():
        while True:
            client, upstream = listener.accept()[0], socket.create_connection((host, int(port)))
            threading.Thread(target=ask, args=(client, upstream), daemon=True).start()
            threading.Thread(target=answer, args=(upstream, client), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("size", [0, 3_000, 9_000])
def test_a_broken_connection_leaves_no_half_folder(server, zone, folder, tmp_path, size):
    url = cut_after(server, size)
    cut = cedarkeep("export", url + zone.url(), tmp_path / "cut", CEDARKEEP_TOKEN=FIXTURE_TOKEN)
    assert cut.returncode == 1 and url in cut.stderr, cut.stderr
    assert not list(tmp_path.iterdir())
