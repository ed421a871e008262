-- Jobs, scripts and schedules: read models of the stream OPS_CTL, written by the projector inventory-v1 only. The last table
-- is part of the vault and is written directly.

ALTER TABLE servers ADD COLUMN needs_approval boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN servers.needs_approval IS 'Another person has to approve what is run on it.';

CREATE TABLE jobs (
    job_id uuid PRIMARY KEY,
    name text,
    state text NOT NULL,
    started jsonb NOT NULL,
    servers text[] NOT NULL,
    started_by uuid,
    started_at timestamptz NOT NULL,
    approved_by text,
    approved_at timestamptz,
    ended_by text,
    ended_at timestamptz,
    outcome text,
    succeeded integer,
    failed integer,
    skipped integer,
    message text,
    schedule_id uuid,
    script_id uuid,
    started_seq bigint NOT NULL,
    ctl_seq bigint NOT NULL
);
CREATE INDEX jobs_page ON jobs (started_seq DESC);
CREATE INDEX jobs_open ON jobs (started_seq) WHERE state <> 'ended';
CREATE INDEX jobs_schedule ON jobs (schedule_id, started_seq DESC) WHERE schedule_id IS NOT NULL;
COMMENT ON TABLE jobs IS 'One operation on many hosts. What happens on each is a command.';
COMMENT ON COLUMN jobs.state IS 'waiting (for approval), running, paused, cancelling or ended.';
COMMENT ON COLUMN jobs.started IS 'The event job.started.';
COMMENT ON COLUMN jobs.servers IS 'The hosts that were meant when it started, in the order in which they are begun.';
COMMENT ON COLUMN jobs.started_by IS 'Who started it, or saved the schedule that did.';
COMMENT ON COLUMN jobs.ctl_seq IS 'Sequence of the newest event of this job in OPS_CTL: what a decision about it must expect.';

CREATE TABLE scripts (
    script_id uuid PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    saved jsonb NOT NULL,
    created_by uuid,
    created_at timestamptz NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX scripts_page ON scripts (name_key, script_id) WHERE deleted_at IS NULL;
COMMENT ON TABLE scripts IS 'Something to run that is kept under a name: its newest version.';
COMMENT ON COLUMN scripts.saved IS 'The event script.saved.';
COMMENT ON COLUMN scripts.ctl_seq IS 'Sequence of the newest event of this script in OPS_CTL: what a decision about it must expect.';

CREATE TABLE script_versions (
    script_id uuid NOT NULL,
    version integer NOT NULL,
    saved jsonb NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (script_id, version)
);
COMMENT ON TABLE script_versions IS 'Every version of every script, also of those that are gone.';

CREATE TABLE schedules (
    schedule_id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,
    saved jsonb NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    enabled boolean NOT NULL,
    disabled_reason text,
    counted_from timestamptz NOT NULL,
    last_planned timestamptz,
    last_job uuid,
    last_reason text,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX schedules_page ON schedules (name_key, schedule_id) WHERE deleted_at IS NULL;
COMMENT ON TABLE schedules IS 'Jobs that are started again and again, with the rights of whoever saved them last.';
COMMENT ON COLUMN schedules.counted_from IS 'Runs planned at or before this moment are not due: when it was saved or enabled, or the newest run.';
COMMENT ON COLUMN schedules.ctl_seq IS 'Sequence of the newest event of this schedule in OPS_CTL: what a decision about it must expect.';

CREATE TABLE vault_plan (
    plan_id uuid PRIMARY KEY,
    sealed bytea NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vault_plan IS 'Values of variables and what a program reads, encrypted, for a job (erased at its end) or a schedule.';
