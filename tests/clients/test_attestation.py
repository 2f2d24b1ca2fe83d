"""Attestations: verified by JOSE libraries that are not ours, every digest recomputed from the documents alone."""

import json
import subprocess
import sys

import pytest
import rfc8785
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from jwcrypto.jwk import JWK
from jwcrypto.jws import JWS

import digests
import samples
from server import FIXTURE_TOKEN, REPOSITORY, cedarkeep
from support import HEX_SHA256, check_error

BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

# Whatever Cedar can say should have one digest here and there: the zone of these tests validates nothing.
TEXTS = {
    "scopes": samples.STAFF_READ,
    "comments": f"// before\n{samples.OWNER_WRITES} // behind\n",
    "unicode": samples.permit('context.note == "é e\u0301 \U0001f600 \\u{fb33} \\n\\t\\0 \\\\ \\" €"'),
    "longs": samples.permit(
        " || ".join(f"context.n == {n}" for n in (2**53 - 1, 2**53, 2**53 + 1, -(2**63), 2**63 - 1))
    ),
    "negative": samples.permit("-context.n * -3 - -9007199254740992 <= 0 - 1"),
    "twelve": "\n".join(samples.permit(f"context.n == {n}") for n in range(12)),
    "template": samples.policy("permit (principal == ?principal, action, resource in ?resource);"),
    "sets and records": samples.permit('[1, "a", [true], {}].containsAny([{"a b": 1, b: {c: []}}])'),
    "like": samples.permit(r'context.note like "*\*é*" && !(context.note like "")'),
    "has and is": samples.permit('context has a.b.c && principal is App::User in App::Team::"x" && resource has "a b"'),
    "extensions": samples.permit('decimal("1.2300").lessThan(decimal("1.3")) || ip("::1/128").isLoopback()'),
    "if and unless": samples.policy(
        "forbid (principal, action, resource) when { if context.a then context.b else !context.c } "
        "unless { 1 > 2 } when { 1 != 2 };"
    ),
    "tags": samples.permit('principal.hasTag("a") && principal.getTag("a") == 1'),
    "annotations": '@id("one")\n@b\n@a("")\n' + samples.permit("true"),
}


@pytest.fixture(scope="module")
def untyped(new_zone):
    return new_zone(validation_mode="off")


@pytest.fixture(scope="module")
def attested(untyped):
    """A set version of all the texts, of one version from JSON and of one that has no text."""
    versions = [untyped.publish(text) for text in TEXTS.values()]
    content = versions[6].cedar_json
    (template,) = content["templates"]
    values = {"?principal": {"__entity": samples.ALICE}, "?resource": {"__entity": samples.PLAN}}
    content["templateLinks"] = [{"newId": "link", "templateId": template, "values": values}]
    versions += [untyped.publish(json=versions[3].cedar_json), untyped.publish(json=content)]
    return untyped.publish_set(*versions)


@pytest.fixture(scope="module")
def pinned(untyped, attested):
    return untyped.get(f"/policy-sets/{attested.policy_set_id}/versions/{attested.id}/policies?limit=100")["items"]


@pytest.fixture(scope="module")
def envelope(untyped, attested):
    answer = untyped.api.get(untyped.version_url(attested) + "/attestation")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/jose+json"
    return answer.json()


@pytest.fixture(scope="module")
def jwks(untyped, anonymous):
    answer = anonymous.get(untyped.url("/.well-known/jwks.json"))
    assert answer.status_code == 200
    return answer.json()


def test_two_libraries_accept_the_signature(envelope, jwks):
    checked = jws.deserialize_json(envelope, KeySet.import_key_set(jwks), algorithms=["RS256"])
    token = JWS()
    token.allowed_algs = ["RS256"]
    token.deserialize(json.dumps(envelope))
    token.verify(JWK(**jwks["keys"][0]))
    assert token.payload == checked.payload


def test_neither_accepts_another_statement(envelope, jwks):
    payload = envelope["payload"]
    for position in range(0, len(payload), 97):
        other = BASE64URL[BASE64URL.index(payload[position]) ^ 32]
        bent = envelope | {"payload": payload[:position] + other + payload[position + 1 :]}
        with pytest.raises(BadSignatureError):
            jws.deserialize_json(bent, KeySet.import_key_set(jwks), algorithms=["RS256"])


def test_header_payload_and_form(envelope, jwks):
    assert envelope.keys() == {"payload", "protected", "signature"}
    assert all(character in BASE64URL for part in envelope.values() for character in part), "no padding"
    token = JWS()
    token.deserialize(json.dumps(envelope), JWK(**jwks["keys"][0]))
    kid = jwks["keys"][0]["kid"]
    assert token.jose_header == {"alg": "RS256", "kid": kid, "typ": "policy-set-attestation+jws"}
    assert rfc8785.dumps(json.loads(token.payload)) == token.payload, "the payload is its own canonical form"


