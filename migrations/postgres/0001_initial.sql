-- Tables of the PostgreSQL store: those of ../sqlite with the same names, columns, keys and indexes, which a test compares.
-- Ids and words are TEXT, counters and unix microseconds BIGINT, sealed bytes BYTEA. All text is ordered by its bytes, as on
-- SQLite, whatever the collation of the database. Every tenant table leads with zone_id; what belongs to
-- organizations leads with organization_id; nothing else crosses zones.

CREATE TABLE meta (
    key   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    value BYTEA            NOT NULL
);

-- Organizations, their service accounts, what these prove themselves with, and the roles they hold. The zone of a role in
-- the whole organization is the empty text.
CREATE TABLE organizations (
    id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name            TEXT COLLATE "C" NOT NULL,
    label           TEXT COLLATE "C" NOT NULL,
    object_revision BIGINT           NOT NULL,
    event_seq       BIGINT           NOT NULL,
    created_at      BIGINT           NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    updated_at      BIGINT           NOT NULL
);
CREATE UNIQUE INDEX organizations_label ON organizations (label);
CREATE INDEX organizations_created ON organizations (created_at, id);

CREATE TABLE service_accounts (
    organization_id TEXT COLLATE "C" NOT NULL,
    id              TEXT COLLATE "C" NOT NULL,
    name            TEXT COLLATE "C" NOT NULL,
    description     TEXT COLLATE "C",
    owner           TEXT COLLATE "C",
    object_revision BIGINT           NOT NULL,
    created_at      BIGINT           NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    updated_at      BIGINT           NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX service_accounts_id ON service_accounts (id);
CREATE INDEX service_accounts_created ON service_accounts (organization_id, created_at, id);

CREATE TABLE credentials (
    organization_id    TEXT COLLATE "C" NOT NULL,
    service_account_id TEXT COLLATE "C" NOT NULL,
    id                 TEXT COLLATE "C" NOT NULL,
    kind               TEXT COLLATE "C" NOT NULL,
    secret_mac         TEXT COLLATE "C" NOT NULL,
    name               TEXT COLLATE "C" NOT NULL,
    description        TEXT COLLATE "C",
    object_revision    BIGINT           NOT NULL,
    created_at         BIGINT           NOT NULL,
    created_by         TEXT COLLATE "C" NOT NULL,
    expires_at         BIGINT,
    last_used_at       BIGINT,
    PRIMARY KEY (organization_id, service_account_id, id),
    FOREIGN KEY (organization_id, service_account_id) REFERENCES service_accounts (organization_id, id)
);
CREATE UNIQUE INDEX credentials_id ON credentials (id);
CREATE INDEX credentials_created ON credentials (organization_id, service_account_id, created_at, id);

CREATE TABLE role_grants (
    organization_id    TEXT COLLATE "C" NOT NULL,
    service_account_id TEXT COLLATE "C" NOT NULL,
    zone_id            TEXT COLLATE "C" NOT NULL,
    role               TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, service_account_id, zone_id, role),
    FOREIGN KEY (organization_id, service_account_id) REFERENCES service_accounts (organization_id, id)
);
CREATE INDEX role_grants_zone ON role_grants (zone_id);

CREATE TABLE organization_events (
    organization_id TEXT COLLATE "C" NOT NULL,
    seq             BIGINT           NOT NULL,
    kind            TEXT COLLATE "C" NOT NULL,
    actor           TEXT COLLATE "C" NOT NULL,
    at              BIGINT           NOT NULL,
    body            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, seq)
);

CREATE TABLE zones (
    id                     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organization_id        TEXT COLLATE "C" NOT NULL,
    slug                   TEXT COLLATE "C" NOT NULL,
    name                   TEXT COLLATE "C" NOT NULL,
    description            TEXT COLLATE "C",
    owner_type             TEXT COLLATE "C" NOT NULL,
    settings               TEXT COLLATE "C" NOT NULL,
    default_schema_version TEXT COLLATE "C" NOT NULL,
    object_revision        BIGINT           NOT NULL,
    revision               BIGINT           NOT NULL,
    event_seq              BIGINT           NOT NULL,
    event_sha256           TEXT COLLATE "C",
    data_key               BYTEA            NOT NULL,
    created_at             BIGINT           NOT NULL,
    created_by             TEXT COLLATE "C" NOT NULL,
    updated_at             BIGINT           NOT NULL,
    deleted_at             BIGINT
);
CREATE UNIQUE INDEX zones_slug ON zones (organization_id, slug) WHERE deleted_at IS NULL;
CREATE INDEX zones_created ON zones (created_at, id);

