-- Every statement of the store, by name. `{condition}` is a filter (see filters.py), `{index}` an encoder's index.

-- name: last_change
SELECT change FROM meta;

-- name: next_change
UPDATE meta SET change = change + 1 RETURNING change;

-- name: partition
SELECT number, live FROM workspaces WHERE id = ?;

-- name: all_partitions
SELECT number, live FROM workspaces ORDER BY number;

-- name: insert_workspace
INSERT INTO workspaces (id, name, settings, created_at, updated_at)
VALUES (:id, :name, '{}', :now, :now)
RETURNING number;

-- name: next_row
UPDATE workspaces SET next_row = next_row + 1 WHERE number = ? RETURNING next_row - 1;

-- name: workspace
SELECT id, name, settings, created_at, updated_at FROM workspaces WHERE id = ?;

-- name: workspaces
SELECT id, name, settings, created_at, updated_at FROM workspaces ORDER BY id;

-- name: find_context
SELECT 1 FROM contexts WHERE workspace = :workspace AND (id = :id OR name = :name);

-- name: insert_described_context
INSERT INTO contexts (workspace, id, name, description, settings, created_at)
VALUES (:workspace, :id, :name, :description, :settings, :now);

-- name: insert_context
INSERT INTO contexts (workspace, id, name, description, settings, created_at)
VALUES (:workspace, :id, :id, '', '{}', :now)
ON CONFLICT DO NOTHING;

-- name: contexts
SELECT c.id, c.name, c.description, c.settings, c.created_at
FROM contexts c JOIN workspaces w ON w.number = c.workspace
WHERE w.id = ?
ORDER BY c.name;

-- name: insert_memory
INSERT INTO memories (
  key, id, workspace, change, status, embedding_state, type, subtype, importance, pinned, words, short_question,
  access_count, confirmations, decay_factor, created_at, updated_at, occurred_at, last_accessed_at, forgotten_at,
  context_id, session_id, user_id, observer_id, subject_id, author, source_memory_id, content_hash, forget_reason,
  metadata, content, context_text
) VALUES (
  :key, :id, :workspace, :change, :status, :embedding_state, :type, :subtype, :importance, :pinned, :words,
  :short_question, :access_count, :confirmations, :decay_factor, :created_at, :updated_at, :occurred_at,
  :last_accessed_at, :forgotten_at, :context_id, :session_id, :user_id, :observer_id, :subject_id, :author,
  :source_memory_id, :content_hash, :forget_reason, :metadata, :content, :context_text
);

-- name: insert_tag
INSERT INTO memory_tags (key, tag) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: twin
SELECT key FROM memories
WHERE workspace = ? AND content_hash = ? AND context_id = ? AND user_id = ? AND subject_id = ? AND observer_id = ?
  AND iif(type = 'working', session_id, '') = ? AND status != 'deleted';

-- name: confirm
UPDATE memories
SET importance = max(importance, :importance), confirmations = confirmations + 1, status = 'active',
  updated_at = max(updated_at, :now), change = iif(status = 'active', change, :change)
WHERE key = :key;

-- name: bury
UPDATE memories
SET status = 'deleted', forgotten_at = :now, updated_at = :now, forget_reason = :reason, context_text = '',
  change = :change
WHERE key = :key;

-- name: unbury
UPDATE memories
SET status = 'active', forgotten_at = NULL, forget_reason = NULL, session_id = :session_id, updated_at = :now,
  change = :change
WHERE key = :key;

-- name: delete_memory
DELETE FROM memories WHERE key = ?;

-- name: insert_erasure
INSERT INTO erasures (change, key) VALUES (?, ?);

-- name: create_filler
CREATE TABLE filler (zeros BLOB);

-- name: fill
INSERT INTO filler (zeros) VALUES (zeroblob(?));

-- name: drop_filler
DROP TABLE filler;

-- name: count_access
UPDATE memories
SET access_count = access_count + 1, last_accessed_at = max(ifnull(last_accessed_at, ''), :at)
WHERE key IN (SELECT value FROM carray(:keys));

-- name: next_revision
INSERT INTO revisions (key, number, action, author, snapshot, content, created_at)
VALUES (
  :key, 1 + ifnull((SELECT max(number) FROM revisions WHERE key = :key), 0), :action, :author, :snapshot, NULL, :at
);

-- name: insert_revision
INSERT INTO revisions (key, number, action, author, snapshot, content, created_at)
VALUES (:key, :number, :action, :author, :snapshot, :content, :at)
ON CONFLICT DO NOTHING;

-- name: revisions
SELECT r.number, r.action, r.author, r.snapshot, ifnull(r.content, m.content), r.created_at
FROM revisions r JOIN memories m ON m.key = r.key
WHERE r.key = ?
ORDER BY r.number;

-- name: insert_event
INSERT INTO events (workspace_id, action, resource, author, detail, created_at)
VALUES (:workspace, :action, :resource, :author, :detail, :at);

-- name: memory_by_key
SELECT * FROM whole_memories WHERE key = ?;

