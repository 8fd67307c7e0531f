-- Run once for each audience: pending, open, confidential.
CREATE TABLE post_${audience} (
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    posted_us INTEGER NOT NULL,
    accepted_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (id, version)
);
CREATE INDEX post_${audience}_posted ON post_${audience} (posted_us);
CREATE INDEX post_${audience}_accepted ON post_${audience} (accepted_us);
CREATE TABLE raw_${audience} (
    post TEXT NOT NULL,
    version INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (post, version),
    FOREIGN KEY (post, version) REFERENCES post_${audience} (id, version) ON DELETE CASCADE
);
CREATE TABLE report_${audience} (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    received_us INTEGER NOT NULL,
    accepted_us INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX report_${audience}_received ON report_${audience} (received_us);
CREATE INDEX report_${audience}_accepted ON report_${audience} (accepted_us);
CREATE VIRTUAL TABLE report_box_${audience} USING rtree (key, west, east, south, north);
CREATE TABLE assessment_${audience} (
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    accepted_us INTEGER NOT NULL,
    assessed_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (subject, version)
);
CREATE INDEX assessment_${audience}_assessed ON assessment_${audience} (assessed_us);
CREATE TABLE words_key_${audience} (
    key INTEGER PRIMARY KEY,
    post TEXT NOT NULL UNIQUE,
    posted_us INTEGER NOT NULL
);
CREATE VIRTUAL TABLE words_${audience} USING fts5 (text, tokenize = 'unicode61');
INSERT INTO words_${audience} (words_${audience}, rank) VALUES ('secure-delete', 1);
CREATE TABLE event_${audience} (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    merged INTEGER NOT NULL,
    flagged INTEGER NOT NULL,
    decided INTEGER NOT NULL,
    category TEXT NOT NULL,
    state TEXT NOT NULL,
    priority REAL NOT NULL,
    incident REAL NOT NULL,
    started_us INTEGER NOT NULL,
    last_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (id, version)
);
CREATE INDEX event_${audience}_queue ON event_${audience} (priority DESC) WHERE newest AND flagged;
CREATE INDEX event_${audience}_started ON event_${audience} (started_us) WHERE newest;
CREATE INDEX event_${audience}_last ON event_${audience} (last_us) WHERE newest;
CREATE VIRTUAL TABLE event_box_${audience} USING rtree (key, west, east, south, north);
CREATE TABLE member_${audience} (
    subject TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    correlated_us INTEGER NOT NULL
);
CREATE INDEX member_${audience}_event ON member_${audience} (event);
CREATE TABLE decision_${audience} (
    id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX decision_${audience}_event ON decision_${audience} (event);
CREATE TABLE audit_${audience} (
    position INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    hash TEXT NOT NULL,
    body TEXT NOT NULL
);
