-- A projector that stopped for good says so where everybody looks.

ALTER TABLE projection_checkpoint ADD COLUMN stands text;
COMMENT ON COLUMN projection_checkpoint.stands IS 'Why the projector stands still until a person decides; NULL: it works. The next take-over clears it.';