-- name: memory_by_id
SELECT * FROM whole_memories WHERE id = ?;

-- name: memories_by_id
SELECT m.* FROM carray(:ids) c CROSS JOIN whole_memories m ON m.id = c.value
WHERE m.workspace = :workspace AND {condition};

-- name: memories_by_key
SELECT m.* FROM carray(?) c CROSS JOIN whole_memories m ON m.key = c.value WHERE m.status != 'deleted';

-- name: key_of
SELECT key FROM memories WHERE id = ?;

-- name: keys_by_id
SELECT m.id, m.key FROM carray(?) c CROSS JOIN memories m ON m.id = c.value;

-- name: count_memories
SELECT count(*) FROM memories m WHERE m.workspace = :workspace AND {condition};

-- name: count_plain
SELECT
  (SELECT count(*) FROM memories WHERE workspace = :workspace AND status = 'active')
  - (SELECT count(*) FROM memories INDEXED BY memories_notes
     WHERE type = 'working' AND session_id != '' AND status != 'deleted' AND session_id != :viewer_session
       AND workspace = :workspace AND status = 'active');

-- name: newest
SELECT m.* FROM whole_memories m WHERE m.key IN (
  SELECT m.key FROM memories m
  WHERE m.workspace = :workspace AND {condition}
  ORDER BY m.created_at DESC, m.key DESC
  LIMIT :limit
)
ORDER BY m.created_at DESC, m.key DESC;

-- name: important
SELECT m.* FROM whole_memories m WHERE m.key IN (
  SELECT m.key FROM memories m
  WHERE m.workspace = :workspace AND {condition}
  ORDER BY m.pinned DESC, m.importance DESC, m.created_at DESC, m.key DESC
  LIMIT :limit
)
ORDER BY m.pinned DESC, m.importance DESC, m.created_at DESC, m.key DESC;

-- name: group_of
SELECT workspace, session_id, context_id, type = 'working' AND session_id != '' FROM memories
WHERE key = ? AND (session_id != '' OR context_id != '_default');

-- name: memories_before
SELECT m.* FROM whole_memories m
WHERE m.workspace = :workspace AND m.session_id = :session_id AND m.context_id = :context_id
  AND (m.session_id != '' OR m.context_id != '_default') AND m.key < :key AND m.status != 'deleted'
  AND (:with_notes OR m.type != 'working' OR m.session_id = '')
ORDER BY m.key DESC
LIMIT :limit;

-- name: memories_after
SELECT m.* FROM whole_memories m
WHERE m.workspace = :workspace AND m.session_id = :session_id AND m.context_id = :context_id
  AND (m.session_id != '' OR m.context_id != '_default') AND m.key > :key AND m.status != 'deleted'
  AND (:with_notes OR m.type != 'working' OR m.session_id = '')
ORDER BY m.key
LIMIT :limit;

-- name: contents_before
SELECT content FROM memories
WHERE workspace = :workspace AND session_id = :session_id AND context_id = :context_id
  AND (session_id != '' OR context_id != '_default') AND key < :key AND status != 'deleted'
  AND (:with_notes OR type != 'working' OR session_id = '')
ORDER BY key DESC
LIMIT :limit;

-- name: contents_after
SELECT key, content FROM memories
WHERE workspace = :workspace AND session_id = :session_id AND context_id = :context_id
  AND (session_id != '' OR context_id != '_default') AND key > :key AND status != 'deleted'
  AND (:with_notes OR type != 'working' OR session_id = '')
ORDER BY key
LIMIT :limit;

-- name: set_context_text
UPDATE memories SET context_text = ? WHERE key = ?;

-- name: insert_words
INSERT INTO memories_fts (rowid, content, context) VALUES (?, ?, ?);

-- name: delete_words
INSERT INTO memories_fts (memories_fts, rowid, content, context) VALUES ('delete', ?, ?, ?);

-- name: indexed_text
SELECT content, context_text FROM memories WHERE key = ?;

-- name: indexed_texts
SELECT key, content, context_text FROM memories WHERE key > ? AND status != 'deleted' ORDER BY key LIMIT 1000;

-- name: keyword_index_definition
SELECT sql FROM sqlite_schema WHERE name = 'memories_fts';

-- name: drop_keyword_index
DROP TABLE memories_fts;

-- name: configure_keyword_index
INSERT INTO memories_fts (memories_fts, rank) VALUES ('secure-delete', 1), ('rank', 'bm25(1.0, 0.4)');

-- name: optimize_keyword_index
INSERT INTO memories_fts (memories_fts) VALUES ('optimize');

-- name: check_keyword_index
INSERT INTO memories_fts (memories_fts) VALUES ('integrity-check');

-- name: count_words
SELECT count(*) FROM memories_fts WHERE memories_fts MATCH :query AND rowid BETWEEN :first AND :last;

