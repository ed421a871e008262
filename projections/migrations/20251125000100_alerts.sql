-- Alert rules and silences: read models of the stream OPS_CTL, written by the projector inventory-v1 only. Alerts and what
-- became of them: read models of the stream OPS_ALERT, written by the projector alerts-v1 only. Servers are known by their id
-- alone, so that the history of one that is gone stays readable.

CREATE TABLE alert_rules (
    rule_id uuid PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    enabled boolean NOT NULL,
    severity text NOT NULL,
    saved jsonb NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX alert_rules_page ON alert_rules (name_key, rule_id) WHERE deleted_at IS NULL;
COMMENT ON TABLE alert_rules IS 'What people want to be told of: the newest version of each alert rule.';
COMMENT ON COLUMN alert_rules.saved IS 'The rule, as in the event rule.saved.';
COMMENT ON COLUMN alert_rules.saved_by IS 'Its author: the rule watches only servers whose rules they may change.';
COMMENT ON COLUMN alert_rules.ctl_seq IS 'Sequence of the newest event of this rule in OPS_CTL: what a decision about it must expect.';

CREATE TABLE alert_rule_versions (
    rule_id uuid NOT NULL,
    version integer NOT NULL,
    saved jsonb NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (rule_id, version)
);
COMMENT ON TABLE alert_rule_versions IS 'Every version of every alert rule, also of those that are gone.';

CREATE TABLE alerts (
    alert_id uuid PRIMARY KEY,
    server_id text NOT NULL,
    rule_id uuid NOT NULL,
    rule_version integer NOT NULL,
    name text NOT NULL,
    wording text NOT NULL,
    device text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    state text NOT NULL CHECK (state IN ('open', 'resolved')),
    since timestamptz NOT NULL,
    raised_at timestamptz NOT NULL,
    raised_seq bigint NOT NULL,
    acknowledged_by text,
    acknowledged_at timestamptz,
    ack_note text,
    resolved_at timestamptz,
    resolved_cause text,
    resolved_by text,
    resolve_note text,
    raised jsonb NOT NULL DEFAULT '{}',
    seq bigint NOT NULL
);
CREATE INDEX alerts_page ON alerts (raised_seq DESC);
CREATE INDEX alerts_open ON alerts (raised_seq DESC) WHERE state = 'open';
CREATE INDEX alerts_open_of_server ON alerts (server_id, severity) WHERE state = 'open';
CREATE INDEX alerts_server ON alerts (server_id, raised_seq DESC);
CREATE INDEX alerts_rule ON alerts (rule_id, raised_seq DESC);
COMMENT ON TABLE alerts IS 'Each alert, from when it was raised to when it was over.';
COMMENT ON COLUMN alerts.device IS 'The device that it is about; empty: the host.';
COMMENT ON COLUMN alerts.since IS 'From when the condition was true, by the host''s clock.';
COMMENT ON COLUMN alerts.raised_at IS 'When it had been true for long enough, by the host''s clock.';
COMMENT ON COLUMN alerts.raised_seq IS 'Sequence of its first event in OPS_ALERT: the order of the list, the same after every rebuild.';
COMMENT ON COLUMN alerts.acknowledged_by IS 'user:<id> or system; NULL: nobody takes care of it.';
COMMENT ON COLUMN alerts.resolved_by IS 'Who said by hand that it is over.';
COMMENT ON COLUMN alerts.raised IS 'What was seen when it was raised: values, evidence, processes, note, lines.';
COMMENT ON COLUMN alerts.seq IS 'Sequence of its newest event in OPS_ALERT.';

CREATE TABLE alert_log (
    alert_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('raised', 'acknowledged', 'unacknowledged', 'resolved', 'cleared', 'told')),
    actor text,
    data jsonb NOT NULL,
    PRIMARY KEY (alert_id, seq)
);
CREATE INDEX alert_log_at ON alert_log (at);
CREATE INDEX alert_log_silence ON alert_log ((data #>> '{delivery,held,why,silence}'))
    WHERE kind = 'told' AND data #>> '{delivery,held,why,silence}' IS NOT NULL;
COMMENT ON TABLE alert_log IS 'The life of each alert, and who was told of it or why nobody was, in the order of OPS_ALERT.';
COMMENT ON COLUMN alert_log.at IS 'Stream time, the trusted clock.';
COMMENT ON COLUMN alert_log.actor IS 'user:<id> or system; NULL: it followed from readings.';
COMMENT ON COLUMN alert_log.data IS 'What the event says beside which alert it is about.';

CREATE TABLE silences (
    silence_id uuid PRIMARY KEY,
    saved jsonb NOT NULL,
    saved_by uuid,
    saved_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text,
    ctl_seq bigint NOT NULL
);
CREATE INDEX silences_page ON silences (ctl_seq DESC);
COMMENT ON TABLE silences IS 'Times in which nobody is told of some alerts.';
COMMENT ON COLUMN silences.saved IS 'The event silence.saved.';
COMMENT ON COLUMN silences.saved_by IS 'Whose rights it has: it holds back only alerts that they may handle.';
COMMENT ON COLUMN silences.ended_at IS 'When somebody ended it; one whose times are over has none.';
COMMENT ON COLUMN silences.ctl_seq IS 'Sequence of the newest event of this silence in OPS_CTL: what a decision about it must expect.';
