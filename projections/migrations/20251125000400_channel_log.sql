-- What was told through each channel is found without reading the life of every alert; and a removed channel keeps its secret
-- for a little while, so that its removal can be taken back whole.

CREATE INDEX alert_log_channel ON alert_log ((data ->> 'channel'), seq DESC) WHERE kind = 'told';

ALTER TABLE vault_channel ADD COLUMN erase_at timestamptz;
COMMENT ON COLUMN vault_channel.erase_at IS 'From when the secret of a removed channel is erased; NULL: the channel is there.';