-- name: keyword_hits
SELECT rowid, -bm25(memories_fts, 1.0, 0.4) AS score FROM memories_fts
WHERE memories_fts MATCH :query AND rowid BETWEEN :first AND :last
  AND rowid NOT IN (
    SELECT key FROM memories WHERE status = 'archived'
    UNION ALL
    SELECT key FROM memories INDEXED BY memories_notes
    WHERE type = 'working' AND session_id != '' AND status != 'deleted' AND session_id != :viewer_session
  )
ORDER BY score DESC
LIMIT :limit;

-- name: filtered_keyword_hits
SELECT f.rowid, -bm25(memories_fts, 1.0, 0.4) AS score
FROM memories_fts f CROSS JOIN memories m ON m.key = f.rowid
WHERE f.memories_fts MATCH :query AND f.rowid BETWEEN :first AND :last AND {condition}
ORDER BY score DESC
LIMIT :limit;

-- name: holders
SELECT f.rowid FROM memories_fts f CROSS JOIN memories m ON m.key = f.rowid
WHERE f.memories_fts MATCH :query AND f.rowid BETWEEN :first AND :last AND {condition};

-- name: encoder
SELECT number FROM encoders WHERE name = ? AND revision = ? AND dimension = ?;

-- name: insert_encoder
INSERT INTO encoders (name, revision, dimension, created_at, active)
VALUES (?, ?, ?, ?, NOT EXISTS (SELECT 1 FROM encoders WHERE active))
RETURNING number;

-- name: activate_encoder
UPDATE encoders SET active = (number = ?);

-- name: delete_encoder
DELETE FROM encoders WHERE number = ?;

-- name: encoder_numbers
SELECT number, name, revision, dimension, active FROM encoders ORDER BY number;

-- name: upsert_vector
INSERT INTO vectors (key, encoder, vector) VALUES (?, ?, ?)
ON CONFLICT (key, encoder) DO UPDATE SET vector = excluded.vector;

-- name: vectors_of
SELECT encoder, vector FROM vectors WHERE key = ? AND vector IS NOT NULL;

-- name: has_vector
SELECT 1 FROM vectors WHERE key = ? AND encoder = ? AND vector IS NOT NULL;

-- name: keys_of_encoder
SELECT key FROM vectors WHERE encoder = ? AND vector IS NOT NULL;

-- name: delete_vectors_of_encoder
DELETE FROM vectors WHERE encoder = ?;

-- name: pending
SELECT key, id, content FROM memories
WHERE embedding_state = 'pending' AND status != 'deleted'
ORDER BY key
LIMIT ?;

-- name: missing_vectors
SELECT key, id, content FROM memories m
WHERE status != 'deleted' AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.key = m.key AND v.encoder = ?)
ORDER BY key
LIMIT ?;

-- name: is_still
SELECT 1 FROM memories WHERE key = ? AND content = ? AND status != 'deleted';

-- name: settle_embedding_state
UPDATE memories
SET change = ?, embedding_state = CASE
  WHEN EXISTS (SELECT 1 FROM vectors v WHERE v.key = memories.key AND v.vector IS NOT NULL) THEN 'embedded'
  WHEN EXISTS (SELECT 1 FROM vectors v WHERE v.key = memories.key) THEN 'failed'
  ELSE 'pending'
END
WHERE key = ?;

-- name: create_vector_index
CREATE VIRTUAL TABLE {index} USING vec0 (
  workspace INTEGER PARTITION KEY, vector FLOAT[{dimension}] distance_metric=L2, chunk_size=128
);

-- name: drop_vector_index
DROP TABLE {index};

-- name: insert_into_vector_index
INSERT INTO {index} (rowid, workspace, vector) VALUES (?, ?, ?);

-- name: delete_from_vector_index
DELETE FROM {index} WHERE rowid = ?;

-- name: search_vector_index
SELECT rowid, distance FROM {index} WHERE workspace = :workspace AND vector MATCH :vector AND k = :k;

-- name: search_vector_index_among
SELECT rowid, distance FROM {index}
WHERE workspace = :workspace AND vector MATCH :vector AND k = :k
  AND rowid IN (SELECT m.key FROM memories m WHERE m.workspace = :workspace AND {condition});

-- name: live_vectors
SELECT key, vector FROM vectors
WHERE key BETWEEN ? AND ? AND encoder = ? AND vector IS NOT NULL
  AND key NOT IN (SELECT key FROM memories WHERE status = 'deleted');

-- name: check_vector_index
SELECT
  (SELECT count(*) FROM {index}_rowids),
  (SELECT count(*) FROM vectors
   WHERE encoder = ? AND vector IS NOT NULL AND key NOT IN (SELECT key FROM memories WHERE status = 'deleted'));

-- name: count_vector_index
SELECT count(*) FROM {index}_rowids;

-- name: vectors_to_load
SELECT key, key IN (SELECT key FROM memories WHERE status = 'archived'), vector FROM vectors
WHERE key BETWEEN :first AND :last AND encoder = :encoder AND vector IS NOT NULL
  AND key NOT IN (SELECT key FROM memories WHERE status = 'deleted');

