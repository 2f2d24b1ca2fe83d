"""One server for the whole run, a zone wherever a module or a test needs one."""

import httpx
import pytest
from keycardai_api import KeycardAPI

import samples
from server import FIXTURE_TOKEN, Server
from support import Zone, unique


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("cedarkeep") / "data")
    yield running
    assert running.alive(), f"the server died:\n{running.log()[-4000:]}"
    assert running.stop() == 0, "SIGTERM must end the server in good order"
    log = running.log()
    for secret in (FIXTURE_TOKEN, samples.MARK, "PRIVATE KEY"):
        assert secret not in log, f"the log holds {secret!r}"
    stored = [path for path in running.data_dir.rglob("*") if path.is_file()]
    assert stored, "the data directory is empty"
    for path in stored:
        assert FIXTURE_TOKEN.encode() not in path.read_bytes(), f"{path.name} holds the token itself"


@pytest.fixture(autouse=True)
def the_process_lives(server):
    """Names the very test in which the server died."""
    yield
    assert server.alive(), f"the server died:\n{server.log()[-4000:]}"


@pytest.fixture(scope="session")
def api(server):
    """Plain HTTP with the administrator's token."""
    headers = {"Authorization": f"Bearer {FIXTURE_TOKEN}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def anonymous(server):
    """Plain HTTP without a credential."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def keycard(server):
    """The reference client, strict about every answer; without retries, which would hide a 5xx."""
    return KeycardAPI(
        api_key=FIXTURE_TOKEN, base_url=server.url, max_retries=0, timeout=60, _strict_response_validation=True
    )


@pytest.fixture(scope="session")
def lenient(server):
    """The reference client as it comes: zones lack the endpoints of an identity provider that strict mode asks for."""
    return KeycardAPI(api_key=FIXTURE_TOKEN, base_url=server.url, max_retries=0, timeout=60)


@pytest.fixture(scope="session")
def new_zone(api, keycard, lenient):
    """Makes a zone with the schema of the samples."""

    def make(**settings) -> Zone:
        zone = Zone(lenient.zones.create(name=unique("zone")).id, api, keycard)
        zone.add_schema(samples.SCHEMA_VERSION)
        if settings:
            zone.settings(**settings)
        return zone

    return make


@pytest.fixture(scope="module")
def zone(new_zone):
    """A zone for the tests of one module, which keep out of each other's way by unique names."""
    return new_zone()


@pytest.fixture
def fresh_zone(new_zone):
    """A zone for one test."""
    return new_zone()
