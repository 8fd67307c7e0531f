-- Run once for each audience: when a post or report first stood in the queue with its event.
ALTER TABLE member_${audience} ADD COLUMN shown_us INTEGER;
CREATE INDEX member_${audience}_shown ON member_${audience} (shown_us) WHERE shown_us IS NOT NULL;
