-- Tables of the embedded store. Ids and words are TEXT, counters and unix microseconds BIGINT, sealed bytes BLOB; signed and
-- hashed content is kept verbatim; *_folded columns hold text in lower case for searches. Every tenant table leads with zone_id; what belongs to organizations leads with
-- organization_id; nothing else crosses zones.

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
);

-- Organizations, their service accounts, what these prove themselves with, and the roles they hold. The zone of a role in
-- the whole organization is the empty text.
CREATE TABLE organizations (
    id              TEXT   NOT NULL PRIMARY KEY,
    name            TEXT   NOT NULL,
    label           TEXT   NOT NULL,
    object_revision BIGINT NOT NULL,
    event_seq       BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX organizations_label ON organizations (label);
CREATE INDEX organizations_created ON organizations (created_at, id);

CREATE TABLE service_accounts (
    organization_id TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    description     TEXT,
    owner           TEXT,
    object_revision BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX service_accounts_id ON service_accounts (id);
CREATE INDEX service_accounts_created ON service_accounts (organization_id, created_at, id);

CREATE TABLE credentials (
    organization_id    TEXT   NOT NULL,
    service_account_id TEXT   NOT NULL,
    id                 TEXT   NOT NULL,
    kind               TEXT   NOT NULL,
    secret_mac         TEXT   NOT NULL,
    name               TEXT   NOT NULL,
    description        TEXT,
    object_revision    BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    created_by         TEXT   NOT NULL,
    expires_at         BIGINT,
    last_used_at       BIGINT,
    PRIMARY KEY (organization_id, service_account_id, id),
    FOREIGN KEY (organization_id, service_account_id) REFERENCES service_accounts (organization_id, id)
);
CREATE UNIQUE INDEX credentials_id ON credentials (id);
CREATE INDEX credentials_created ON credentials (organization_id, service_account_id, created_at, id);

CREATE TABLE role_grants (
    organization_id    TEXT NOT NULL,
    service_account_id TEXT NOT NULL,
    zone_id            TEXT NOT NULL,
    role               TEXT NOT NULL,
    PRIMARY KEY (organization_id, service_account_id, zone_id, role),
    FOREIGN KEY (organization_id, service_account_id) REFERENCES service_accounts (organization_id, id)
);
CREATE INDEX role_grants_zone ON role_grants (zone_id);

CREATE TABLE organization_events (
    organization_id TEXT   NOT NULL,
    seq             BIGINT NOT NULL,
    kind            TEXT   NOT NULL,
    actor           TEXT   NOT NULL,
    at              BIGINT NOT NULL,
    body            TEXT   NOT NULL,
    PRIMARY KEY (organization_id, seq)
);

CREATE TABLE zones (
    id                     TEXT   NOT NULL PRIMARY KEY,
    organization_id        TEXT   NOT NULL,
    slug                   TEXT   NOT NULL,
    name                   TEXT   NOT NULL,
    description            TEXT,
    owner_type             TEXT   NOT NULL,
    settings               TEXT   NOT NULL,
    default_schema_version TEXT   NOT NULL,
    object_revision        BIGINT NOT NULL,
    revision               BIGINT NOT NULL,
    event_seq              BIGINT NOT NULL,
    event_sha256           TEXT,
    data_key               BLOB   NOT NULL,
    created_at             BIGINT NOT NULL,
    created_by             TEXT   NOT NULL,
    updated_at             BIGINT NOT NULL,
    deleted_at             BIGINT
);
CREATE UNIQUE INDEX zones_slug ON zones (organization_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX zones_created ON zones (created_at, id);

CREATE TABLE events (
    zone_id     TEXT   NOT NULL,
    seq         BIGINT NOT NULL,
    kind        TEXT   NOT NULL,
    actor       TEXT   NOT NULL,
    at          BIGINT NOT NULL,
    body        TEXT   NOT NULL,
    prev_sha256 TEXT,
    sha256      TEXT   NOT NULL,
    PRIMARY KEY (zone_id, seq)
);

CREATE TABLE policy_schemas (
    zone_id           TEXT   NOT NULL,
    version           TEXT   NOT NULL,
    owner_type        TEXT   NOT NULL,
    cedar_schema      TEXT   NOT NULL,
    cedar_schema_json TEXT   NOT NULL,
    schema_sha        TEXT   NOT NULL,
    created_at        BIGINT NOT NULL,
    created_by        TEXT   NOT NULL,
    PRIMARY KEY (zone_id, version)
);
CREATE INDEX policy_schemas_created ON policy_schemas (zone_id, created_at, version);

CREATE TABLE policy_schema_states (
    zone_id       TEXT   NOT NULL,
    version       TEXT   NOT NULL,
    status        TEXT   NOT NULL,
    revision      BIGINT NOT NULL,
    updated_at    BIGINT NOT NULL,
    deprecated_at BIGINT,
    archived_at   BIGINT,
    PRIMARY KEY (zone_id, version),
    FOREIGN KEY (zone_id, version) REFERENCES policy_schemas (zone_id, version)
);

CREATE TABLE policies (
    zone_id               TEXT   NOT NULL,
    id                    TEXT   NOT NULL,
    name                  TEXT   NOT NULL,
    description           TEXT,
    owner_type            TEXT   NOT NULL,
    revision              BIGINT NOT NULL,
    latest_version        BIGINT,
    latest_version_id     TEXT,
    latest_schema_version TEXT,
    created_at            BIGINT NOT NULL,
    created_by            TEXT   NOT NULL,
    updated_at            BIGINT NOT NULL,
    updated_by            TEXT,
    archived_at           BIGINT,
    archived_by           TEXT,
    name_folded           TEXT   NOT NULL,
    description_folded    TEXT,
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX policies_name ON policies (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policies_created ON policies (zone_id, created_at, id);

CREATE TABLE policy_versions (
    zone_id        TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    policy_id      TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    owner_type     TEXT   NOT NULL,
    schema_version TEXT   NOT NULL,
    sha            TEXT   NOT NULL,
    origin         TEXT   NOT NULL,
    permits        BIGINT NOT NULL,
    created_at     BIGINT NOT NULL,
    created_by     TEXT   NOT NULL,
    cedar_raw      TEXT,
    cedar_json     TEXT   NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, policy_id, version),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id),
    FOREIGN KEY (zone_id, schema_version) REFERENCES policy_schemas (zone_id, version)
);
CREATE INDEX policy_versions_created ON policy_versions (zone_id, policy_id, created_at, id);

CREATE TABLE policy_version_archives (
    zone_id           TEXT   NOT NULL,
    policy_version_id TEXT   NOT NULL,
    archived_at       BIGINT NOT NULL,
    archived_by       TEXT   NOT NULL,
    PRIMARY KEY (zone_id, policy_version_id),
    FOREIGN KEY (zone_id, policy_version_id) REFERENCES policy_versions (zone_id, id)
);

CREATE TABLE policy_sets (
    zone_id           TEXT   NOT NULL,
    id                TEXT   NOT NULL,
    name              TEXT   NOT NULL,
    owner_type        TEXT   NOT NULL,
    scope_type        TEXT   NOT NULL,
    revision          BIGINT NOT NULL,
    latest_version    BIGINT,
    latest_version_id TEXT,
    created_at        BIGINT NOT NULL,
    created_by        TEXT   NOT NULL,
    updated_at        BIGINT NOT NULL,
    updated_by        TEXT,
    archived_at       BIGINT,
    archived_by       TEXT,
    name_folded       TEXT   NOT NULL,
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX policy_sets_name ON policy_sets (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policy_sets_created ON policy_sets (zone_id, created_at, id);

CREATE TABLE policy_set_versions (
    zone_id        TEXT   NOT NULL,
    id             TEXT   NOT NULL,
    policy_set_id  TEXT   NOT NULL,
    version        BIGINT NOT NULL,
    owner_type     TEXT   NOT NULL,
    scope_type     TEXT   NOT NULL,
    schema_version TEXT   NOT NULL,
    schema_sha     TEXT   NOT NULL,
    manifest_sha   TEXT   NOT NULL,
    texts_sha      TEXT   NOT NULL,
    validation     TEXT   NOT NULL,
    cedar_version  TEXT   NOT NULL,
    created_at     BIGINT NOT NULL,
    created_by     TEXT   NOT NULL,
    manifest       TEXT   NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, policy_set_id, version),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id),
    FOREIGN KEY (zone_id, schema_version) REFERENCES policy_schemas (zone_id, version)
);
CREATE INDEX policy_set_versions_created ON policy_set_versions (zone_id, policy_set_id, created_at, id);

-- The manifest once more, a row an entry, for questions that start at a policy version.
CREATE TABLE policy_set_version_entries (
    zone_id               TEXT NOT NULL,
    policy_set_version_id TEXT NOT NULL,
    policy_id             TEXT NOT NULL,
    policy_version_id     TEXT NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id, policy_id),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id),
    FOREIGN KEY (zone_id, policy_version_id) REFERENCES policy_versions (zone_id, id)
);
CREATE INDEX policy_set_version_entries_pinned ON policy_set_version_entries (zone_id, policy_version_id);

CREATE TABLE policy_set_version_archives (
    zone_id               TEXT   NOT NULL,
    policy_set_version_id TEXT   NOT NULL,
    archived_at           BIGINT NOT NULL,
    archived_by           TEXT   NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);

-- One a policy. What a draft names need not exist, except the version that it was begun from.
CREATE TABLE policy_drafts (
    zone_id         TEXT   NOT NULL,
    policy_id       TEXT   NOT NULL,
    schema_version  TEXT   NOT NULL,
    origin          TEXT,
    content         TEXT,
    base_version_id TEXT,
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    updated_by      TEXT   NOT NULL,
    PRIMARY KEY (zone_id, policy_id),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id),
    FOREIGN KEY (zone_id, base_version_id) REFERENCES policy_versions (zone_id, id)
);

