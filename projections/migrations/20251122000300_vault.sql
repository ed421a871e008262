-- Secrets. The only primary data here: not events, never replayed, erasable.

CREATE TABLE vault_password (
    user_id uuid PRIMARY KEY,
    phc text NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE vault_password IS 'Argon2id digests of passwords in PHC form.';

CREATE TABLE vault_api_key (
    key_id text PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32)
);
COMMENT ON TABLE vault_api_key IS 'SHA-256 of the 32 random bytes'' text in an API key.';

CREATE TABLE vault_refresh (
    token_sha256 bytea PRIMARY KEY CHECK (octet_length(token_sha256) = 32),
    family uuid NOT NULL,
    user_id uuid NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    ended_at timestamptz,
    user_agent text,
    address text
);
CREATE INDEX vault_refresh_family ON vault_refresh (family);
CREATE INDEX vault_refresh_user ON vault_refresh (user_id);
CREATE INDEX vault_refresh_expires ON vault_refresh (expires_at);
COMMENT ON TABLE vault_refresh IS 'Refresh tokens by digest. A family is one sign-in; each use replaces the token, and the use of a replaced one ends the family.';
COMMENT ON COLUMN vault_refresh.rotated_at IS 'When it was exchanged for a newer one; using it again is theft.';
COMMENT ON COLUMN vault_refresh.ended_at IS 'When its family ended: logout, password change or theft.';

CREATE TABLE vault_secret (
    name text PRIMARY KEY,
    bytes bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE vault_secret IS 'Secrets of the system itself, for example the key that signs access tokens.';
