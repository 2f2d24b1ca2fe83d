"""A user's bundle through the published client, which speaks of mere bytes, and through the tar of the system."""

import gzip
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass, field

import httpx
import pytest
from keycardai_api import (
    APIStatusError,
    BadRequestError,
    ConflictError,
    KeycardAPI,
    NotFoundError,
    PermissionDeniedError,
    UnprocessableEntityError,
)

import samples
from server import FIXTURE_TOKEN
from support import check_error, manifest, refused, unique

CODEC = "application/vnd.keycard.policy-bundle.v1+tar+gzip"
ALICE, BOB = 'User::"alice"', 'User::"bob"'


@dataclass
class Bundle:
    """An archive, unpacked and packed by Python's own tarfile."""

    manifest: dict
    texts: dict[str, str] = field(default_factory=dict)
    schema: str = ""

    @classmethod
    def read(cls, archive: bytes) -> "Bundle":
        files = {}
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            for member in tar:
                assert member.isfile() and (member.mtime, member.uid, member.gid, member.mode) == (0, 0, 0, 0o644)
                assert member.name not in files
                files[member.name] = tar.extractfile(member).read().decode()
        assert list(files) == sorted(files)
        stems = {name: name.removeprefix("policies/").removesuffix(".cedar") for name in files if "/" in name}
        texts = {stem: files[name] for name, stem in stems.items()}
        assert files.keys() - stems.keys() == {"manifest.json", "schema.cedarschema"}
        return cls(json.loads(files["manifest.json"]), texts, files["schema.cedarschema"])

    def write(self, compress=gzip.compress, form=tarfile.USTAR_FORMAT) -> bytes:
        files = {"manifest.json": json.dumps(self.manifest)}
        files |= {f"policies/{stem}.cedar": text for stem, text in self.texts.items()}
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w", format=form) as tar:
            for name, text in files.items():
                member = tarfile.TarInfo(name)
                member.size, member.mtime = len(text.encode()), 1767225600.25 if form == tarfile.PAX_FORMAT else 7
                tar.addfile(member, io.BytesIO(text.encode()))
        return compress(packed.getvalue())

    def add(self, stem: str, text: str, **more) -> None:
        self.manifest["policies"].append({"new_policy": stem, **more})
        self.texts[stem] = text

    def entry(self, name: str) -> dict:
        return next(entry for entry in self.manifest["policies"] if entry["name"].startswith(name))


@pytest.fixture
def zone(fresh_zone):
    """A zone with a default set of two policies."""
    pinned = [fresh_zone.publish(text, policy_id=fresh_zone.policy(name).id) for name, text in DEFAULTS.items()]
    default = fresh_zone.publish_set(*pinned, set_id=fresh_zone.policy_set("Defaults", target_type="user").id)
    fresh_zone.settings(user_default_policy_set_id=default.policy_set_id)
    return fresh_zone


DEFAULTS = {"Staff": samples.STAFF_READ, "Owners": samples.OWNER_WRITES}


@pytest.fixture
def client(server, zone):
    """Makes the reference client of a user."""

    def make(user: str = ALICE) -> KeycardAPI:
        made = zone.api.post(zone.url("/user-tokens"), json={"user": user})
        assert made.status_code == 201, made.text
        token = made.json()["token"]
        return KeycardAPI(
            api_key=token, base_url=server.url, max_retries=0, timeout=60, _strict_response_validation=True
        )

    return make


def test_a_bundle_is_made_from_the_default(zone, client):
    alice = client().policy_bundle
    answer = alice.with_raw_response.retrieve()
    bundle = Bundle.read(answer.read())
    assert [entry["name"] for entry in bundle.manifest["policies"]] == [f"{name} ({ALICE})" for name in DEFAULTS]
    assert list(bundle.texts) == sorted(entry["policy_id"] for entry in bundle.manifest["policies"])
    assert {bundle.texts[bundle.entry(name)["policy_id"]] for name in DEFAULTS} == set(DEFAULTS.values())
    assert (bundle.manifest["zone_id"], bundle.manifest["user"]) == (zone.id, ALICE)
    assert bundle.schema == zone.get(f"/policy-schemas/{samples.SCHEMA_VERSION}?format=cedar")["cedar_schema"]
    again = alice.with_raw_response.retrieve()
    assert (again.read(), again.headers["etag"]) == (answer.read(), answer.headers["etag"])
    made = zone.keycard.zones.policy_sets.retrieve(bundle.manifest["policy_set"]["id"], zone_id=zone.id)
    assert made.active and made.target_type == "user" and made.owner_type == "customer"