-- name: vectors_changed
SELECT m.key, m.status, v.vector FROM memories m
LEFT JOIN vectors v ON v.key = m.key AND v.encoder = :encoder
WHERE m.workspace = :workspace AND m.change > :since
ORDER BY m.key;

-- name: erased_since
SELECT key FROM erasures WHERE change > ?;

-- name: vectors_by_key
SELECT v.key, v.vector FROM carray(:keys) c CROSS JOIN vectors v ON v.key = c.value AND v.encoder = :encoder
WHERE v.vector IS NOT NULL;

-- name: vectors_by_id
SELECT m.id, v.vector FROM carray(:ids) c
CROSS JOIN memories m ON m.id = c.value
CROSS JOIN vectors v ON v.key = m.key AND v.encoder = :encoder
WHERE v.vector IS NOT NULL;

-- name: has_archived
SELECT EXISTS (SELECT 1 FROM memories WHERE status = 'archived');

-- name: notes_of_others
SELECT key FROM memories INDEXED BY memories_notes
WHERE type = 'working' AND session_id != '' AND status != 'deleted' AND session_id != :viewer_session
  AND key BETWEEN :first AND :last;

-- name: allowed_keys
SELECT m.key FROM memories m WHERE m.workspace = :workspace AND {condition};

-- name: allowed_among
SELECT m.key FROM carray(:keys) c CROSS JOIN memories m ON m.key = c.value WHERE {condition};

-- name: features
SELECT
  m.key, m.author,
  CASE
    WHEN m.context_id != '_default' THEN m.session_id || '/' || m.context_id
    WHEN m.session_id != '' THEN m.session_id || '/'
    ELSE ''
  END,
  ifnull(m.occurred_at, m.created_at), m.importance, m.words, m.short_question, m.context_id
FROM carray(?) c CROSS JOIN memories m ON m.key = c.value
WHERE m.status != 'deleted';

-- name: near
SELECT m.key, m.id, m.content FROM carray(?) c CROSS JOIN memories m ON m.key = c.value
WHERE m.status != 'deleted';

-- name: association_between
SELECT a.id, w.id, a.source_id, a.target_id, a.relationship, a.strength, a.metadata, a.created_at, a.updated_at
FROM associations a JOIN workspaces w ON w.number = a.workspace
WHERE a.source_id = ? AND a.target_id = ? AND a.relationship = ?;

-- name: association_exists
SELECT 1 FROM associations WHERE id = ?;

