-- Occurrences of triggers. `payload` is JSON as TEXT or zstd as BLOB, as in `bodies`; `detail` is the rest as JSON.
CREATE TABLE instances (
    number   INTEGER PRIMARY KEY,
    id       BLOB    NOT NULL,
    trigger  TEXT    NOT NULL, -- ref of the trigger
    status   INTEGER NOT NULL, -- 0 pending, 1 processing, 2 processed, 3 processing_failed
    occurred INTEGER NOT NULL, -- microseconds since 1970
    size     INTEGER NOT NULL,
    payload  ANY     NOT NULL,
    detail   TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX instances_id ON instances (id);
CREATE INDEX instances_trigger ON instances (trigger, id);
CREATE INDEX instances_open ON instances (id) WHERE status < 2;

-- What rules made of them.
CREATE TABLE enforcements (
    number    INTEGER PRIMARY KEY,
    id        BLOB    NOT NULL,
    rule      TEXT    NOT NULL,
    instance  BLOB    NOT NULL,
    execution BLOB,
    enforced  INTEGER NOT NULL,
    failure   TEXT
) STRICT;

CREATE UNIQUE INDEX enforcements_id ON enforcements (id);
CREATE INDEX enforcements_rule ON enforcements (rule, id);
CREATE INDEX enforcements_instance ON enforcements (instance, id);
CREATE INDEX enforcements_execution ON enforcements (execution) WHERE execution IS NOT NULL;
