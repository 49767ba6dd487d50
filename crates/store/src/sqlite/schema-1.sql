-- Format 1. Never changed once released: what comes later is another file.

PRAGMA application_id = 0x54616772; -- "Tagr"

CREATE TABLE contents (
    key        INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice, as cursors count on it
    id         TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE versions (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    content     INTEGER NOT NULL REFERENCES contents (key) ON DELETE CASCADE,
    source      TEXT NOT NULL,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    created_ms  INTEGER NOT NULL
) STRICT;
CREATE INDEX versions_by_content ON versions (content, id);

CREATE TABLE streams (
    version        INTEGER NOT NULL REFERENCES versions (id) ON DELETE CASCADE,
    name           TEXT NOT NULL,
    start_ticks    INTEGER NOT NULL,
    start_num      INTEGER NOT NULL,
    start_den      INTEGER NOT NULL,
    duration_ticks INTEGER,
    duration_num   INTEGER,
    duration_den   INTEGER,
    count          INTEGER,
    longest_frame_ms INTEGER NOT NULL, -- over its parts: how far a run's pieces can lie apart
    PRIMARY KEY (version, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE parts (
    version        INTEGER NOT NULL,
    stream         TEXT NOT NULL,
    number         INTEGER NOT NULL,
    start_ticks    INTEGER NOT NULL,
    start_num      INTEGER NOT NULL,
    start_den      INTEGER NOT NULL,
    duration_ticks INTEGER NOT NULL,
    duration_num   INTEGER NOT NULL,
    duration_den   INTEGER NOT NULL,
    first_index    INTEGER NOT NULL,
    count          INTEGER NOT NULL,
    file           TEXT NOT NULL,
    is_source      INTEGER NOT NULL,
    PRIMARY KEY (version, stream, number),
    FOREIGN KEY (version, stream) REFERENCES streams (version, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    key          INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,
    content      INTEGER NOT NULL REFERENCES contents (key),
    version      INTEGER NOT NULL REFERENCES versions (id),
    stream       TEXT,
    model        TEXT NOT NULL,
    model_digest TEXT NOT NULL,
    params       TEXT NOT NULL,
    body         TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    resources    TEXT NOT NULL,
    tracks       TEXT NOT NULL,
    provenance   TEXT,
    run          INTEGER NOT NULL,
    state        TEXT NOT NULL,
    cause        TEXT,
    created_ms   INTEGER NOT NULL,
    started_ms   INTEGER,
    ended_ms     INTEGER,
    parts        INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    quarantined  INTEGER NOT NULL,
    tags         INTEGER NOT NULL,
    warnings     INTEGER NOT NULL,
    last_warning TEXT,
    ratio        REAL,
    attempts     INTEGER NOT NULL,
    failures     INTEGER NOT NULL
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state, key);
CREATE INDEX jobs_by_content ON jobs (content, key);
CREATE INDEX jobs_by_model ON jobs (model, key);
CREATE INDEX jobs_by_version ON jobs (version);

CREATE TABLE job_parts (
    job           INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    state         TEXT NOT NULL,
    attempts      INTEGER NOT NULL,
    cause         TEXT,
    not_before_ms INTEGER,
    tags          INTEGER NOT NULL,
    done_ms       INTEGER,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempts (
    job        INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    parts      INTEGER NOT NULL,
    started_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    outcome    TEXT,
    cause      TEXT,
    log        TEXT,
    is_counted INTEGER NOT NULL,
    PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE batches (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Null once it is dropped: nothing reads it any more, and its tags are being removed.
    job         INTEGER REFERENCES jobs (key),
    content     INTEGER REFERENCES contents (key),
    version     INTEGER REFERENCES versions (id),
    run         INTEGER NOT NULL,
    stream      TEXT NOT NULL,
    track       TEXT NOT NULL,
    model       TEXT NOT NULL,
    state       TEXT NOT NULL,
    place       INTEGER NOT NULL, -- among those of its content, stream, track and model: the higher, the later current
    spans       INTEGER NOT NULL, -- bit n: has tags of duration class n
    tags        INTEGER NOT NULL,
    provenance  TEXT NOT NULL,
    created_ms  INTEGER NOT NULL,
    replaced_ms INTEGER,
    CHECK (state = 'dropped' OR (job IS NOT NULL AND content IS NOT NULL AND version IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX batches_current ON batches (content, stream, track, model) WHERE state = 'current';
CREATE INDEX batches_by_key ON batches (content, stream, track, model, place);
CREATE UNIQUE INDEX batches_by_job ON batches (job, run, track);
CREATE INDEX batches_by_version ON batches (version);
CREATE INDEX batches_not_read ON batches (state, replaced_ms) WHERE state <> 'current';

-- Each text once: models say the same words again and again.
CREATE TABLE texts (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    text TEXT NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE words USING fts5 (
    text, content = 'texts', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER texts_added AFTER INSERT ON texts BEGIN
    INSERT INTO words (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER texts_removed AFTER DELETE ON texts BEGIN
    INSERT INTO words (words, rowid, text) VALUES ('delete', old.id, old.text);
END;

CREATE TABLE tags (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    batch           INTEGER NOT NULL REFERENCES batches (id),
    part            INTEGER NOT NULL,
    span            INTEGER NOT NULL, -- how many binary digits the duration in milliseconds has
    start_ms        INTEGER NOT NULL,
    end_ms          INTEGER NOT NULL,
    text            INTEGER NOT NULL REFERENCES texts (id),
    frame_idx       INTEGER,
    box             TEXT,
    additional_info TEXT
) STRICT;
CREATE INDEX tags_by_time ON tags (batch, span, start_ms, end_ms);
CREATE INDEX tags_by_text ON tags (text, batch, start_ms, end_ms);
