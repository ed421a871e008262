-- The page of a script shows its newest runs.
CREATE INDEX jobs_script ON jobs (script_id, started_seq DESC) WHERE script_id IS NOT NULL;
