-- Bodies of entries of the open audit chain whose subject turned confidential later. Their links
-- stay in the open chain, which vouches for them by digest.
CREATE TABLE audit_withheld_confidential (position INTEGER PRIMARY KEY, body TEXT NOT NULL);
