-- What a rule that runs only so often did not run for: one row when a window is over, with its count, as JSON.
ALTER TABLE enforcements ADD COLUMN held_back TEXT;