def test_an_unmodified_bundle_is_not_sent(client):
    alice = client().policy_bundle
    etag = alice.with_raw_response.retrieve().headers["etag"]
    with pytest.raises(APIStatusError) as caught:
        alice.retrieve(if_none_match=etag)
    assert (caught.value.status_code, caught.value.response.content) == (304, b"")
    assert alice.retrieve(if_none_match='"other"').read()


def test_an_edit_is_applied_and_given_back(zone, client):
    alice = client().policy_bundle
    first = alice.with_raw_response.retrieve()
    bundle = Bundle.read(first.read())
    staff = bundle.entry("Staff")["policy_id"]
    bundle.texts[staff] = samples.permit("true") + " // mine\n"
    bundle.add("no-writes", samples.permit("false"), name="No writes", description="For now")
    saved = alice.with_raw_response.update(bundle.write(), if_match=first.headers["etag"])
    after = Bundle.read(saved.read())
    assert after.texts[staff] == bundle.texts[staff]
    assert saved.headers["etag"] == alice.with_raw_response.retrieve().headers["etag"] != first.headers["etag"]
    versions = zone.keycard.zones.policies.versions.list(staff, zone_id=zone.id).items
    assert [version.version for version in versions] == [2, 1]
    new = zone.keycard.zones.policies.retrieve(after.entry("No writes")["policy_id"], zone_id=zone.id)
    assert (new.name, new.description, new.created_by) == (f"No writes ({ALICE})", "For now", f"user:{ALICE}")
    with refused(APIStatusError, "precondition_failed", 412):
        alice.update(bundle.write(), if_match=first.headers["etag"])
    dropped = Bundle(after.manifest | {"policies": [after.entry("Staff")]}, after.texts)
    assert list(Bundle.read(alice.update(dropped.write()).read()).texts) == [staff]


def test_a_reset_begins_anew(zone, client):
    alice = client().policy_bundle
    assert alice.reset() is None, "there is nothing to reset"
    bundle = Bundle.read(alice.retrieve().read())
    bundle.texts[bundle.entry("Staff")["policy_id"]] = samples.permit("false")
    alice.update(bundle.write())
    assert alice.reset() is None and alice.reset() is None
    again = Bundle.read(alice.retrieve().read())
    assert sorted(again.texts.values()) == sorted(DEFAULTS.values())
    assert not again.texts.keys() & bundle.texts.keys()


def test_bundles_of_other_hands_are_read(client, tmp_path):
    alice = client().policy_bundle
    archive = alice.retrieve().read()
    bundle = Bundle.read(archive)
    for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        assert alice.update(bundle.write(form=form)).read() == archive, form
    subprocess.run(["tar", "-xzf", "-"], input=archive, cwd=tmp_path, check=True)
    packed = subprocess.run(
        ["tar", "--format=ustar", "-czf", "-", "manifest.json", "policies"], cwd=tmp_path, check=True, capture_output=True
    )
    assert alice.update(packed.stdout).read() == archive
    path = tmp_path / "bundle.tar.gz"
    path.write_bytes(packed.stdout)
    assert alice.update(path).read() == archive


