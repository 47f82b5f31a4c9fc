-- Environments: an agent's own Python beside its session, and the revisions of it that were given a name.

-- Sizes are of states and values together, in bytes. An environment leaves with its session.
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