-- One a policy set.
CREATE TABLE policy_set_drafts (
    zone_id         TEXT   NOT NULL,
    policy_set_id   TEXT   NOT NULL,
    entries         TEXT   NOT NULL,
    schema_version  TEXT   NOT NULL,
    base_version_id TEXT,
    name            TEXT,
    description     TEXT,
    revision        BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    created_by      TEXT   NOT NULL,
    updated_at      BIGINT NOT NULL,
    updated_by      TEXT   NOT NULL,
    PRIMARY KEY (zone_id, policy_set_id),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id),
    FOREIGN KEY (zone_id, base_version_id) REFERENCES policy_set_versions (zone_id, id)
);

-- What a zone keeps of its entities. A deleted one leaves its row without sha and body: its last change can be followed.
CREATE TABLE entities (
    zone_id          TEXT   NOT NULL,
    entity_type      TEXT   NOT NULL,
    entity_id        TEXT   NOT NULL,
    changed_revision BIGINT NOT NULL,
    sha              TEXT,
    body             TEXT,
    PRIMARY KEY (zone_id, entity_type, entity_id)
) WITHOUT ROWID;
CREATE INDEX entities_changed ON entities (zone_id, changed_revision, entity_type, entity_id);

CREATE TABLE attestations (
    zone_id               TEXT   NOT NULL,
    policy_set_version_id TEXT   NOT NULL,
    seq                   BIGINT NOT NULL,
    status                TEXT   NOT NULL,
    kid                   TEXT   NOT NULL,
    protected             TEXT   NOT NULL,
    payload               TEXT   NOT NULL,
    signature             TEXT   NOT NULL,
    created_at            BIGINT NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id, seq),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id),
    FOREIGN KEY (zone_id, kid) REFERENCES signing_keys (zone_id, kid)
);
CREATE INDEX attestations_kid ON attestations (zone_id, kid);

