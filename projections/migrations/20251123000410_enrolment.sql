-- One-time codes with which a host becomes a server.

CREATE TABLE vault_enrolment (
    code_sha256 bytea PRIMARY KEY CHECK (octet_length(code_sha256) = 32),
    enrolment text NOT NULL,
    server_id text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX vault_enrolment_expires ON vault_enrolment (expires_at);
COMMENT ON TABLE vault_enrolment IS 'Codes by digest. Each works once, for ten minutes; rows are removed when they are over.';