def test_a_wrong_bundle_is_refused(zone, client):
    alice, before = client().policy_bundle, Bundle.read(client().policy_bundle.retrieve().read())
    seq = zone.last_seq()
    for archive in (b"", b"{}", before.write(compress=bytes), before.write()[:-4], before.write() + b"x"):
        with refused(BadRequestError, "bundle_invalid"):
            alice.update(archive)
    broken = Bundle(before.manifest, before.texts | {before.entry("Staff")["policy_id"]: "permit"})
    with refused(UnprocessableEntityError, "invalid_cedar"):
        alice.update(broken.write())
    bobs = Bundle.read(client(BOB).policy_bundle.retrieve().read())
    seq_with_bob = zone.last_seq()
    with refused(BadRequestError, "bundle_invalid"):
        alice.update(bobs.write())
    nameless = {key: bobs.manifest[key] for key in ("version", "schema", "policies")}
    with refused(UnprocessableEntityError, "policy_version_not_found"):
        alice.update(Bundle(nameless, bobs.texts).write())
    assert seq < seq_with_bob == zone.last_seq()


def test_a_slot_of_the_administrator_is_left_alone(zone, client):
    version = zone.publish_set(samples.STAFF_READ, set_id=zone.policy_set(target_type="user").id)
    url, body = zone.version_url(version), {"active": True, "scope_target_id": ALICE}
    assert zone.api.patch(url, json=body).status_code == 200
    alice, own = client().policy_bundle, Bundle({"version": 1, "schema": {"version": samples.SCHEMA_VERSION}, "policies": []})
    own.add("mine", samples.STAFF_READ)
    for ask in (alice.retrieve, alice.reset, lambda: alice.update(own.write())):
        with refused(ConflictError, "slot_taken"):
            ask()


def test_without_a_default_there_is_nothing(zone, client):
    zone.settings(user_default_policy_set_id=None)
    with refused(NotFoundError, "not_found"):
        client().policy_bundle.retrieve()


def test_a_bundle_belongs_to_a_user_and_a_user_has_nothing_else(zone, client, keycard):
    with refused(PermissionDeniedError, "forbidden"):
        keycard.policy_bundle.retrieve()
    alice = client()
    for ask in (lambda: alice.zones.list(), lambda: alice.zones.policies.list(zone.id)):
        with refused(PermissionDeniedError, "forbidden"):
            ask()
    answer = httpx.get(str(alice.base_url).rstrip("/") + zone.url(), headers={"Authorization": f"Bearer {alice.api_key}"})
    check_error(answer, 403, "forbidden")


def test_media_types(server, zone, client):
    headers = {"Authorization": f"Bearer {client().api_key}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as alice:
        archive = alice.get("/policy/bundle").content
        for accept, given in ((CODEC, CODEC), ("application/octet-stream", "application/octet-stream"), ("*/*", CODEC)):
            answer = alice.get("/policy/bundle", headers={"Accept": accept})
            assert (answer.status_code, answer.headers["content-type"]) == (200, given)
        check_error(alice.get("/policy/bundle", headers={"Accept": "application/json"}), 406, "not_acceptable")
        named = {"Content-Type": CODEC}
        assert alice.put("/policy/bundle", content=archive, headers=named).status_code == 200
        for other in ({}, {"Content-Type": "application/json"}, named | {"Content-Encoding": "gzip"}):
            answer = alice.put("/policy/bundle", content=archive, headers=other)
            check_error(answer, 415, "unsupported_media_type")
        large = bytes((16 << 20) + 1)
        check_error(alice.put("/policy/bundle", content=large, headers=named), 413, "too_large")


def test_a_token_is_made_listed_and_taken_back(server, zone, api):
    path = zone.url("/user-tokens")
    user = unique("user")
    made = api.post(path, json={"user": f'User::"{user}"'}).json()
    assert FIXTURE_TOKEN != made["token"] and made.keys() > {"id", "user", "zone_id", "created_at", "expires_at"}
    (listed,) = api.get(path).json()["items"]
    assert listed == {key: value for key, value in made.items() if key != "token"}
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert httpx.get(f"{server.url}/policy/bundle", headers=headers).status_code == 200
    assert api.delete(f"{path}/{made['id']}").status_code == 200
    check_error(httpx.get(f"{server.url}/policy/bundle", headers=headers), 401, "unauthenticated")
    assert made["token"] not in server.log()