def test_the_key_set(jwks, untyped, anonymous):
    (key,) = jwks["keys"]
    assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")
    assert not key.keys() & {"d", "p", "q", "dp", "dq", "qi"}, "nothing private"
    assert key["kid"] == JWK(**key).thumbprint(), "RFC 7638"
    assert JWK(**key).get_op_key("verify").key_size == 3072
    url = untyped.url("/.well-known/jwks.json")
    answer = anonymous.get(url)
    assert answer.headers["cache-control"].replace(" ", "") == "public,max-age=300"
    unchanged = anonymous.get(url, headers={"If-None-Match": answer.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_zones_have_keys_of_their_own(jwks, new_zone):
    other = new_zone().get("/.well-known/jwks.json")
    assert other["keys"][0]["kid"] != jwks["keys"][0]["kid"]


def test_every_content_digest(pinned):
    assert len(pinned) == len(TEXTS) + 2
    for version in pinned:
        assert version["sha"] == digests.content(version["cedar_json"]), version["cedar_raw"]


def test_the_statement(envelope, jwks, untyped, attested, pinned):
    checked = jws.deserialize_json(envelope, KeySet.import_key_set(jwks), algorithms=["RS256"])
    statement = json.loads(checked.payload)
    version = untyped.get(f"/policy-sets/{attested.policy_set_id}/versions/{attested.id}")
    assert version["attestation"] == statement
    schema = untyped.get(f"/policy-schemas/{attested.schema_version}?format=json")["cedar_schema_json"]
    assert HEX_SHA256.fullmatch(statement["manifest_sha"]) and statement["cedar_version"]
    assert {name: value for name, value in statement.items() if name not in ("attested_at", "cedar_version")} == {
        "v": 1,
        "type": "policy_set_attestation",
        "zone_id": untyped.id,
        "policy_set_id": attested.policy_set_id,
        "policy_set_version": 1,
        "policy_set_version_id": attested.id,
        "scope_type": "zone",
        "status": "created",
        "validation": "off",
        "attested_by": version["created_by"],
        "key_id": jwks["keys"][0]["kid"],
        "schema_version": samples.SCHEMA_VERSION,
        "schema_sha": digests.sha256(schema),
        "manifest_sha": digests.manifest(version["manifest"]["entries"]),
        "texts_sha": digests.texts({policy["id"]: policy["cedar_raw"] for policy in pinned}),
    }
    assert version["manifest"]["entries"] == [
        {"policy_id": policy["policy_id"], "policy_version_id": policy["id"], "sha": policy["sha"]} for policy in pinned
    ]
    assert version["manifest_sha"] == statement["manifest_sha"]


def test_nothing_is_attested_that_is_not_there(untyped, attested, anonymous):
    other = untyped.publish_set(samples.STAFF_READ)
    url = untyped.url(f"/policy-sets/{other.policy_set_id}/versions/{attested.id}/attestation")
    check_error(untyped.api.get(url), 404, "not_found")
    check_error(anonymous.get(untyped.version_url(attested) + "/attestation"), 401, "unauthenticated")


@pytest.fixture(scope="module")
def export(server, untyped, tmp_path_factory):
    """Exports a version into a folder of its own."""

    def write(version):
        folder = tmp_path_factory.mktemp("export") / "version"
        done = cedarkeep("export", server.url + untyped.version_url(version), folder, CEDARKEEP_TOKEN=FIXTURE_TOKEN)
        assert done.returncode == 0, done.stderr
        return folder

    return write


def ours(folder, *kids):
    return cedarkeep("verify", folder, *(word for kid in kids for word in ("--trust-kid", kid)))


def script(folder, *kids):
    """The one of the documents, which does without our binary."""
    command = [sys.executable, REPOSITORY / "docs/verify.py", folder, *kids]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


VERIFIERS = pytest.mark.parametrize("verify", [ours, script])


@VERIFIERS
def test_an_export_verifies_when_its_key_is_trusted(export, attested, jwks, verify):
    folder, kid = export(attested), jwks["keys"][0]["kid"]
    trusted = verify(folder, kid)
    assert trusted.returncode == 0, trusted.stdout + trusted.stderr
    for trust in ((), (kid[:-1] + ("A" if kid[-1] != "A" else "B"),)):
        assert verify(folder, *trust).returncode == 1, "an export's own key set proves nothing"


@VERIFIERS
def test_a_changed_byte_in_any_file_is_found(export, untyped, jwks, verify):
    folder, kid = export(untyped.publish_set(samples.STAFF_READ, TEXTS["unicode"])), jwks["keys"][0]["kid"]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    assert len(files) >= 9, "version, manifest, schema, key set, attestation, two policies in two forms"
    for path in files:
        kept = path.read_bytes()
        middle = len(kept) // 2
        path.write_bytes(kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :])
        assert verify(folder, kid).returncode != 0, path.name
        path.write_bytes(kept)
    assert verify(folder, kid).returncode == 0


@VERIFIERS
def test_a_missing_or_added_file_is_found(export, untyped, jwks, verify):
    folder, kid = export(untyped.publish_set(samples.STAFF_READ)), jwks["keys"][0]["kid"]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kept = path.read_bytes()
        path.unlink()
        assert verify(folder, kid).returncode != 0, path.name
        path.write_bytes(kept)
    (folder / "policies" / "surplus.cedar").write_text(samples.STAFF_READ)
    assert verify(folder, kid).returncode != 0


def test_verify_online(server, untyped, attested, jwks):
    url, kid = server.url + untyped.version_url(attested), jwks["keys"][0]["kid"]
    done = cedarkeep("verify", url, "--trust-kid", kid, CEDARKEEP_TOKEN=FIXTURE_TOKEN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert cedarkeep("verify", url, CEDARKEEP_TOKEN=FIXTURE_TOKEN).returncode == 1
