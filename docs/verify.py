#!/usr/bin/env python3
"""Verifies an exported policy set version without cedarkeep: verify.py FOLDER TRUSTED_KID...   (see attestation.md)

Needs two libraries: pip install joserfc rfc8785. Exits 0 only if everything held. It does not compare the policy texts
with their JSON by parsing, which takes a Cedar parser; the digests of both are checked."""
import base64, hashlib, json, pathlib, sys
import rfc8785
from joserfc import jws
from joserfc.jwk import RSAKey

def held(what, holds=True):
    if not holds:
        raise ValueError(what)
    print("held    ", what)

def canonical(data):
    value = json.loads(data)
    if rfc8785.dumps(value) != data:  # this also refuses a member that stands twice: it would not come back
        raise ValueError(f"not in canonical form (RFC 8785): {data[:60]}")
    return value

def decode(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode():
        raise ValueError(f"not in the one spelling of base64url: {text[-60:]}")
    return data

sha256 = lambda data: hashlib.sha256(data).hexdigest()
sys.excepthook = lambda kind, error, trace: print(f"FAILED   {kind.__name__}: {error}", file=sys.stderr)
sys.setrecursionlimit(20_000)  # the JSON of a policy may nest deeply
folder, trusted = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}
asked, manifest, schema, jwks = (canonical(files.pop(f"{name}.json")) for name in ("version", "manifest", "schema", "jwks"))
revoked = canonical(files.pop("revoked.json", b'{"kids":[]}'))["kids"]

keys = {}
for jwk in jwks["keys"]:
    key = RSAKey.import_key({"kty": "RSA", "n": jwk["n"], "e": jwk["e"]})
    public = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": key.thumbprint(), "n": jwk["n"], "e": jwk["e"]}
    held(f"key {jwk['kid']}: RSA, RS256, kid is its thumbprint", jwk == public and key.raw_value.key_size >= 2048)
    keys[jwk["kid"]] = key

chain, before = [], None
while (data := files.pop(f"attestations/{len(chain) + 1:04}.json", None)) is not None:
    envelope, name = canonical(data), f"attestation {len(chain) + 1}"
    header, statement = canonical(decode(envelope["protected"])), canonical(decode(envelope["payload"]))
    kid, newest = statement["key_id"], f"attestations/{len(chain) + 2:04}.json" not in files
    held(f"{name}: header", header == {"alg": "RS256", "kid": kid, "typ": "policy-set-attestation+jws"} and len(envelope) == 3)
    if kid in revoked and not newest:
        held(f"{name}: key_revoked, proves nothing by itself, its bytes are bound by the next")
    else:
        jws.deserialize_json(envelope, keys[kid], algorithms=["RS256"])
        held(f"{name}: signature by {kid}", decode(envelope["signature"]))
    first = chain[0] if chain else statement
    expected = {**first, **{member: statement[member] for member in ("attested_at", "attested_by", "key_id", "cedar_version")}}
    if chain:
        expected |= {"status": "re_signed", "prev_sha256": before, "created_at": first["attested_at"], "created_by": first["attested_by"]}
    begun = (first["v"], first["type"], first["status"], "prev_sha256" in first) == (1, "policy_set_attestation", "created", False)
    held(f"{name}: {statement['status']}, follows the one before it", begun and statement == expected)
    chain, before = [*chain, statement], sha256(data)

signed = chain[-1]
kids = sorted({one["key_id"] for one in chain})
held("the export has the keys that signed and no other", [jwk["kid"] for jwk in jwks["keys"]] == sorted(keys) and sorted([*keys, *revoked]) == kids)
held(f"about version {signed['policy_set_version']} of policy set {signed['policy_set_id']}, zone {signed['zone_id']}", len(asked) == 7 and asked.items() <= signed.items())
held(f"manifest digest {signed['manifest_sha']}", sha256(rfc8785.dumps(manifest)) == signed["manifest_sha"])
held(f"schema digest {signed['schema_sha']}", sha256(rfc8785.dumps(schema)) == signed["schema_sha"])
texts = []
for version, sha in sorted((entry["policy_version_id"], entry["sha"]) for entry in manifest["entries"]):
    held(f"policy version {version}: content digest {sha}", sha256(rfc8785.dumps(canonical(files.pop(f"policies/{version}.json")))) == sha)
    text = files.pop(f"policies/{version}.cedar", None)
    texts.append({"policy_version_id": version, "sha256": None if text is None else sha256(text)})
held(f"digest of the texts {signed['texts_sha']}", sha256(rfc8785.dumps(texts)) == signed["texts_sha"])
held("no file that is not known", not files)
print("not done comparing each text with its JSON by parsing: there is no Cedar parser here")
if signed["key_id"] not in trusted:
    raise ValueError(f"self-consistent, not authenticated: key {signed['key_id']} was not named as trusted")
held(f"authenticated: the newest attestation is signed by the trusted key {signed['key_id']}")
