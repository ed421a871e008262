-- Who and what there is: read model of the stream OPS_CTL, written by the projector inventory-v1 only.

CREATE TABLE users (
    user_id uuid PRIMARY KEY,
    username text NOT NULL,
    username_key text NOT NULL,
    email text,
    email_key text,
    full_name text,
    role text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    password_changed_at timestamptz,
    ctl_seq bigint NOT NULL
);
-- Not unique: the stream's name claims are what keeps names apart, and a read model must never refuse an event.
CREATE INDEX users_username_key ON users (username_key);
CREATE INDEX users_email_key ON users (email_key) WHERE email_key IS NOT NULL;
COMMENT ON TABLE users IS 'Accounts. Passwords are in vault_password.';
COMMENT ON COLUMN users.username_key IS 'Sign-in name, folded to lower case.';
COMMENT ON COLUMN users.role IS 'owner, admin, operator or viewer.';
COMMENT ON COLUMN users.ctl_seq IS 'Sequence of the newest event of this account in OPS_CTL: what a decision about it must expect.';

CREATE TABLE name_claims (
    name_digest text PRIMARY KEY,
    user_id uuid,
    ctl_seq bigint NOT NULL
);
COMMENT ON TABLE name_claims IS 'Sign-in names and e-mail addresses in use, by digest. user_id NULL: released.';

CREATE TABLE servers (
    server_pk integer PRIMARY KEY,
    server_id text NOT NULL UNIQUE,
    owner uuid NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    tags text[] NOT NULL DEFAULT '{}',
    interval_ms integer,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX servers_page ON servers (name_key, server_pk) WHERE deleted_at IS NULL;
CREATE INDEX servers_owner ON servers (owner, name_key, server_pk) WHERE deleted_at IS NULL;
CREATE INDEX servers_deleted ON servers (ctl_seq) WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE servers IS 'Monitored hosts. A deleted one keeps its row, so that its history keeps its meaning.';
COMMENT ON COLUMN servers.server_pk IS 'Sequence of server.registered in OPS_CTL: short for the metrics tables, and the same after every rebuild.';
COMMENT ON COLUMN servers.name_key IS 'Name folded to lower case, for order and search.';
COMMENT ON COLUMN servers.interval_ms IS 'Milliseconds between samples asked of the agent; NULL: its default.';
COMMENT ON COLUMN servers.ctl_seq IS 'Sequence of the newest event of this server in OPS_CTL: what a decision about it must expect.';

CREATE TABLE api_keys (
    key_id text PRIMARY KEY,
    server_id text NOT NULL,
    name text,
    state text NOT NULL CHECK (state IN ('active', 'revoked')),
    created_by text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX api_keys_server ON api_keys (server_id, ctl_seq);
COMMENT ON TABLE api_keys IS 'Keys of agents. Their secrets exist only as digests in vault_api_key.';
COMMENT ON COLUMN api_keys.created_by IS 'Actor of the event, for example user:<id>.';
COMMENT ON COLUMN api_keys.ctl_seq IS 'Sequence of the newest event of this key in OPS_CTL: what a decision about it must expect.';
