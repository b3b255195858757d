-- What memory's gate did with what it was offered, for `bin/pilothouse memory stats`. A scope tells nothing of its user.
CREATE TABLE memory.gate_counts (
    day date NOT NULL,
    scope text NOT NULL,
    verdict text NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (day, scope, verdict)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON memory.gate_counts TO pilothouse_memory;
