-- Sessions: what they are, what they hold in hand, and who may tidy up after them.

CREATE TABLE sessions (
  id TEXT PRIMARY KEY,
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  context_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  author TEXT NOT NULL,
  metadata TEXT NOT NULL,
  ttl_seconds INTEGER NOT NULL,
  auto_commit INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  touched_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  committed_at TEXT,
  ended_at TEXT
) STRICT;

CREATE INDEX sessions_used ON sessions (workspace, touched_at);
CREATE INDEX sessions_open ON sessions (expires_at) WHERE ended_at IS NULL;

-- Values are JSON. `committed_at` is of the present value.
CREATE TABLE working_memory (
  session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  ttl_seconds INTEGER,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  expires_at TEXT,
  committed_at TEXT,
  value TEXT NOT NULL,
  PRIMARY KEY (session_id, key)
) STRICT;

CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A note is a memory of type `working` with a session. It is its session's own: nobody else finds it or confirms it.
CREATE INDEX memories_notes ON memories (session_id)
WHERE type = 'working' AND session_id != '' AND status != 'deleted';

DROP INDEX memories_twin;
CREATE UNIQUE INDEX memories_twin ON memories (
  workspace, content_hash, context_id, user_id, subject_id, observer_id, iif(type = 'working', session_id, '')
) WHERE status != 'deleted';

-- What orders memories and gives them context is a session and a context together, no longer the first of both.
DROP VIEW whole_memories;
DROP INDEX memories_conversation;
ALTER TABLE memories DROP COLUMN conversation;
CREATE INDEX memories_group ON memories (workspace, session_id, context_id)
WHERE session_id != '' OR context_id != '_default';

CREATE VIEW whole_memories AS
SELECT
  m.key, m.id, w.id AS workspace_id, m.context_id, m.session_id, m.user_id, m.observer_id, m.subject_id, m.author,
  m.content, m.content_hash, m.type, m.subtype, m.importance,
  (SELECT json_group_array(t.tag ORDER BY t.tag) FROM memory_tags t WHERE t.key = m.key) AS tags,
  m.metadata, m.source_memory_id, m.status, m.pinned, m.access_count, m.confirmations, m.last_accessed_at,
  m.decay_factor, m.embedding_state, m.occurred_at, m.created_at, m.updated_at, m.forgotten_at, m.forget_reason,
  m.workspace
FROM memories m JOIN workspaces w ON w.number = m.workspace;