CREATE TABLE signing_keys (
    zone_id             TEXT   NOT NULL,
    kid                 TEXT   NOT NULL,
    state               TEXT   NOT NULL,
    n                   TEXT   NOT NULL,
    e                   TEXT   NOT NULL,
    sealed_private      BLOB   NOT NULL,
    created_at          BIGINT NOT NULL,
    created_by          TEXT   NOT NULL,
    signs_from          BIGINT NOT NULL,
    re_signed_at        BIGINT,
    revoke_requested_at BIGINT,
    revoke_requested_by TEXT,
    revoked_seq         BIGINT,
    PRIMARY KEY (zone_id, kid)
);
CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys (zone_id) WHERE state = 'signing';
CREATE UNIQUE INDEX signing_keys_one_waits ON signing_keys (zone_id) WHERE state = 'pending';
-- Keys that something is still to be done for. The query that looks for them repeats this very condition.
CREATE INDEX signing_keys_work ON signing_keys (zone_id) WHERE state = 'pending' OR (state = 'signing' AND re_signed_at IS NULL)
    OR (state = 'retired' AND revoke_requested_at IS NOT NULL);

-- Set versions that were not signed again for the sake of a key, because they are not what was published.
CREATE TABLE re_sign_refusals (
    zone_id               TEXT   NOT NULL,
    kid                   TEXT   NOT NULL,
    policy_set_version_id TEXT   NOT NULL,
    reason                TEXT   NOT NULL,
    refused_at            BIGINT NOT NULL,
    PRIMARY KEY (zone_id, kid, policy_set_version_id),
    FOREIGN KEY (zone_id, kid) REFERENCES signing_keys (zone_id, kid),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);

