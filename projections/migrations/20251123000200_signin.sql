-- How people prove who they are besides the password. Read models first (written by the projector inventory-v1 only),
-- then the secrets.

CREATE TABLE sign_in_ways (
    user_id uuid NOT NULL,
    way text NOT NULL CHECK (way IN ('totp', 'passkey', 'identity')),
    way_id text NOT NULL,
    name text,
    added_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, way, way_id)
);
CREATE INDEX sign_in_ways_id ON sign_in_ways (way, way_id);
COMMENT ON TABLE sign_in_ways IS 'Second factors, passkeys and accounts at identity providers of each person.';
COMMENT ON COLUMN sign_in_ways.way_id IS 'totp: empty. passkey: id of the credential. identity: issuer, a space, the provider''s name of the person.';

CREATE TABLE api_tokens (
    token_id text PRIMARY KEY,
    user_id uuid NOT NULL,
    name text NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX api_tokens_user ON api_tokens (user_id, created_at);
COMMENT ON TABLE api_tokens IS 'Personal API tokens. Their secrets exist only as digests in vault_token.';
COMMENT ON COLUMN api_tokens.ctl_seq IS 'Sequence of the newest event of this token in OPS_CTL: what a decision about it must expect.';

CREATE TABLE vault_token (
    token_id text PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32),
    last_used_at timestamptz,
    last_used_from text
);
COMMENT ON TABLE vault_token IS 'SHA-256 of the 32 random bytes'' text in a personal API token, and its last use, to the minute.';

CREATE TABLE vault_totp (
    user_id uuid PRIMARY KEY,
    sealed_seed bytea NOT NULL,
    made_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0
);
COMMENT ON TABLE vault_totp IS 'Seeds of authenticator apps, encrypted with a key that is not in this database.';
COMMENT ON COLUMN vault_totp.confirmed_at IS 'NULL until the person has shown a first code: not asked for at sign-in before.';
COMMENT ON COLUMN vault_totp.last_step IS 'Half minute since 1970 of the newest code used; that one and earlier ones are used up.';

CREATE TABLE vault_recovery (
    user_id uuid NOT NULL,
    code_sha256 bytea NOT NULL CHECK (octet_length(code_sha256) = 32),
    PRIMARY KEY (user_id, code_sha256)
);
COMMENT ON TABLE vault_recovery IS 'SHA-256 of recovery codes of 80 random bits that are still good for a sign-in.';

CREATE TABLE vault_passkey (
    credential_id text PRIMARY KEY,
    user_id uuid NOT NULL,
    fixed bytea NOT NULL,
    moving bytea NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX vault_passkey_user ON vault_passkey (user_id);
COMMENT ON TABLE vault_passkey IS 'Public keys of passkeys; the id is base64url.';
COMMENT ON COLUMN vault_passkey.moving IS 'What changes with use: counter and backup state.';

CREATE TABLE vault_ceremony (
    ticket_sha256 bytea PRIMARY KEY CHECK (octet_length(ticket_sha256) = 32),
    kind text NOT NULL,
    user_id uuid,
    state bytea NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
);
CREATE INDEX vault_ceremony_expires ON vault_ceremony (expires_at);
COMMENT ON TABLE vault_ceremony IS 'Sign-ins that take more than one request: what the server has to remember between them.';

ALTER TABLE vault_refresh ADD COLUMN method text NOT NULL DEFAULT 'password';
COMMENT ON COLUMN vault_refresh.method IS 'How the person signed in.';
