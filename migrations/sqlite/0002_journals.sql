-- What happened to a running workflow, in small numbered steps from which its state is made again. The data is sealed
-- by the engine, because values of a workflow may be secret.
CREATE TABLE journals (
    execution BLOB    NOT NULL REFERENCES executions (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,
    data      BLOB    NOT NULL,
    PRIMARY KEY (execution, number)
) STRICT, WITHOUT ROWID;
