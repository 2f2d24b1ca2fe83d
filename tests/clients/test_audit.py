"""An auditor's walk with the built binary: export, verify, publish more, audit; then databases that somebody changed."""

import base64
import json
import shutil
import sqlite3
import time

import httpx
import pytest
from server import FIXTURE_TOKEN, Server, cedarkeep

HEADERS = {"Authorization": f"Bearer {FIXTURE_TOKEN}"}
OTHER = "(SELECT min(id) FROM policy_set_versions)"
# What somebody who owns the database does, and what an audit says of it.
TAMPERINGS = {
    "an event edited": ("UPDATE events SET actor = 'x' WHERE seq = 5", "was rewritten", "event 5 does not have its digest"),
    "an event removed": ("DELETE FROM events WHERE seq = 5", "is no longer there", "event 6 stands where event 5 should"),
    "a text edited": (
        "UPDATE policy_versions SET cedar_raw = replace(cedar_raw, 'ü', 'u')",
        "the text of policy version",
        "texts_sha",
    ),
    "a binding edited": (
        f"UPDATE bindings SET policy_set_version_id = {OTHER} WHERE mode = 'shadow'",
        "the shadow slot of zone",
        "the events lead to",
    ),
    "a binding removed": ("DELETE FROM bindings WHERE scope_type = 'session'", "session s-1 is empty", "bindings"),
    "signatures edited": (
        "UPDATE attestations SET signature = replace(signature, substr(signature, 9, 2), '__')",
        "attestation 0001 of policy set version",
        "the signature does not verify",
    ),
}


class Audited:
    """A zone of a server of its own."""

    def __init__(self, data_dir, zone=None):
        self.server = Server(data_dir)
        self.api = httpx.Client(base_url=self.server.url, headers=HEADERS, timeout=60)
        self.zone = zone or self.call("POST", "/zones", {"name": "Harbour"})["id"]

    def call(self, method, path, body=None):
        answer = self.api.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def path(self, path=""):
        return f"/zones/{self.zone}{path}"

    def publish(self, name, text, mode="active", **to):
        entry = {"new_policy": {"name": name}, "cedar_raw": text}
        manifest = {"entries": [entry], "activate": True, "mode": mode} | to
        if "policy_set" not in manifest:
            scope = "session" if to else "zone"
            body = {"name": f"set of {name}", "scope_type": scope, "manifest": manifest}
            return self.call("POST", self.path("/policy-sets"), body)["id"]
        return self.call("POST", self.path(f"/policy-sets/{manifest.pop('policy_set')}/apply"), {"manifest": manifest})

    def kid(self):
        """The key that signs, as whoever runs the server would tell it."""
        payload = self.call("GET", self.path("/events/head"))["payload"]
        return json.loads(base64.urlsafe_b64decode(payload + "=="))["key_id"]

    def run(self, verb, *arguments):
        return cedarkeep(verb, self.server.url + self.path(), *arguments, CEDARKEEP_TOKEN=FIXTURE_TOKEN)

    def audit(self, since, *kids):
        """How an audit ends, and what it reports."""
        trusted = [word for kid in kids for word in ("--trust-kid", kid)]
        done = self.run("audit", "--since", since, "--output", "json", *trusted)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)


def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def furnished(tmp_path_factory):
    """A data folder with a zone of everything, its id, an export and the key that signed it."""
    home = tmp_path_factory.mktemp("audit")
    zone = Audited(home / "data")
    first = zone.publish("readers", "// ü\npermit (principal, action, resource);")
    second = 'permit (principal == Keycard::User::"u1", action, resource);'
    zone.publish("owners", second, "shadow", policy_set=first)
    zone.publish("narrow", "forbid (principal, action, resource);", scope_target_id="s-1")
    assert zone.run("export", home / "since").returncode == 0
    kid = zone.kid()
    assert zone.server.stop() == 0
    return home, zone.zone, kid


def copied(furnished, tmp_path):
    home, zone, _ = furnished
    return Audited(shutil.copytree(home / "data", tmp_path / "data"), zone)


def test_a_zone_that_grows_stays_in_order(furnished, tmp_path):
    since, kid = furnished[0] / "since", furnished[2]
    zone = copied(furnished, tmp_path)
    code, same = zone.audit(since, kid)
    assert (code, same["verdict"], same["differences"]) == (0, "held", [])

    zone.publish("more", 'forbid (principal == Keycard::User::"u2", action, resource);')
    zone.call("POST", zone.path("/signing-keys"), {"publish_ahead_seconds": 0})
    zone.call("DELETE", zone.path(f"/signing-keys/{kid}"))
    until(lambda: zone.call("GET", zone.path("/events?limit=1&order=desc"))["items"][0]["kind"] == "key.revoked")
    code, untrusted = zone.audit(since, kid)
    assert (code, untrusted["verdict"]) == (1, "not_verified"), "a new key is trusted when it is named"
    code, grown = zone.audit(since, kid, zone.kid())
    assert (code, grown["verdict"]) == (0, "held"), grown
    assert "events since event" in grown["since"][0]

    assert zone.run("export", tmp_path / "later").returncode == 0
    verified = cedarkeep("verify", tmp_path / "later", "--trust-kid", zone.kid())
    assert verified.returncode == 0 and "key_revoked" in verified.stdout, verified.stdout
    assert zone.server.stop() == 0


@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_what_somebody_changed_in_the_database_is_named(furnished, tmp_path, tampering):
    sql, *named = TAMPERINGS[tampering]
    home, id, kid = furnished
    data = shutil.copytree(home / "data", tmp_path / "data")
    with sqlite3.connect(data / "cedarkeep.db") as db:
        for (guard,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {guard}")
        assert db.execute(sql).rowcount > 0
    db.close()
    zone = Audited(data, id)
    code, audit = zone.audit(home / "since", kid)
    assert (code, audit["verdict"]) == (2, "differs"), audit
    differences = [f"{difference['about']}: {difference['what']}" for difference in audit["differences"]]
    for what in named:
        assert any(what in difference for difference in differences), differences
    assert zone.server.stop() == 0