CREATE TABLE bindings (
    zone_id               TEXT   NOT NULL,
    id                    TEXT   NOT NULL,
    mode                  TEXT   NOT NULL,
    scope_type            TEXT   NOT NULL,
    scope_target_id       TEXT   NOT NULL,
    policy_set_id         TEXT   NOT NULL,
    policy_set_version_id TEXT   NOT NULL,
    revision              BIGINT NOT NULL,
    created_at            BIGINT NOT NULL,
    created_by            TEXT   NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, scope_type, scope_target_id, mode),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);
CREATE INDEX bindings_set ON bindings (zone_id, policy_set_id, mode, revision, id);
CREATE INDEX bindings_created ON bindings (zone_id, created_at, id);
CREATE INDEX bindings_version ON bindings (zone_id, policy_set_version_id);

CREATE TABLE shadow_divergences (
    zone_id           TEXT   NOT NULL,
    decision_id       TEXT   NOT NULL,
    scope_type        TEXT   NOT NULL,
    at                BIGINT NOT NULL,
    scope_target_id   TEXT   NOT NULL,
    active_version_id TEXT,
    shadow_version_id TEXT   NOT NULL,
    active_allowed    BIGINT NOT NULL,
    shadow_allowed    BIGINT NOT NULL,
    principal         TEXT   NOT NULL,
    action            TEXT   NOT NULL,
    resource          TEXT   NOT NULL,
    PRIMARY KEY (zone_id, decision_id, scope_type)
);
CREATE INDEX shadow_divergences_at ON shadow_divergences (zone_id, at);

CREATE TABLE shadow_divergence_totals (
    zone_id           TEXT   NOT NULL,
    shadow_version_id TEXT   NOT NULL,
    observed          BIGINT NOT NULL,
    diverged          BIGINT NOT NULL,
    would_allow       BIGINT NOT NULL,
    failed            BIGINT NOT NULL,
    PRIMARY KEY (zone_id, shadow_version_id)
);

-- The log of decisions: no part of the chain of events, and kept only for as long as its zone wants it. Texts without
-- bound are looked up by the first eight bytes of their SHA-256.
CREATE TABLE decisions (
    zone_id                TEXT   NOT NULL,
    decision_id            TEXT   NOT NULL,
    at                     BIGINT NOT NULL,
    allowed                BIGINT NOT NULL,
    reason                 TEXT,
    revision               BIGINT NOT NULL,
    principal              TEXT   NOT NULL,
    principal_hash         BIGINT NOT NULL,
    action                 TEXT   NOT NULL,
    resource               TEXT   NOT NULL,
    resource_hash          BIGINT NOT NULL,
    session                TEXT,
    policy_set_version_ids TEXT   NOT NULL,
    body                   TEXT   NOT NULL,
    PRIMARY KEY (zone_id, decision_id)
);
CREATE INDEX decisions_at ON decisions (zone_id, at, decision_id);
CREATE INDEX decisions_principal ON decisions (zone_id, principal_hash, at, decision_id);
CREATE INDEX decisions_resource ON decisions (zone_id, resource_hash, at, decision_id);