CREATE TABLE events (
    zone_id     TEXT COLLATE "C" NOT NULL,
    seq         BIGINT           NOT NULL,
    kind        TEXT COLLATE "C" NOT NULL,
    actor       TEXT COLLATE "C" NOT NULL,
    at          BIGINT           NOT NULL,
    body        TEXT COLLATE "C" NOT NULL,
    prev_sha256 TEXT COLLATE "C",
    sha256      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, seq)
);

CREATE TABLE policy_schemas (
    zone_id           TEXT COLLATE "C" NOT NULL,
    version           TEXT COLLATE "C" NOT NULL,
    owner_type        TEXT COLLATE "C" NOT NULL,
    cedar_schema      TEXT COLLATE "C" NOT NULL,
    cedar_schema_json TEXT COLLATE "C" NOT NULL,
    schema_sha        TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT           NOT NULL,
    created_by        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, version)
);
CREATE INDEX policy_schemas_created ON policy_schemas (zone_id, created_at, version);

CREATE TABLE policy_schema_states (
    zone_id       TEXT COLLATE "C" NOT NULL,
    version       TEXT COLLATE "C" NOT NULL,
    status        TEXT COLLATE "C" NOT NULL,
    revision      BIGINT           NOT NULL,
    updated_at    BIGINT           NOT NULL,
    deprecated_at BIGINT,
    archived_at   BIGINT,
    PRIMARY KEY (zone_id, version),
    FOREIGN KEY (zone_id, version) REFERENCES policy_schemas (zone_id, version)
);

CREATE TABLE policies (
    zone_id               TEXT COLLATE "C" NOT NULL,
    id                    TEXT COLLATE "C" NOT NULL,
    name                  TEXT COLLATE "C" NOT NULL,
    description           TEXT COLLATE "C",
    owner_type            TEXT COLLATE "C" NOT NULL,
    revision              BIGINT           NOT NULL,
    latest_version        BIGINT,
    latest_version_id     TEXT COLLATE "C",
    latest_schema_version TEXT COLLATE "C",
    created_at            BIGINT           NOT NULL,
    created_by            TEXT COLLATE "C" NOT NULL,
    updated_at            BIGINT           NOT NULL,
    updated_by            TEXT COLLATE "C",
    archived_at           BIGINT,
    archived_by           TEXT COLLATE "C",
    name_folded           TEXT COLLATE "C" NOT NULL,
    description_folded    TEXT COLLATE "C",
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX policies_name ON policies (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policies_created ON policies (zone_id, created_at, id);

CREATE TABLE policy_versions (
    zone_id        TEXT COLLATE "C" NOT NULL,
    id             TEXT COLLATE "C" NOT NULL,
    policy_id      TEXT COLLATE "C" NOT NULL,
    version        BIGINT           NOT NULL,
    owner_type     TEXT COLLATE "C" NOT NULL,
    schema_version TEXT COLLATE "C" NOT NULL,
    sha            TEXT COLLATE "C" NOT NULL,
    origin         TEXT COLLATE "C" NOT NULL,
    permits        BIGINT           NOT NULL,
    created_at     BIGINT           NOT NULL,
    created_by     TEXT COLLATE "C" NOT NULL,
    cedar_raw      TEXT COLLATE "C",
    cedar_json     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, policy_id, version),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id),
    FOREIGN KEY (zone_id, schema_version) REFERENCES policy_schemas (zone_id, version)
);
CREATE INDEX policy_versions_created ON policy_versions (zone_id, policy_id, created_at, id);

CREATE TABLE policy_version_archives (
    zone_id           TEXT COLLATE "C" NOT NULL,
    policy_version_id TEXT COLLATE "C" NOT NULL,
    archived_at       BIGINT           NOT NULL,
    archived_by       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_version_id),
    FOREIGN KEY (zone_id, policy_version_id) REFERENCES policy_versions (zone_id, id)
);

