-- Who may do what: read model of the stream OPS_CTL, written by the projector inventory-v1 only. Only the last table holds
-- secrets and is written directly.

ALTER TABLE users ADD COLUMN active boolean NOT NULL DEFAULT true;
CREATE INDEX users_page ON users (username_key, user_id);
CREATE INDEX users_rule ON users (role) WHERE role IN ('owner', 'admin');
COMMENT ON COLUMN users.active IS 'False: switched off. It has no sessions and can do nothing.';

CREATE TABLE teams (
    team_id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX teams_page ON teams (name_key, team_id) WHERE deleted_at IS NULL;
COMMENT ON TABLE teams IS 'Several persons under one name, for sharing with all of them.';
COMMENT ON COLUMN teams.ctl_seq IS 'Sequence of the newest event of this team in OPS_CTL: what a decision about it must expect.';

CREATE TABLE team_members (
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id);
COMMENT ON TABLE team_members IS 'Who is in which team now.';

CREATE TABLE grants (
    grant_id uuid PRIMARY KEY,
    user_id uuid,
    team_id uuid,
    server_id text,
    tag text,
    level smallint NOT NULL CHECK (level BETWEEN 1 AND 3),
    given_by text,
    given_at timestamptz NOT NULL,
    revoked_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX grants_user ON grants (user_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_team ON grants (team_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_server ON grants (server_id) WHERE revoked_at IS NULL;
CREATE INDEX grants_tag ON grants (tag) WHERE revoked_at IS NULL;
CREATE INDEX grants_page ON grants (ctl_seq DESC) WHERE revoked_at IS NULL;
COMMENT ON TABLE grants IS 'Servers shared with a person or a team. One row is one pair of who and what.';
COMMENT ON COLUMN grants.server_id IS 'The server; NULL: the grant is on tag.';
COMMENT ON COLUMN grants.tag IS 'Every server with this label, now and later.';
COMMENT ON COLUMN grants.level IS '1: view, 2: operate, 3: manage.';
COMMENT ON COLUMN grants.given_by IS 'Actor of the event, for example user:<id>.';
COMMENT ON COLUMN grants.revoked_at IS 'When it ended; the row stays, because the next grant of this pair builds on its ctl_seq.';
COMMENT ON COLUMN grants.ctl_seq IS 'Sequence of the newest event of this grant in OPS_CTL: what a decision about it must expect.';

CREATE TABLE invitations (
    invitation_id uuid PRIMARY KEY,
    role text NOT NULL,
    teams uuid[] NOT NULL DEFAULT '{}',
    email text,
    made_by text,
    made_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    accepted_at timestamptz,
    accepted_by uuid,
    ctl_seq bigint NOT NULL
);
CREATE INDEX invitations_page ON invitations (made_at DESC);
COMMENT ON TABLE invitations IS 'Links by which somebody may make an account, once.';
COMMENT ON COLUMN invitations.ctl_seq IS 'Sequence of the newest event of this invitation in OPS_CTL: what a decision about it must expect.';

CREATE TABLE system_settings (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    registration text NOT NULL,
    changed_by text,
    changed_at timestamptz NOT NULL,
    ctl_seq bigint NOT NULL
);
COMMENT ON TABLE system_settings IS 'Settings of the whole system that are events. No row: never changed, the settings file counts.';
COMMENT ON COLUMN system_settings.registration IS 'open, invite or closed.';

CREATE INDEX servers_tags ON servers USING gin (tags) WHERE deleted_at IS NULL;

-- Plain SQL in two branches, so that the planner sees through it: each begins with the few grants of the person.
CREATE FUNCTION granted_to(asker uuid, lowest smallint) RETURNS TABLE (server_id text, level smallint) LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.server_id, g.level FROM grants g JOIN servers s ON s.server_id = g.server_id
    WHERE g.revoked_at IS NULL AND g.level >= lowest AND s.deleted_at IS NULL
      AND (g.user_id = asker OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = asker))
    UNION ALL
    SELECT s.server_id, g.level FROM grants g JOIN servers s ON s.tags @> ARRAY[g.tag]
    WHERE g.tag IS NOT NULL AND g.revoked_at IS NULL AND g.level >= lowest AND s.deleted_at IS NULL
      AND (g.user_id = asker OR g.team_id IN (SELECT m.team_id FROM team_members m WHERE m.user_id = asker))
$$;
COMMENT ON FUNCTION granted_to IS 'Servers shared with a person at this level or a higher one, directly, through a team or through a label; one row per grant.';

CREATE TABLE vault_invitation (
    invitation_id uuid PRIMARY KEY,
    secret_sha256 bytea NOT NULL CHECK (octet_length(secret_sha256) = 32)
);
COMMENT ON TABLE vault_invitation IS 'SHA-256 of the secret in an invitation''s link.';
