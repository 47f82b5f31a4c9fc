-- What a shared memory needs: contradictions that wait, API keys, and an audit trail that can be read.

-- What cannot both be true, until somebody settles it, and that it was settled. `first_key` is the older memory's.
CREATE TABLE contradictions (
  id TEXT PRIMARY KEY,
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  first_key INTEGER NOT NULL REFERENCES memories (key) ON DELETE CASCADE,
  second_key INTEGER NOT NULL REFERENCES memories (key) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  confidence REAL NOT NULL,
  detail TEXT NOT NULL,
  detected_at TEXT NOT NULL,
  resolved_at TEXT,
  resolution TEXT,
  merged_content TEXT
) STRICT;

CREATE UNIQUE INDEX contradictions_pair ON contradictions (
  min(first_key, second_key), max(first_key, second_key)
);
CREATE INDEX contradictions_first ON contradictions (first_key);
CREATE INDEX contradictions_second ON contradictions (second_key);
CREATE INDEX contradictions_open ON contradictions (workspace, confidence) WHERE resolved_at IS NULL;

-- A key is known by the SHA-256 of its secret, which is nowhere.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  prefix TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL UNIQUE,
  scopes TEXT NOT NULL,
  workspace_id TEXT NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT,
  last_used_at TEXT
) STRICT;

CREATE INDEX events_told ON events (workspace_id, created_at);
