-- Ways to tell people of alerts: read model of the stream OPS_CTL, written by the projector inventory-v1 only.

CREATE TABLE channels (
    channel_id uuid PRIMARY KEY,
    version integer NOT NULL,
    name text NOT NULL,
    name_key text NOT NULL,
    enabled boolean NOT NULL,
    saved jsonb NOT NULL,
    saved_by uuid,
    made_at timestamptz NOT NULL,
    saved_at timestamptz NOT NULL,
    deleted_at timestamptz,
    ctl_seq bigint NOT NULL
);
CREATE INDEX channels_page ON channels (name_key, channel_id) WHERE deleted_at IS NULL;
COMMENT ON TABLE channels IS 'Where people are told of alerts: the newest version of each channel, without its secret.';
COMMENT ON COLUMN channels.saved IS 'The channel, as in the event channel.saved.';
COMMENT ON COLUMN channels.saved_by IS 'Its author: it tells only of servers that they may see.';
COMMENT ON COLUMN channels.made_at IS 'When its first version was saved: what began before is not its business.';
COMMENT ON COLUMN channels.ctl_seq IS 'Sequence of the newest event of this channel in OPS_CTL: what a decision about it must expect.';

CREATE TABLE vault_channel (
    channel_id uuid PRIMARY KEY,
    sealed bytea NOT NULL
);
COMMENT ON TABLE vault_channel IS 'What opens the door of a channel: an address, a key, a token or a password, encrypted with a key that is not in the database. Truth, not rebuilt.';
