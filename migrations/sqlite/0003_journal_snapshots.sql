-- Entries that stand for all before them, so that a long journal need not be read from its beginning.
ALTER TABLE journals ADD COLUMN whole INTEGER NOT NULL DEFAULT 0;
CREATE INDEX journals_whole ON journals (execution, number) WHERE whole = 1;
