#!/usr/bin/env python3
"""Verifies the export of a whole zone without cedarkeep: verify_zone.py FOLDER TRUSTED_KID...   (see auditing.md)

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

def statement(envelope, typ):
    """What an envelope states, its signature verified; that of a revoked key proves nothing and is not looked at."""
    header, stated = canonical(decode(envelope["protected"])), canonical(decode(envelope["payload"]))
    kid = stated["key_id"]
    if header != {"alg": "RS256", "kid": kid, "typ": typ} or len(envelope) != 3:
        raise ValueError(f"header of {typ}: {header}")
    if keys[kid]["state"] != "revoked":
        jws.deserialize_json(envelope, public[kid], algorithms=["RS256"])
        decode(envelope["signature"])
    return stated

sha256 = lambda data: hashlib.sha256(data).hexdigest()
lines = lambda items: b"".join(rfc8785.dumps(item) + b"\n" for item in items)
sys.excepthook = lambda kind, error, trace: print(f"FAILED   {kind.__name__}: {error}", file=sys.stderr)
sys.setrecursionlimit(20_000)  # the JSON of a policy may nest deeply
folder, trusted = pathlib.Path(sys.argv[1]), set(sys.argv[2:])
files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if not path.is_dir()}
take = lambda name: canonical(files.pop(name))
zone = take("zone.json")["zone_id"]
raw = files.pop("events.jsonl")
events = [canonical(line) for line in raw.split(b"\n")[:-1]]

before = None  # the chain
for number, event in enumerate(events, 1):
    rest = {member: value for member, value in event.items() if member != "sha256"}
    place = (event["seq"], event["zone_id"], event["prev_sha256"], len(event)) == (number, zone, before, 8)
    if not place or sha256(rfc8785.dumps(rest)) != event["sha256"]:
        raise ValueError(f"event {number} does not follow the one before it, or does not have its digest")
    before = event["sha256"]
held(f"{len(events)} events without gaps, each with its digest and that of the one before", lines(events) == raw)

keys, schemas, policies, versions, attested, slots, periods = {}, {}, {}, {}, {}, {}, []  # the fold
for event in events:
    kind, body = event["kind"], event["body"]
    moment = {"seq": event["seq"], "at": event["at"], "by": event["actor"]}
    if kind == "key.created":
        held(f"event {event['seq']}: that key is new", body["kid"] not in keys)
        keys[body["kid"]] = {"kid": body["kid"], "state": body["state"], "public": body["public"], "revoke_requested": False, "revoked_seq": None}
    elif kind.startswith("key."):
        key = keys[body["kid"]]
        held(f"event {event['seq']}: {kind} of a key that was not revoked", key["state"] != "revoked")
        change = {"key.activated": {"state": "signing"}, "key.retired": {"state": "retired"}, "key.revoke_requested": {"revoke_requested": True}}
        key.update(change.get(kind, {"state": "revoked", "revoked_seq": event["seq"]}))
    elif kind == "schema.created":
        schemas[body["version"]] = body["schema_sha"]
    elif kind == "policy_version.created":
        policies[body["policy_version_id"]] = (body["policy_id"], body["sha"])
    elif kind == "policy_set_version.created":
        versions[body["policy_set_version_id"]] = body
        attested[body["policy_set_version_id"]] = [(body["kid"], None, event)]
    elif kind == "policy_set_version.re_signed":
        attested[body["policy_set_version_id"]].append((body["kid"], body["prev_sha256"], event))
    elif kind in ("binding.bound", "binding.unbound"):
        bound = body["to"] or body["from"]
        slot = (bound["scope_type"], bound["scope_target_id"], bound["mode"])
        former = slots.pop(slot, None)
        held(f"event {event['seq']}: {kind}, in place of what stood there", (former and former[0]) == body["from"])
        if former:
            periods[former[1]]["until"] = moment
        if body["to"]:
            slots[slot] = (body["to"], len(periods))
            periods.append({**body["to"], "from": moment, "until": None})

standing = [{**bound, "created_at": periods[at]["from"]["at"], "created_by": periods[at]["from"]["by"]} for bound, at in slots.values()]
standing.sort(key=lambda binding: binding["binding_id"])
held(f"bindings: the {len(standing)} that the events lead to", take("bindings.json") == {"bindings": standing})
held(f"bindings over time: the {len(periods)} that the events tell of", files.pop("bindings-over-time.jsonl") == lines(periods))
held(f"keys: the {len(keys)} that the events tell of", take("keys.json") == {"keys": [keys[kid] for kid in sorted(keys)]})
public = {}
for kid, key in keys.items():
    public[kid] = RSAKey.import_key({"kty": "RSA", **key["public"]})
    held(f"key {kid}: {key['state']}, its id is its thumbprint", public[kid].thumbprint() == kid and public[kid].raw_value.key_size >= 2048)
jwk = lambda kid: {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, **keys[kid]["public"]}
published = [jwk(kid) for kid in sorted(keys) if keys[kid]["state"] != "revoked"]
held("the key set has every key that is not revoked", take("jwks.json") == {"keys": published})

head = statement(take("head.json"), "event-chain-head+jws")
about = {"v": 1, "type": "event_chain_head", "zone_id": zone, "seq": len(events), "sha256": before, "at": head["at"], "key_id": head["key_id"]}
held(f"head: event {len(events)}, signed by {head['key_id']}", head == about and keys[head["key_id"]]["state"] == "signing")

parts = {}  # policy versions: their JSON's digest, their text's
for version, told in versions.items():
    chain, previous = [], None
    for number, (kid, prev, event) in enumerate(attested[version], 1):
        data = files.pop(f"attestations/{version}-{number:04}.json")
        stated = statement(canonical(data), "policy-set-attestation+jws")
        first = chain[0] if chain else stated
        expected = {**first, "attested_at": event["at"], "attested_by": event["actor"], "key_id": kid, "cedar_version": stated["cedar_version"]}
        if chain:
            expected |= {"status": "re_signed", "prev_sha256": previous, "created_at": first["attested_at"], "created_by": first["attested_by"]}
        if stated != expected or prev != previous:
            raise ValueError(f"attestation {number} of version {version} is not the one that event {event['seq']} tells of")
        chain, previous = [*chain, stated], sha256(data)
    first, newest = chain[0], chain[-1]
    begun = first.items() >= {"v": 1, "type": "policy_set_attestation", "zone_id": zone, "status": "created", "policy_set_version": told["version"]}.items()
    content = ("policy_set_id", "policy_set_version_id", "manifest_sha", "schema_version", "schema_sha", "scope_type", "texts_sha", "validation", "cedar_version")
    held(f"version {version}: {len(chain)} attestations, what the events tell", begun and "prev_sha256" not in first and all(first[name] == told[name] for name in content))
    held(f"version {version}: the newest is by {newest['key_id']}, which is not revoked", keys[newest["key_id"]]["state"] != "revoked")
    manifest = take(f"manifests/{version}.json")
    held(f"version {version}: manifest digest {told['manifest_sha']}", sha256(rfc8785.dumps(manifest)) == told["manifest_sha"])
    held(f"version {version}: schema version {told['schema_version']}", schemas[told["schema_version"]] == told["schema_sha"])
    texts = []
    for entry in sorted(manifest["entries"], key=lambda entry: entry["policy_version_id"]):
        pinned = entry["policy_version_id"]
        if pinned not in parts:
            text = files.pop(f"policies/{pinned}.cedar", None)
            parts[pinned] = (sha256(rfc8785.dumps(take(f"policies/{pinned}.json"))), None if text is None else sha256(text))
        if not policies[pinned] == (entry["policy_id"], entry["sha"]) or parts[pinned][0] != entry["sha"]:
            raise ValueError(f"policy version {pinned} is not the one that was published")
        texts.append({"policy_version_id": pinned, "sha256": parts[pinned][1]})
    held(f"version {version}: {len(texts)} policies and their texts", sha256(rfc8785.dumps(texts)) == told["texts_sha"])
for sha in set(schemas.values()):
    held(f"schema {sha}", sha256(rfc8785.dumps(take(f"schemas/{sha}.json"))) == sha)
bound = [(versions[period["policy_set_version_id"]], period) for period in periods]
held("each bound version was so published", all(told[name] == period[name] for told, period in bound for name in ("policy_set_id", "manifest_sha", "scope_type")))
held("no file that is not known", not files)
print("not done comparing each text with its JSON by parsing: there is no Cedar parser here")
if head["key_id"] not in trusted:
    raise ValueError(f"self-consistent, not authenticated: key {head['key_id']} was not named as trusted")
held(f"authenticated: the head, and with it every event, is signed by the trusted key {head['key_id']}")
