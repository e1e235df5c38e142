-- By which text of its own catalog a deleted film comes back to what was kept of it.
ALTER TABLE kept_history ADD COLUMN item_id text;
CREATE INDEX kept_history_item_id ON kept_history (item_id) WHERE item_id IS NOT NULL;
