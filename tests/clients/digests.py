"""The documented digests, computed from nothing but the documents: SHA-256 over RFC 8785."""

import hashlib
from typing import Any

import rfc8785

MAX_SAFE = 2**53 - 1


def escape_longs(value: Any) -> Any:
    """Integers that a double cannot hold exactly, as `{"__long": "<decimal digits>"}`."""
    if isinstance(value, dict):
        return {name: escape_longs(member) for name, member in value.items()}
    if isinstance(value, list):
        return [escape_longs(item) for item in value]
    if type(value) is int and abs(value) > MAX_SAFE:
        return {"__long": str(value)}
    return value


def sha256(value: Any) -> str:
    return hashlib.sha256(rfc8785.dumps(value)).hexdigest()


def content(cedar_json: dict) -> str:
    """`sha` of a policy version."""
    return sha256(escape_longs(cedar_json))


def manifest(entries: list[dict]) -> str:
    """`manifest_sha` of a policy set version."""
    members = ("policy_id", "policy_version_id", "sha")
    listed = [{member: entry[member] for member in members} for entry in entries]
    return sha256({"entries": sorted(listed, key=lambda entry: entry["policy_id"])})


def texts(cedar_raw: dict[str, str | None]) -> str:
    """`texts_sha`, from the texts by policy version id."""
    return sha256(
        [
            {"policy_version_id": version, "sha256": text and hashlib.sha256(text.encode()).hexdigest()}
            for version, text in sorted(cedar_raw.items())
        ]
    )