-- Tokens bound to a user, of which only the SHA-256 is kept. A token names its zone, so that it is looked up within it.
CREATE TABLE user_tokens (
    zone_id      TEXT   NOT NULL,
    id           TEXT   NOT NULL,
    token_sha256 TEXT   NOT NULL,
    user_uid     TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT   NOT NULL,
    expires_at   BIGINT NOT NULL,
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX user_tokens_sha256 ON user_tokens (zone_id, token_sha256);
CREATE INDEX user_tokens_created ON user_tokens (zone_id, created_at, id);

-- The policy sets that were made for a user's bundle, and the policies.
CREATE TABLE user_bundle_sets (
    zone_id       TEXT NOT NULL,
    policy_set_id TEXT NOT NULL,
    user_uid      TEXT NOT NULL,
    PRIMARY KEY (zone_id, policy_set_id),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id)
);
CREATE INDEX user_bundle_sets_user ON user_bundle_sets (zone_id, user_uid);

CREATE TABLE user_bundle_policies (
    zone_id   TEXT NOT NULL,
    policy_id TEXT NOT NULL,
    user_uid  TEXT NOT NULL,
    PRIMARY KEY (zone_id, policy_id),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id)
);
CREATE INDEX user_bundle_policies_user ON user_bundle_policies (zone_id, user_uid);

CREATE TABLE idempotent_answers (
    scope      TEXT   NOT NULL PRIMARY KEY,
    request    TEXT   NOT NULL,
    answer     TEXT   NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotent_answers_created ON idempotent_answers (created_at);

-- Who does the work of the background, so that one instance at a time does a job: a claim that has passed is anybody's.
CREATE TABLE job_claims (
    job           TEXT   NOT NULL PRIMARY KEY,
    holder        TEXT   NOT NULL,
    claimed_until BIGINT NOT NULL
);

-- What is immutable stays so even for a program with a bug.
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER organization_events_no_update BEFORE UPDATE ON organization_events BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER organization_events_no_delete BEFORE DELETE ON organization_events BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_schemas_no_update BEFORE UPDATE ON policy_schemas BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_schemas_no_delete BEFORE DELETE ON policy_schemas BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_versions_no_update BEFORE UPDATE ON policy_versions BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_versions_no_delete BEFORE DELETE ON policy_versions BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_version_archives_no_update BEFORE UPDATE ON policy_version_archives BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_version_archives_no_delete BEFORE DELETE ON policy_version_archives BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_versions_no_update BEFORE UPDATE ON policy_set_versions BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_versions_no_delete BEFORE DELETE ON policy_set_versions BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_version_entries_no_update BEFORE UPDATE ON policy_set_version_entries BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_version_entries_no_delete BEFORE DELETE ON policy_set_version_entries BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_version_archives_no_update BEFORE UPDATE ON policy_set_version_archives BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER policy_set_version_archives_no_delete BEFORE DELETE ON policy_set_version_archives BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER attestations_no_update BEFORE UPDATE ON attestations BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER attestations_no_delete BEFORE DELETE ON attestations BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER re_sign_refusals_no_update BEFORE UPDATE ON re_sign_refusals BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER re_sign_refusals_no_delete BEFORE DELETE ON re_sign_refusals BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER user_bundle_sets_no_update BEFORE UPDATE ON user_bundle_sets BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER user_bundle_sets_no_delete BEFORE DELETE ON user_bundle_sets BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER user_bundle_policies_no_update BEFORE UPDATE ON user_bundle_policies BEGIN SELECT RAISE(ABORT, 'immutable'); END;
CREATE TRIGGER user_bundle_policies_no_delete BEFORE DELETE ON user_bundle_policies BEGIN SELECT RAISE(ABORT, 'immutable'); END;
