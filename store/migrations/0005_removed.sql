-- Posts that were removed on lawful demand: they are not taken in again, and no event names them.
CREATE TABLE removed (subject TEXT PRIMARY KEY, at_us INTEGER NOT NULL) WITHOUT ROWID;