CREATE TABLE policy_sets (
    zone_id           TEXT COLLATE "C" NOT NULL,
    id                TEXT COLLATE "C" NOT NULL,
    name              TEXT COLLATE "C" NOT NULL,
    owner_type        TEXT COLLATE "C" NOT NULL,
    scope_type        TEXT COLLATE "C" NOT NULL,
    revision          BIGINT           NOT NULL,
    latest_version    BIGINT,
    latest_version_id TEXT COLLATE "C",
    created_at        BIGINT           NOT NULL,
    created_by        TEXT COLLATE "C" NOT NULL,
    updated_at        BIGINT           NOT NULL,
    updated_by        TEXT COLLATE "C",
    archived_at       BIGINT,
    archived_by       TEXT COLLATE "C",
    name_folded       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX policy_sets_name ON policy_sets (zone_id, name) WHERE archived_at IS NULL;
CREATE INDEX policy_sets_created ON policy_sets (zone_id, created_at, id);

CREATE TABLE policy_set_versions (
    zone_id        TEXT COLLATE "C" NOT NULL,
    id             TEXT COLLATE "C" NOT NULL,
    policy_set_id  TEXT COLLATE "C" NOT NULL,
    version        BIGINT           NOT NULL,
    owner_type     TEXT COLLATE "C" NOT NULL,
    scope_type     TEXT COLLATE "C" NOT NULL,
    schema_version TEXT COLLATE "C" NOT NULL,
    schema_sha     TEXT COLLATE "C" NOT NULL,
    manifest_sha   TEXT COLLATE "C" NOT NULL,
    texts_sha      TEXT COLLATE "C" NOT NULL,
    validation     TEXT COLLATE "C" NOT NULL,
    cedar_version  TEXT COLLATE "C" NOT NULL,
    created_at     BIGINT           NOT NULL,
    created_by     TEXT COLLATE "C" NOT NULL,
    manifest       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, policy_set_id, version),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id),
    FOREIGN KEY (zone_id, schema_version) REFERENCES policy_schemas (zone_id, version)
);
CREATE INDEX policy_set_versions_created ON policy_set_versions (zone_id, policy_set_id, created_at, id);

-- The manifest once more, a row an entry, for questions that start at a policy version.
CREATE TABLE policy_set_version_entries (
    zone_id               TEXT COLLATE "C" NOT NULL,
    policy_set_version_id TEXT COLLATE "C" NOT NULL,
    policy_id             TEXT COLLATE "C" NOT NULL,
    policy_version_id     TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id, policy_id),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id),
    FOREIGN KEY (zone_id, policy_version_id) REFERENCES policy_versions (zone_id, id)
);
CREATE INDEX policy_set_version_entries_pinned ON policy_set_version_entries (zone_id, policy_version_id);

CREATE TABLE policy_set_version_archives (
    zone_id               TEXT COLLATE "C" NOT NULL,
    policy_set_version_id TEXT COLLATE "C" NOT NULL,
    archived_at           BIGINT           NOT NULL,
    archived_by           TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);

-- One a policy. What a draft names need not exist, except the version that it was begun from.
CREATE TABLE policy_drafts (
    zone_id         TEXT COLLATE "C" NOT NULL,
    policy_id       TEXT COLLATE "C" NOT NULL,
    schema_version  TEXT COLLATE "C" NOT NULL,
    origin          TEXT COLLATE "C",
    content         TEXT COLLATE "C",
    base_version_id TEXT COLLATE "C",
    revision        BIGINT           NOT NULL,
    created_at      BIGINT           NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    updated_at      BIGINT           NOT NULL,
    updated_by      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_id),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id),
    FOREIGN KEY (zone_id, base_version_id) REFERENCES policy_versions (zone_id, id)
);

-- One a policy set.
CREATE TABLE policy_set_drafts (
    zone_id         TEXT COLLATE "C" NOT NULL,
    policy_set_id   TEXT COLLATE "C" NOT NULL,
    entries         TEXT COLLATE "C" NOT NULL,
    schema_version  TEXT COLLATE "C" NOT NULL,
    base_version_id TEXT COLLATE "C",
    name            TEXT COLLATE "C",
    description     TEXT COLLATE "C",
    revision        BIGINT           NOT NULL,
    created_at      BIGINT           NOT NULL,
    created_by      TEXT COLLATE "C" NOT NULL,
    updated_at      BIGINT           NOT NULL,
    updated_by      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_set_id),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id),
    FOREIGN KEY (zone_id, base_version_id) REFERENCES policy_set_versions (zone_id, id)
);

