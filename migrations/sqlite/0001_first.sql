-- Executions. The id is 12 bytes and sorts by time, so every list is an index walk in id order; the rowid
-- (`number`) keeps secondary look-ups short. `request` and `result` are JSON as TEXT, zstd as BLOB, or NULL
-- when the bytes are in `bodies` (or, for a result, when there is none: then `result_size` is 0).
CREATE TABLE executions (
    number           INTEGER PRIMARY KEY,
    id               BLOB    NOT NULL,
    revision         INTEGER NOT NULL,
    status           INTEGER NOT NULL,
    started          INTEGER NOT NULL, -- all times are microseconds since 1970
    ended            INTEGER,
    action           TEXT    NOT NULL,
    runner           TEXT    NOT NULL,
    user             TEXT    NOT NULL,
    parent           BLOB,
    rule             TEXT,
    trigger_instance BLOB,
    not_before       INTEGER,
    builtin          INTEGER NOT NULL,
    gateway          TEXT,
    conversation     TEXT,
    result_size      INTEGER NOT NULL,
    request_size     INTEGER NOT NULL,
    progress         TEXT    NOT NULL,
    request          ANY,
    result           ANY
) STRICT;

CREATE UNIQUE INDEX executions_id ON executions (id);
CREATE INDEX executions_action ON executions (action, id);
CREATE INDEX executions_user ON executions (user, id);
-- Also answers "without a parent", the list that people see first.
CREATE INDEX executions_parent ON executions (parent, id);
CREATE INDEX executions_rule ON executions (rule, id) WHERE rule IS NOT NULL;
CREATE INDEX executions_trigger_instance ON executions (trigger_instance, id) WHERE trigger_instance IS NOT NULL;
CREATE INDEX executions_place ON executions (gateway, conversation, id) WHERE gateway IS NOT NULL;
-- 16 is `succeeded`, nearly all rows: finding the others is what the index is for.
CREATE INDEX executions_status ON executions (status, id) WHERE status <> 16;

-- Requests (part 0) and results (part 1) too big to sit in their row: JSON as TEXT or zstd as BLOB.
CREATE TABLE bodies (
    execution BLOB    NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    part      INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    data      ANY     NOT NULL,
    PRIMARY KEY (execution, part)
) STRICT, WITHOUT ROWID;

CREATE TABLE outputs (
    execution BLOB    NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    stream    INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    data      ANY     NOT NULL,
    PRIMARY KEY (execution, number)
) STRICT, WITHOUT ROWID;

-- `text` is what is hashed; the other columns repeat parts of it so that they can be searched.
CREATE TABLE audit (
    number    INTEGER PRIMARY KEY,
    at        INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    actor     TEXT    NOT NULL,
    action    TEXT,
    execution BLOB,
    hash      BLOB    NOT NULL,
    text      TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_kind ON audit (kind);
CREATE INDEX audit_actor ON audit (actor);
CREATE INDEX audit_action ON audit (action) WHERE action IS NOT NULL;
CREATE INDEX audit_execution ON audit (execution) WHERE execution IS NOT NULL;

CREATE TABLE claims (
    key      TEXT    PRIMARY KEY,
    received INTEGER NOT NULL,
    document TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX claims_received ON claims (received);

CREATE TABLE outbox (
    number       INTEGER PRIMARY KEY,
    id           BLOB    NOT NULL,
    gateway      TEXT    NOT NULL,
    conversation TEXT    NOT NULL,
    state        INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_attempt INTEGER NOT NULL,
    created      INTEGER NOT NULL,
    card         TEXT,
    execution    BLOB,
    message_ref  TEXT,
    error        TEXT,
    place        TEXT    NOT NULL,
    body         TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX outbox_id ON outbox (id);
CREATE INDEX outbox_pending ON outbox (id) WHERE state = 0;
CREATE INDEX outbox_conversation ON outbox (gateway, conversation, id);
CREATE INDEX outbox_card ON outbox (card, id) WHERE card IS NOT NULL;

CREATE TABLE definitions (
    digest   TEXT PRIMARY KEY,
    size     INTEGER NOT NULL,
    document ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the writer keeps about the rest, changed in the same commit: how many executions there are
-- (`executions.<status>.<top level>.<builtin>`), how many messages (`outbox.<state>.<gateway>`), the newest
-- audit entry (`audit`), and how far ids are from their start times (`skew`).
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;