-- name: insert_association
INSERT INTO associations (
  id, workspace, source_id, target_id, relationship, strength, metadata, created_at, updated_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: update_association
UPDATE associations SET strength = ?, metadata = ?, updated_at = ? WHERE id = ?;

-- name: delete_association
DELETE FROM associations WHERE id = ?
RETURNING (SELECT w.id FROM workspaces w WHERE w.number = workspace), source_id, target_id, relationship;

-- name: delete_associations_of
DELETE FROM associations WHERE id IN (
  SELECT id FROM associations WHERE source_id = ?1 UNION SELECT id FROM associations WHERE target_id = ?1
);

-- name: associations_of
WITH found (id) AS (
  SELECT a.id FROM carray(:ids) c CROSS JOIN associations a ON a.source_id = c.value WHERE :outgoing
  UNION
  SELECT a.id FROM carray(:ids) c CROSS JOIN associations a ON a.target_id = c.value WHERE :incoming
)
SELECT a.id, w.id, a.source_id, a.target_id, a.relationship, a.strength, a.metadata, a.created_at, a.updated_at
FROM found f
CROSS JOIN associations a ON a.id = f.id
CROSS JOIN memories s ON s.id = a.source_id
CROSS JOIN memories t ON t.id = a.target_id
CROSS JOIN workspaces w ON w.number = a.workspace
WHERE s.status != 'deleted' AND t.status != 'deleted'
  AND (:archived OR (s.status = 'active' AND t.status = 'active'))
  AND s.workspace IN (SELECT value FROM json_each(:workspaces))
  AND t.workspace IN (SELECT value FROM json_each(:workspaces))
  AND (s.type != 'working' OR s.session_id IN ('', :viewer_session))
  AND (t.type != 'working' OR t.session_id IN ('', :viewer_session))
ORDER BY a.strength DESC, a.id
LIMIT :limit;

-- name: associations_of_workspace
SELECT a.id, w.id, a.source_id, a.target_id, a.relationship, a.strength, a.metadata, a.created_at, a.updated_at
FROM associations a JOIN workspaces w ON w.number = a.workspace
WHERE w.id = ? AND a.id > ?
ORDER BY a.id
LIMIT ?;

-- name: is_alive_in
SELECT 1 FROM memories m JOIN workspaces w ON w.number = m.workspace
WHERE m.id = ? AND w.id IN (?, ?) AND m.status != 'deleted';

-- name: count_ends
SELECT count(*) FROM memories WHERE id IN (?, ?);

-- name: scan
SELECT m.*, v.vector FROM whole_memories m
LEFT JOIN vectors v ON v.key = m.key AND v.encoder = (SELECT number FROM encoders WHERE active)
WHERE m.key BETWEEN ? AND ?
ORDER BY m.key
LIMIT ?;

-- name: insert_session
INSERT INTO sessions (
  id, workspace, context_id, user_id, author, metadata, ttl_seconds, auto_commit, created_at, touched_at, expires_at,
  committed_at, ended_at
) VALUES (
  :id, :workspace, :context_id, :user_id, :author, :metadata, :ttl_seconds, :auto_commit, :created_at, :touched_at,
  :expires_at, :committed_at, :ended_at
)
ON CONFLICT DO NOTHING
RETURNING id;

-- name: session
SELECT
  s.id, w.id, s.context_id, s.user_id, s.author, s.metadata, s.ttl_seconds, s.auto_commit, s.created_at, s.touched_at,
  s.expires_at, s.committed_at, s.ended_at
FROM sessions s JOIN workspaces w ON w.number = s.workspace
WHERE s.id = ?;

-- name: sessions
SELECT
  s.id, w.id, s.context_id, s.user_id, s.author, s.metadata, s.ttl_seconds, s.auto_commit, s.created_at, s.touched_at,
  s.expires_at, s.committed_at, s.ended_at
FROM sessions s JOIN workspaces w ON w.number = s.workspace
WHERE w.id = :workspace_id AND (:include_ended OR (s.ended_at IS NULL AND s.expires_at > :now))
ORDER BY s.touched_at DESC, s.id;

-- name: expired_sessions
SELECT
  s.id, w.id, s.context_id, s.user_id, s.author, s.metadata, s.ttl_seconds, s.auto_commit, s.created_at, s.touched_at,
  s.expires_at, s.committed_at, s.ended_at
FROM sessions s JOIN workspaces w ON w.number = s.workspace
WHERE s.ended_at IS NULL AND s.expires_at <= ?
ORDER BY s.expires_at, s.id
LIMIT ?;

-- name: touch_session
UPDATE sessions SET touched_at = max(touched_at, :at), expires_at = max(expires_at, :expires_at) WHERE id = :id;

-- name: settle_session
UPDATE sessions
SET committed_at = ifnull(:committed_at, committed_at), ended_at = ifnull(:ended_at, ended_at)
WHERE id = :id;

-- name: has_ended
SELECT 1 FROM sessions WHERE id = ? AND ended_at IS NOT NULL;

-- name: working
SELECT session_id, key, value, ttl_seconds, created_at, updated_at, expires_at, committed_at FROM working_memory
WHERE session_id = ? AND (expires_at IS NULL OR expires_at > ?)
ORDER BY key;

-- name: drop_expired_working
DELETE FROM working_memory WHERE session_id = ? AND expires_at <= ?;

-- name: drop_working
DELETE FROM working_memory WHERE session_id = ? RETURNING committed_at;

-- name: count_other_working
SELECT count(*) FROM working_memory WHERE session_id = ? AND key != ?;

-- name: set_working
INSERT INTO working_memory (session_id, key, ttl_seconds, created_at, updated_at, expires_at, committed_at, value)
VALUES (:session_id, :key, :ttl_seconds, :created_at, :updated_at, :expires_at, NULL, :value)
ON CONFLICT (session_id, key) DO UPDATE
SET ttl_seconds = excluded.ttl_seconds, updated_at = excluded.updated_at, expires_at = excluded.expires_at,
  committed_at = NULL, value = excluded.value
RETURNING session_id, key, value, ttl_seconds, created_at, updated_at, expires_at, committed_at;

-- name: commit_working
UPDATE working_memory SET committed_at = :at
WHERE session_id = :session_id AND key = :key AND value = :value AND updated_at = :updated_at
  AND committed_at IS :committed_at
RETURNING key;

-- name: notes
SELECT m.* FROM whole_memories m
WHERE m.workspace_id IN (:workspace_id, :global) AND m.key IN (
  SELECT key FROM memories INDEXED BY memories_notes
  WHERE type = 'working' AND session_id != '' AND status != 'deleted' AND session_id = :session_id
)
ORDER BY m.created_at, m.key;

-- name: environment
SELECT
  e.session_id, w.id, e.revision, s.engine, e.exec_count, e.total_operations, e.restored, e.size_bytes, e.created_at,
  e.updated_at, e.last_exec_at
FROM environments e
JOIN environment_states s ON s.session_id = e.session_id
JOIN workspaces w ON w.number = e.workspace
WHERE e.session_id = ?;

-- name: environment_state
SELECT state, seal FROM environment_states WHERE session_id = ?;

-- name: environment_variables
SELECT name, type, size, digest FROM environment_variables WHERE session_id = ? ORDER BY name;

-- name: environment_values
SELECT name, value FROM environment_variables WHERE session_id = ? AND value IS NOT NULL ORDER BY name;

-- name: save_environment
INSERT INTO environments (
  session_id, workspace, revision, exec_count, total_operations, restored, size_bytes, created_at, updated_at,
  last_exec_at
) VALUES (
  :session_id, (SELECT workspace FROM sessions WHERE id = :session_id), :revision, :exec_count, :total_operations,
  :restored, 0, :created_at, :updated_at, :last_exec_at
)
ON CONFLICT (session_id) DO UPDATE
SET revision = excluded.revision, exec_count = excluded.exec_count, total_operations = excluded.total_operations,
  restored = excluded.restored, updated_at = excluded.updated_at, last_exec_at = excluded.last_exec_at;

-- name: save_environment_state
INSERT INTO environment_states (session_id, engine, seal, state) VALUES (:session_id, :engine, :seal, :state)
ON CONFLICT (session_id) DO UPDATE SET engine = excluded.engine, seal = excluded.seal, state = excluded.state;

-- name: drop_other_variables
DELETE FROM environment_variables
WHERE session_id = :session_id AND name NOT IN (SELECT value FROM json_each(:names));

-- name: save_environment_variable
INSERT INTO environment_variables AS stored (session_id, name, type, size, digest, value)
VALUES (:session_id, :name, :type, :size, :digest, :value)
ON CONFLICT (session_id, name) DO UPDATE
SET type = excluded.type, size = excluded.size, digest = excluded.digest, value = CASE
  WHEN excluded.value IS NOT NULL THEN excluded.value
  WHEN excluded.digest != '' AND excluded.digest = stored.digest THEN stored.value
END
WHERE excluded.value IS NOT NULL OR excluded.digest != stored.digest OR excluded.type != stored.type
  OR excluded.size != stored.size OR (excluded.digest = '' AND stored.value IS NOT NULL);

-- name: measure_environment
UPDATE environments
SET size_bytes = (SELECT length(state) FROM environment_states WHERE session_id = :session_id)
  + (SELECT ifnull(sum(octet_length(value)), 0) FROM environment_variables WHERE session_id = :session_id)
WHERE session_id = :session_id;

-- name: environments_of_workspace
SELECT count(*), ifnull(sum(size_bytes), 0) + (
  SELECT ifnull(sum(c.size_bytes), 0)
  FROM workspaces w
  CROSS JOIN environments o ON o.workspace = w.number
  CROSS JOIN environment_checkpoints c ON c.session_id = o.session_id
  WHERE w.id = :workspace_id
)
FROM environments WHERE workspace = (SELECT number FROM workspaces WHERE id = :workspace_id);

-- name: drop_environment
DELETE FROM environments WHERE session_id = ?;

-- name: checkpoints
SELECT name, revision, created_at, variable_count, size_bytes FROM environment_checkpoints
WHERE session_id = ?
ORDER BY number;

-- name: keep_checkpoint
INSERT OR REPLACE INTO environment_checkpoints (
  session_id, name, revision, size_bytes, created_at, engine, seal, state, variable_count, variables
)
SELECT
  e.session_id, :name, e.revision, e.size_bytes, :at, s.engine, s.seal, s.state, v.*
FROM environments e
JOIN environment_states s ON s.session_id = e.session_id
JOIN (
  SELECT
    count(*),
    json_group_array(json_object('name', name, 'type', type, 'size', size, 'digest', digest, 'value', value))
  FROM environment_variables WHERE session_id = :session_id
) v
WHERE e.session_id = :session_id
RETURNING name, revision, created_at, variable_count, size_bytes;

-- name: return_to_state
UPDATE environment_states
SET (engine, seal, state) = (
  SELECT engine, seal, state FROM environment_checkpoints WHERE session_id = :session_id AND name = :name
)
WHERE session_id = :session_id;

-- name: return_to_variables
INSERT INTO environment_variables (session_id, name, type, size, digest, value)
SELECT
  c.session_id, v.value ->> 'name', v.value ->> 'type', v.value ->> 'size', v.value ->> 'digest', v.value ->> 'value'
FROM environment_checkpoints c CROSS JOIN json_each(c.variables) v
WHERE c.session_id = :session_id AND c.name = :name;

-- name: note_return
UPDATE environments
SET revision = revision + 1, total_operations = total_operations + 1, updated_at = :at
WHERE session_id = :session_id;

-- name: take_lease
INSERT INTO leases (name, holder, until) VALUES (:name, :holder, :until)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
WHERE holder = excluded.holder OR until <= :now
RETURNING name;

-- name: counts
SELECT
  count(*), min(created_at), max(created_at),
  (SELECT count(*) FROM associations WHERE workspace = :workspace),
  (SELECT count(*) FROM contexts WHERE workspace = :workspace)
FROM memories WHERE workspace = :workspace AND status IN ('active', 'archived');

-- name: totals
SELECT type, subtype, count(*) FROM memories
WHERE workspace = ? AND status IN ('active', 'archived')
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2;

-- name: count_associations
SELECT count(*) FROM associations WHERE workspace = ?;

-- name: count_by_type
SELECT type, count(*) FROM memories WHERE workspace = ? AND status IN ('active', 'archived') GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_by_subtype
SELECT subtype, count(*) FROM memories WHERE workspace = ? AND status IN ('active', 'archived') AND subtype != ''
GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_by_status
SELECT status, count(*) FROM memories WHERE workspace = ? GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_by_tag
SELECT tag, count(*) FROM memory_tags
WHERE key BETWEEN :first AND :last AND key NOT IN (SELECT key FROM memories WHERE status = 'deleted')
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20;

-- name: count_by_author
SELECT author, count(*) FROM memories WHERE workspace = ? AND status IN ('active', 'archived') AND author != ''
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20;

-- name: count_by_relationship
SELECT relationship, count(*) FROM associations WHERE workspace = ? GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_by_age
SELECT
  CASE
    WHEN created_at >= :today THEN 'today'
    WHEN created_at >= :this_week THEN 'this_week'
    WHEN created_at >= :this_month THEN 'this_month'
    WHEN created_at >= :this_year THEN 'this_year'
    ELSE 'older'
  END AS age,
  count(*)
FROM memories WHERE workspace = :workspace AND status IN ('active', 'archived') GROUP BY 1 ORDER BY max(created_at) DESC;

-- name: state
SELECT count(*), ifnull(sum(live), 0) FROM workspaces;

-- name: vec_version
SELECT vec_version();

-- name: check_live
SELECT id FROM workspaces w
WHERE live != (SELECT count(*) FROM memories m WHERE m.workspace = w.number AND m.status IN ('active', 'archived'));

-- name: recount_live
UPDATE workspaces
SET live = (SELECT count(*) FROM memories m WHERE m.workspace = workspaces.number AND m.status IN ('active', 'archived'));

-- name: count_indexed
SELECT (SELECT count(*) FROM memories_fts_docsize), (SELECT count(*) FROM memories WHERE status IN ('active', 'archived'));

-- name: revise_memory
UPDATE memories
SET content = :content, content_hash = :content_hash, type = :type, subtype = :subtype, importance = :importance,
  pinned = :pinned, words = :words, short_question = :short_question, decay_factor = :decay_factor,
  metadata = :metadata, updated_at = :updated_at, change = :change
WHERE key = :key;

-- name: delete_tags
DELETE FROM memory_tags WHERE key = ?;

-- name: delete_vectors_of
DELETE FROM vectors WHERE key = ?;

-- name: delete_links_made_of_content
DELETE FROM associations
WHERE relationship = 'similar_to' AND metadata ->> '$.by' = 'near-duplicate' AND id IN (
  SELECT id FROM associations WHERE source_id = ?1 UNION SELECT id FROM associations WHERE target_id = ?1
);

-- name: vector_of
SELECT v.vector FROM memories m JOIN vectors v ON v.key = m.key AND v.encoder = ?
WHERE m.id = ? AND v.vector IS NOT NULL;

-- name: association
SELECT a.id, w.id, a.source_id, a.target_id, a.relationship, a.strength, a.metadata, a.created_at, a.updated_at
FROM associations a JOIN workspaces w ON w.number = a.workspace
WHERE a.id = ?;

-- name: links_of
WITH found (id) AS (
  SELECT a.id FROM carray(:ids) c CROSS JOIN associations a ON a.source_id = c.value
  UNION
  SELECT a.id FROM carray(:ids) c CROSS JOIN associations a ON a.target_id = c.value
)
SELECT a.id, w.id, a.source_id, a.target_id, a.relationship, a.strength, a.metadata, a.created_at, a.updated_at
FROM found f CROSS JOIN associations a ON a.id = f.id CROSS JOIN workspaces w ON w.number = a.workspace
ORDER BY a.created_at, a.id
LIMIT :limit;

-- name: insert_described_workspace
INSERT INTO workspaces (id, name, settings, created_at, updated_at)
VALUES (:id, :name, :settings, :created_at, :updated_at)
ON CONFLICT DO NOTHING
RETURNING number;

-- name: update_workspace
UPDATE workspaces SET name = :name, settings = :settings, updated_at = max(updated_at, :at) WHERE id = :id;

-- name: indexed_texts_of_workspace
SELECT key, content, context_text FROM memories
WHERE key > :after AND key <= :last AND status != 'deleted'
ORDER BY key
LIMIT 1000;

-- name: indexed_keys_of_workspace
SELECT key FROM vectors
WHERE key BETWEEN :first AND :last AND encoder = :encoder AND vector IS NOT NULL
  AND key NOT IN (SELECT key FROM memories WHERE status = 'deleted');

-- name: delete_associations_of_workspace
DELETE FROM associations WHERE id IN (
  SELECT id FROM associations WHERE workspace = :workspace
  UNION
  SELECT a.id FROM memories m CROSS JOIN associations a ON a.source_id = m.id
  WHERE m.key BETWEEN :first AND :last
  UNION
  SELECT a.id FROM memories m CROSS JOIN associations a ON a.target_id = m.id
  WHERE m.key BETWEEN :first AND :last
);

-- name: delete_contradictions_of_workspace
DELETE FROM contradictions
WHERE workspace = :workspace OR first_key BETWEEN :first AND :last OR second_key BETWEEN :first AND :last;

-- name: delete_sessions_of_workspace
DELETE FROM sessions WHERE workspace = :workspace;

-- name: delete_contexts_of_workspace
DELETE FROM contexts WHERE workspace = :workspace;

-- name: delete_memories_of_workspace
DELETE FROM memories WHERE key BETWEEN :first AND :last;

-- name: delete_workspace
DELETE FROM workspaces WHERE number = :workspace;

-- name: revoke_keys_of_workspace
UPDATE api_keys SET revoked_at = :at WHERE workspace_id = :workspace_id AND revoked_at IS NULL;

-- name: insert_contradiction
INSERT INTO contradictions (id, workspace, first_key, second_key, kind, confidence, detail, detected_at)
SELECT :id, :workspace, a.key, b.key, :kind, :confidence, :detail, :detected_at
FROM memories a, memories b
WHERE a.id = :memory_a AND b.id = :memory_b
ON CONFLICT DO NOTHING
RETURNING id;

-- name: contradiction
SELECT
  c.id, w.id, a.id, b.id, iif(a.status = 'deleted', NULL, a.content), iif(b.status = 'deleted', NULL, b.content),
  c.kind, c.confidence, c.detail, c.detected_at, c.resolved_at, c.resolution, c.merged_content
FROM contradictions c
JOIN workspaces w ON w.number = c.workspace
JOIN memories a ON a.key = c.first_key
JOIN memories b ON b.key = c.second_key
WHERE c.id = ?;

-- name: open_contradictions
SELECT
  c.id, w.id, a.id, b.id, a.content, b.content,
  c.kind, c.confidence, c.detail, c.detected_at, c.resolved_at, c.resolution, c.merged_content
FROM carray(:workspaces) n
CROSS JOIN workspaces w ON w.id = n.value
CROSS JOIN contradictions c ON c.workspace = w.number AND c.resolved_at IS NULL
CROSS JOIN memories a ON a.key = c.first_key AND a.status != 'deleted'
CROSS JOIN memories b ON b.key = c.second_key AND b.status != 'deleted'
ORDER BY c.confidence DESC, c.detected_at, c.id
LIMIT :limit;

-- name: count_open_contradictions
SELECT count(*)
FROM carray(?) n
CROSS JOIN workspaces w ON w.id = n.value
CROSS JOIN contradictions c ON c.workspace = w.number AND c.resolved_at IS NULL
CROSS JOIN memories a ON a.key = c.first_key AND a.status != 'deleted'
CROSS JOIN memories b ON b.key = c.second_key AND b.status != 'deleted';

-- name: settle_contradiction
UPDATE contradictions SET resolved_at = :at, resolution = :resolution, merged_content = :merged_content
WHERE id = :id;

-- name: drop_open_contradictions_of
DELETE FROM contradictions WHERE resolved_at IS NULL AND (first_key = ?1 OR second_key = ?1);

-- name: events
SELECT number, workspace_id, action, resource, author, detail, created_at FROM events
WHERE workspace_id = :workspace AND created_at >= :since
  AND (:any OR substr(action, 1, instr(action || '.', '.') - 1) IN (SELECT value FROM json_each(:beginnings)))
ORDER BY created_at DESC, number DESC
LIMIT :limit;

-- name: all_events
SELECT number, workspace_id, action, resource, author, detail, created_at FROM events
WHERE created_at >= :since
  AND (:any OR substr(action, 1, instr(action || '.', '.') - 1) IN (SELECT value FROM json_each(:beginnings)))
ORDER BY number DESC
LIMIT :limit;

-- name: count_events
SELECT action, count(*) FROM events WHERE workspace_id = :workspace AND created_at >= :since GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: count_all_events
SELECT action, count(*) FROM events WHERE created_at >= :since GROUP BY 1 ORDER BY 2 DESC, 1;

-- name: insert_key
INSERT INTO api_keys (id, name, prefix, hash, scopes, workspace_id, created_at, expires_at)
VALUES (:id, :name, :prefix, :hash, :scopes, :workspace_id, :created_at, :expires_at);

-- name: keys
SELECT id, name, prefix, scopes, workspace_id, created_at, expires_at, revoked_at, last_used_at FROM api_keys
ORDER BY created_at DESC, id;

-- name: key_by_hash
SELECT id, name, prefix, scopes, workspace_id, created_at, expires_at, revoked_at, last_used_at, hash FROM api_keys
WHERE hash = ?;

-- name: key_by_reference
SELECT id, name, prefix, scopes, workspace_id, created_at, expires_at, revoked_at, last_used_at FROM api_keys
WHERE id = ?1 OR prefix = ?1;

-- name: revoke_key
UPDATE api_keys SET revoked_at = ? WHERE id = ?;

-- name: note_key_use
UPDATE api_keys SET last_used_at = max(ifnull(last_used_at, ''), :at) WHERE id IN (SELECT value FROM carray(:ids));

-- name: count_keys
SELECT count(*), count(*) FILTER (WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)) FROM api_keys;

-- name: delete_session
DELETE FROM sessions WHERE id = ?;