CREATE TABLE signing_keys (
    zone_id             TEXT COLLATE "C" NOT NULL,
    kid                 TEXT COLLATE "C" NOT NULL,
    state               TEXT COLLATE "C" NOT NULL,
    n                   TEXT COLLATE "C" NOT NULL,
    e                   TEXT COLLATE "C" NOT NULL,
    sealed_private      BYTEA            NOT NULL,
    created_at          BIGINT           NOT NULL,
    created_by          TEXT COLLATE "C" NOT NULL,
    signs_from          BIGINT           NOT NULL,
    re_signed_at        BIGINT,
    revoke_requested_at BIGINT,
    revoke_requested_by TEXT COLLATE "C",
    revoked_seq         BIGINT,
    PRIMARY KEY (zone_id, kid)
);
CREATE UNIQUE INDEX signing_keys_one_signs ON signing_keys (zone_id) WHERE state = 'signing';
CREATE UNIQUE INDEX signing_keys_one_waits ON signing_keys (zone_id) WHERE state = 'pending';
-- Keys that something is still to be done for. The query that looks for them repeats this very condition.
CREATE INDEX signing_keys_work ON signing_keys (zone_id) WHERE state = 'pending' OR (state = 'signing' AND re_signed_at IS NULL)
    OR (state = 'retired' AND revoke_requested_at IS NOT NULL);

-- What a zone keeps of its entities. A deleted one leaves its row without sha and body: its last change can be followed.
CREATE TABLE entities (
    zone_id          TEXT COLLATE "C" NOT NULL,
    entity_type      TEXT COLLATE "C" NOT NULL,
    entity_id        TEXT COLLATE "C" NOT NULL,
    changed_revision BIGINT            NOT NULL,
    sha              TEXT COLLATE "C",
    body             TEXT COLLATE "C",
    PRIMARY KEY (zone_id, entity_type, entity_id)
);
CREATE INDEX entities_changed ON entities (zone_id, changed_revision, entity_type, entity_id);

CREATE TABLE attestations (
    zone_id               TEXT COLLATE "C" NOT NULL,
    policy_set_version_id TEXT COLLATE "C" NOT NULL,
    seq                   BIGINT           NOT NULL,
    status                TEXT COLLATE "C" NOT NULL,
    kid                   TEXT COLLATE "C" NOT NULL,
    protected             TEXT COLLATE "C" NOT NULL,
    payload               TEXT COLLATE "C" NOT NULL,
    signature             TEXT COLLATE "C" NOT NULL,
    created_at            BIGINT           NOT NULL,
    PRIMARY KEY (zone_id, policy_set_version_id, seq),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id),
    FOREIGN KEY (zone_id, kid) REFERENCES signing_keys (zone_id, kid)
);
CREATE INDEX attestations_kid ON attestations (zone_id, kid);

-- Set versions that were not signed again for the sake of a key, because they are not what was published.
CREATE TABLE re_sign_refusals (
    zone_id               TEXT COLLATE "C" NOT NULL,
    kid                   TEXT COLLATE "C" NOT NULL,
    policy_set_version_id TEXT COLLATE "C" NOT NULL,
    reason                TEXT COLLATE "C" NOT NULL,
    refused_at            BIGINT           NOT NULL,
    PRIMARY KEY (zone_id, kid, policy_set_version_id),
    FOREIGN KEY (zone_id, kid) REFERENCES signing_keys (zone_id, kid),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);

CREATE TABLE bindings (
    zone_id               TEXT COLLATE "C" NOT NULL,
    id                    TEXT COLLATE "C" NOT NULL,
    mode                  TEXT COLLATE "C" NOT NULL,
    scope_type            TEXT COLLATE "C" NOT NULL,
    scope_target_id       TEXT COLLATE "C" NOT NULL,
    policy_set_id         TEXT COLLATE "C" NOT NULL,
    policy_set_version_id TEXT COLLATE "C" NOT NULL,
    revision              BIGINT           NOT NULL,
    created_at            BIGINT           NOT NULL,
    created_by            TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, id),
    UNIQUE (zone_id, scope_type, scope_target_id, mode),
    FOREIGN KEY (zone_id, policy_set_version_id) REFERENCES policy_set_versions (zone_id, id)
);
CREATE INDEX bindings_set ON bindings (zone_id, policy_set_id, mode, revision, id);
CREATE INDEX bindings_created ON bindings (zone_id, created_at, id);
CREATE INDEX bindings_version ON bindings (zone_id, policy_set_version_id);

CREATE TABLE shadow_divergences (
    zone_id           TEXT COLLATE "C" NOT NULL,
    decision_id       TEXT COLLATE "C" NOT NULL,
    scope_type        TEXT COLLATE "C" NOT NULL,
    at                BIGINT           NOT NULL,
    scope_target_id   TEXT COLLATE "C" NOT NULL,
    active_version_id TEXT COLLATE "C",
    shadow_version_id TEXT COLLATE "C" NOT NULL,
    active_allowed    BIGINT           NOT NULL,
    shadow_allowed    BIGINT           NOT NULL,
    principal         TEXT COLLATE "C" NOT NULL,
    action            TEXT COLLATE "C" NOT NULL,
    resource          TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, decision_id, scope_type)
);
CREATE INDEX shadow_divergences_at ON shadow_divergences (zone_id, at);

