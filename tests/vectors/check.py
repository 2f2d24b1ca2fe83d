#!/usr/bin/env python3
"""Checks the vectors of this folder a second time, from the documented rules (docs/attestation.md) alone.

Needs joserfc and rfc8785. Exits 0 only if every vector holds."""

import hashlib
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import rfc8785
from joserfc.jwk import RSAKey

HERE = pathlib.Path(__file__).resolve().parent
VERIFY = HERE.parent.parent / "docs" / "verify.py"
VERIFY_ZONE = HERE.parent.parent / "docs" / "verify_zone.py"
LARGEST = 2**53 - 1


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def escape_longs(value):
    """Every integer that a double does not hold exactly becomes {"__long": "<decimal digits>"}."""
    if isinstance(value, dict):
        return {name: escape_longs(member) for name, member in value.items()}
    if isinstance(value, list):
        return [escape_longs(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST:
        return {"__long": str(value)}
    return value


def canonical(text):
    return rfc8785.dumps(escape_longs(json.loads(text)))


def load(name):
    return json.loads((HERE / name).read_bytes())


def check_jcs():
    vectors = load("jcs.json")
    for vector in vectors["texts"]:
        assert rfc8785.dumps(json.loads(vector["json"])) == vector["canonical"].encode(), vector["name"]
        assert sha256(vector["canonical"].encode()) == vector["sha256"], vector["name"]
    for vector in vectors["numbers"]:
        (number,) = struct.unpack(">d", bytes.fromhex(vector["ieee754"]))
        assert rfc8785.dumps(number) == vector["canonical"].encode(), vector
    for vector in vectors["longs"]:
        assert canonical(vector["integer"]) == vector["canonical"].encode(), vector
    return sum(len(vectors[part]) for part in ("texts", "numbers", "longs"))


def check_thumbprints():
    vectors = load("thumbprint.json")["keys"]
    for vector in vectors:
        members = {"e": vector["e"], "kty": "RSA", "n": vector["n"]}
        assert RSAKey.import_key(members).thumbprint() == vector["thumbprint"], vector["source"]
    return len(vectors)


def check_policies():
    vectors = load("policies.json")["policies"]
    shas = {}
    for vector in vectors:
        name = vector["name"]
        assert ("text" in vector) != ("json" in vector), name
        assert list(json.loads(vector["cedar_json"])) == ["staticPolicies", "templates", "templateLinks"], name
        assert canonical(vector["cedar_json"]) == vector["canonical"].encode(), name
        assert sha256(vector["canonical"].encode()) == vector["sha"], name
        assert ("same_as" in vector) == (vector["sha"] in shas), name
        shas.setdefault(vector["sha"], name)
    return len(vectors)


def verifies(folder, kids, script=VERIFY):
    return subprocess.run([sys.executable, script, folder, *kids], capture_output=True, check=False).returncode == 0


def check_export():
    """The sample export of a version verifies, no changed copy of it does."""
    return check_folder("export", VERIFY)


def check_zone_export():
    """The same of the sample export of a zone."""
    return check_folder("zone-export", VERIFY_ZONE)


def check_folder(name, script):
    export, kids = HERE / name, load(f"{name}.json")["trusted_kids"]
    assert verifies(export, kids, script)
    assert not verifies(export, [], script), "without trust it is not authenticated"
    changes = 0
    for path in sorted(path for path in export.rglob("*") if path.is_file()):
        content = path.read_bytes()
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        for changed in (flipped, content + b" ", b"", None):
            with tempfile.TemporaryDirectory() as folder:
                copy = shutil.copytree(export, folder, dirs_exist_ok=True)
                target = pathlib.Path(copy) / path.relative_to(export)
                target.unlink() if changed is None else target.write_bytes(changed)
                assert not verifies(copy, kids, script), f"{path}: {changed and changed[:80]}"
                changes += 1
    return changes


if __name__ == "__main__":
    sys.setrecursionlimit(20_000)
    for check in (check_jcs, check_thumbprints, check_policies, check_export, check_zone_export):
        print(f"{check.__name__}: {check()} held")
