-- What has no audience: nothing here tells what a record says.
CREATE TABLE evidence (
    position INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    digest TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE TABLE tombstone (subject TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (subject, digest));
CREATE TABLE change (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL
);
CREATE TABLE set_aside (
    id TEXT PRIMARY KEY,
    at_us INTEGER NOT NULL,
    body TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE TABLE heartbeat (feed TEXT PRIMARY KEY, at_us INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE user (name TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL REFERENCES user (name) ON DELETE CASCADE,
    body TEXT NOT NULL
);
