-- Run once for each audience: what is needed to withhold what turned confidential.
-- Which events' versions (of any age) name a post or report, as member or as candidate.
CREATE TABLE naming_${audience} (
    subject TEXT NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (subject, event)
) WITHOUT ROWID;
CREATE INDEX naming_${audience}_event ON naming_${audience} (event);
INSERT OR IGNORE INTO naming_${audience}
SELECT link.value ->> 'id', event_${audience}.id
FROM event_${audience}, json_each('["posts", "reports", "candidates"]') AS part,
    json_each(event_${audience}.body, '$$.' || part.value) AS link;
CREATE INDEX audit_${audience}_subject ON audit_${audience} (subject);
-- The place of a decision among all changes: the order in which decisions were taken.
ALTER TABLE decision_${audience} ADD COLUMN position INTEGER NOT NULL DEFAULT 0;
