-- The schema as it is now, for new stores. Older stores get here through migrations/; a test proves both equal.
-- Moments are fixed-width ISO 8601 in UTC, so text order is time order. Absent labels are ''.

-- The one row of counters. `change` grows with every write that matters to search; it is how the caches of other
-- processes learn what to read again.
CREATE TABLE meta (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  change INTEGER NOT NULL
) STRICT;

INSERT INTO meta (one, change) VALUES (1, 0);

-- A memory's key is number * 2^40 + next_row: one workspace is one range of keys in every table and index.
CREATE TABLE workspaces (
  number INTEGER PRIMARY KEY AUTOINCREMENT CHECK (number < 4194304),
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  next_row INTEGER NOT NULL DEFAULT 1,
  live INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE contexts (
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  settings TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (workspace, id),
  UNIQUE (workspace, name)
) STRICT, WITHOUT ROWID;

-- Long columns come last: what ranks is read without following overflow pages.
CREATE TABLE memories (
  key INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  change INTEGER NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('active', 'archived', 'deleted')),
  embedding_state TEXT NOT NULL CHECK (embedding_state IN ('pending', 'embedded', 'failed')),
  type TEXT NOT NULL,
  subtype TEXT NOT NULL,
  importance REAL NOT NULL,
  pinned INTEGER NOT NULL,
  words INTEGER NOT NULL,
  short_question INTEGER NOT NULL,
  access_count INTEGER NOT NULL,
  confirmations INTEGER NOT NULL,
  decay_factor REAL NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  occurred_at TEXT,
  last_accessed_at TEXT,
  forgotten_at TEXT,
  context_id TEXT NOT NULL,
  session_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  observer_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  author TEXT NOT NULL,
  source_memory_id TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  forget_reason TEXT,
  metadata TEXT NOT NULL,
  content TEXT NOT NULL,
  -- What the keyword index was given as `context`; needed to take it out again.
  context_text TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX memories_twin ON memories (
  workspace, content_hash, context_id, user_id, subject_id, observer_id, iif(type = 'working', session_id, '')
) WHERE status != 'deleted';
CREATE INDEX memories_change ON memories (workspace, change);
-- Newest first, and everything a filter or a count looks at, without reading the long rows themselves.
CREATE INDEX memories_newest ON memories (
  workspace, status, created_at, type, subtype, context_id, session_id, user_id, observer_id, subject_id, author
);
CREATE INDEX memories_important ON memories (workspace, status, pinned, importance, created_at);
-- What was written in one session and context: what orders memories and gives them context.
CREATE INDEX memories_group ON memories (workspace, session_id, context_id)
WHERE session_id != '' OR context_id != '_default';
-- A note is a memory of type `working` with a session. It is its session's own: nobody else finds it or confirms it.
CREATE INDEX memories_notes ON memories (session_id)
WHERE type = 'working' AND session_id != '' AND status != 'deleted';
CREATE INDEX memories_archived ON memories (key) WHERE status = 'archived';
CREATE INDEX memories_deleted ON memories (key) WHERE status = 'deleted';
CREATE INDEX memories_pending ON memories (key) WHERE embedding_state = 'pending';

CREATE TRIGGER memories_born AFTER INSERT ON memories WHEN new.status != 'deleted'
BEGIN
  UPDATE workspaces SET live = live + 1 WHERE number = new.workspace;
END;

CREATE TRIGGER memories_turned AFTER UPDATE OF status ON memories
WHEN (new.status = 'deleted') != (old.status = 'deleted')
BEGIN
  UPDATE workspaces SET live = live + iif(new.status = 'deleted', -1, 1) WHERE number = new.workspace;
END;

CREATE TRIGGER memories_gone AFTER DELETE ON memories WHEN old.status != 'deleted'
BEGIN
  UPDATE workspaces SET live = live - 1 WHERE number = old.workspace;
END;

CREATE TABLE memory_tags (
  key INTEGER NOT NULL REFERENCES memories (key) ON DELETE CASCADE,
  tag TEXT NOT NULL,
  PRIMARY KEY (key, tag)
) STRICT, WITHOUT ROWID;

CREATE INDEX memory_tags_tag ON memory_tags (tag, key);

-- `content` is kept only where it differs from what the memory holds now.
CREATE TABLE revisions (
  key INTEGER NOT NULL REFERENCES memories (key) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  action TEXT NOT NULL,
  author TEXT NOT NULL,
  snapshot TEXT NOT NULL,
  content TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (key, number)
) STRICT;

CREATE TRIGGER memories_rewritten BEFORE UPDATE OF content ON memories WHEN new.content != old.content
BEGIN
  UPDATE revisions SET content = old.content WHERE key = old.key AND content IS NULL;
END;

-- Ends are ids without foreign keys: links of forgotten memories wait for their return, imports may come in any order.
CREATE TABLE associations (
  id TEXT PRIMARY KEY,
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  source_id TEXT NOT NULL,
  target_id TEXT NOT NULL,
  relationship TEXT NOT NULL,
  strength REAL NOT NULL,
  metadata TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  UNIQUE (source_id, target_id, relationship)
) STRICT;

CREATE INDEX associations_target ON associations (target_id);
CREATE INDEX associations_workspace ON associations (workspace, id);

CREATE TABLE events (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  workspace_id TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  author TEXT NOT NULL,
  detail TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

-- Sessions end and stay; what they hold in hand leaves with them.
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
-- An agent's own Python beside its session. Sizes are of states and values together, in bytes. An environment leaves with its session.
CREATE TABLE environments (
  session_id TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
  workspace INTEGER NOT NULL REFERENCES workspaces (number),
  revision INTEGER NOT NULL,
  exec_count INTEGER NOT NULL,
  total_operations INTEGER NOT NULL,
  restored INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  last_exec_at TEXT
) STRICT;

CREATE INDEX environments_workspace ON environments (workspace, size_bytes);

-- Apart from the counters, so that these can change without the state being written again.
CREATE TABLE environment_states (
  session_id TEXT PRIMARY KEY REFERENCES environments (session_id) ON DELETE CASCADE,
  engine TEXT NOT NULL,
  seal BLOB NOT NULL,
  state BLOB NOT NULL
) STRICT;

-- `value` is JSON; NULL: the variable has none.
CREATE TABLE environment_variables (
  session_id TEXT NOT NULL REFERENCES environments (session_id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  size INTEGER NOT NULL,
  digest TEXT NOT NULL,
  value TEXT,
  PRIMARY KEY (session_id, name)
) STRICT;

-- `variables` is a JSON list of the rows of environment_variables.
CREATE TABLE environment_checkpoints (
  number INTEGER PRIMARY KEY,
  session_id TEXT NOT NULL REFERENCES environments (session_id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  revision INTEGER NOT NULL,
  variable_count INTEGER NOT NULL,
  size_bytes INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  engine TEXT NOT NULL,
  seal BLOB NOT NULL,
  variables TEXT NOT NULL,
  state BLOB NOT NULL,
  UNIQUE (session_id, name)
) STRICT;

-- Who does what only one process shall do, and until when.
CREATE TABLE leases (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  until TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- An encoder's number names its index on disk, vec_<number>.
CREATE TABLE encoders (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  revision TEXT NOT NULL,
  dimension INTEGER NOT NULL,
  active INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  UNIQUE (name, revision, dimension)
) STRICT;

-- The vectors themselves: float32, little-endian, unit length; NULL: the encoder could not embed this memory.
-- The index vec_<number> is made from them.
CREATE TABLE vectors (
  key INTEGER NOT NULL REFERENCES memories (key) ON DELETE CASCADE,
  encoder INTEGER NOT NULL REFERENCES encoders (number) ON DELETE CASCADE,
  vector BLOB,
  PRIMARY KEY (key, encoder)
) STRICT;

-- What was erased for ever, so that caches drop it.
CREATE TABLE erasures (
  change INTEGER NOT NULL,
  key INTEGER NOT NULL,
  PRIMARY KEY (change, key)
) STRICT, WITHOUT ROWID;

-- The words of live memories. It holds no text of its own, and gives words up at once (`secure-delete`).
CREATE VIRTUAL TABLE memories_fts USING fts5 (
  content, context, content='', tokenize='porter unicode61 remove_diacritics 2'
);

INSERT INTO memories_fts (memories_fts, rank) VALUES ('secure-delete', 1);
INSERT INTO memories_fts (memories_fts, rank) VALUES ('rank', 'bm25(1.0, 0.4)');

-- A memory with its workspace's id and its tags, as `rows.memory_of` reads it.
CREATE VIEW whole_memories AS
SELECT
  m.key, m.id, w.id AS workspace_id, m.context_id, m.session_id, m.user_id, m.observer_id, m.subject_id, m.author,
  m.content, m.content_hash, m.type, m.subtype, m.importance,
  (SELECT json_group_array(t.tag ORDER BY t.tag) FROM memory_tags t WHERE t.key = m.key) AS tags,
  m.metadata, m.source_memory_id, m.status, m.pinned, m.access_count, m.confirmations, m.last_accessed_at,
  m.decay_factor, m.embedding_state, m.occurred_at, m.created_at, m.updated_at, m.forgotten_at, m.forget_reason,
  m.workspace
FROM memories m JOIN workspaces w ON w.number = m.workspace;
