-- A turn says in which thread it was spoken, and which memories its model was shown: what was just recalled is not kept again.
ALTER TABLE memory.turns
    ADD COLUMN thread_id uuid,
    ADD COLUMN recalled text[] NOT NULL DEFAULT '{}';