CREATE TABLE shadow_divergence_totals (
    zone_id           TEXT COLLATE "C" NOT NULL,
    shadow_version_id TEXT COLLATE "C" NOT NULL,
    observed          BIGINT           NOT NULL,
    diverged          BIGINT           NOT NULL,
    would_allow       BIGINT           NOT NULL,
    failed            BIGINT           NOT NULL,
    PRIMARY KEY (zone_id, shadow_version_id)
);

-- The log of decisions: no part of the chain of events, and kept only for as long as its zone wants it. Texts without
-- bound are looked up by the first eight bytes of their SHA-256.
CREATE TABLE decisions (
    zone_id                TEXT COLLATE "C" NOT NULL,
    decision_id            TEXT COLLATE "C" NOT NULL,
    at                     BIGINT           NOT NULL,
    allowed                BIGINT           NOT NULL,
    reason                 TEXT COLLATE "C",
    revision               BIGINT           NOT NULL,
    principal              TEXT COLLATE "C" NOT NULL,
    principal_hash         BIGINT           NOT NULL,
    action                 TEXT COLLATE "C" NOT NULL,
    resource               TEXT COLLATE "C" NOT NULL,
    resource_hash          BIGINT           NOT NULL,
    session                TEXT COLLATE "C",
    policy_set_version_ids TEXT COLLATE "C" NOT NULL,
    body                   TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, decision_id)
);
CREATE INDEX decisions_at ON decisions (zone_id, at, decision_id);
CREATE INDEX decisions_principal ON decisions (zone_id, principal_hash, at, decision_id);
CREATE INDEX decisions_resource ON decisions (zone_id, resource_hash, at, decision_id);

-- Tokens bound to a user, of which only the SHA-256 is kept. A token names its zone, so that it is looked up within it.
CREATE TABLE user_tokens (
    zone_id      TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    token_sha256 TEXT COLLATE "C" NOT NULL,
    user_uid     TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT           NOT NULL,
    created_by   TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT           NOT NULL,
    PRIMARY KEY (zone_id, id)
);
CREATE UNIQUE INDEX user_tokens_sha256 ON user_tokens (zone_id, token_sha256);
CREATE INDEX user_tokens_created ON user_tokens (zone_id, created_at, id);

-- The policy sets that were made for a user's bundle, and the policies.
CREATE TABLE user_bundle_sets (
    zone_id       TEXT COLLATE "C" NOT NULL,
    policy_set_id TEXT COLLATE "C" NOT NULL,
    user_uid      TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_set_id),
    FOREIGN KEY (zone_id, policy_set_id) REFERENCES policy_sets (zone_id, id)
);
CREATE INDEX user_bundle_sets_user ON user_bundle_sets (zone_id, user_uid);

CREATE TABLE user_bundle_policies (
    zone_id   TEXT COLLATE "C" NOT NULL,
    policy_id TEXT COLLATE "C" NOT NULL,
    user_uid  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone_id, policy_id),
    FOREIGN KEY (zone_id, policy_id) REFERENCES policies (zone_id, id)
);
CREATE INDEX user_bundle_policies_user ON user_bundle_policies (zone_id, user_uid);

CREATE TABLE idempotent_answers (
    scope      TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request    TEXT COLLATE "C" NOT NULL,
    answer     TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL
);
CREATE INDEX idempotent_answers_created ON idempotent_answers (created_at);

-- Who does the work of the background, so that one instance at a time does a job: a claim that has passed is anybody's.
CREATE TABLE job_claims (
    job           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder        TEXT COLLATE "C" NOT NULL,
    claimed_until BIGINT           NOT NULL
);

-- What is immutable stays so even for a program with a bug.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is immutable', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER events_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER organization_events_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON organization_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_schemas_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_schemas FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_versions_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_version_archives_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_version_archives FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_set_versions_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_set_versions FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_set_version_entries_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_set_version_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER policy_set_version_archives_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON policy_set_version_archives FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER attestations_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON attestations FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER re_sign_refusals_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON re_sign_refusals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER user_bundle_sets_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON user_bundle_sets FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER user_bundle_policies_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON user_bundle_policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
