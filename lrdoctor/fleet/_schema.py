"""The tables of a state file and how those of an older version become those of this one."""

from __future__ import annotations

APPLICATION_ID = 0x4C524446  # "LRDF", in the header of the file: tells it from other databases

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE scan (
        id INTEGER PRIMARY KEY,
        started REAL NOT NULL,         -- Unix seconds
        finished REAL,                 -- NULL: it is going on, or was killed
        shard TEXT NOT NULL,           -- "1/4", "" for all
        roots TEXT NOT NULL,           -- JSON list of absolute paths
        digest TEXT NOT NULL,          -- of everything that changes a judgement
        version TEXT NOT NULL,         -- of lrdoctor
        runs INTEGER NOT NULL DEFAULT 0,
        unchanged INTEGER NOT NULL DEFAULT 0,
        judged INTEGER NOT NULL DEFAULT 0,
        unreadable INTEGER NOT NULL DEFAULT 0,
        bytes_read INTEGER NOT NULL DEFAULT 0,
        open_findings INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE file (
        path TEXT PRIMARY KEY,         -- absolute
        mark TEXT NOT NULL,            -- size, time and identity when it was looked at
        reader TEXT NOT NULL           -- "" where it is no log
    ) WITHOUT ROWID;
    CREATE TABLE log (                 -- what is read together and judged anew as a whole
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL,            -- absolute
        reader TEXT NOT NULL,
        root TEXT NOT NULL,
        first_file TEXT NOT NULL,
        mark TEXT NOT NULL,            -- hash of the marks of its files and of its settings
        digest TEXT NOT NULL,
        state TEXT NOT NULL,           -- read, unreadable, gone
        reason TEXT NOT NULL DEFAULT '',
        tries INTEGER NOT NULL DEFAULT 1,
        first_scan INTEGER NOT NULL REFERENCES scan(id),
        last_scan INTEGER NOT NULL REFERENCES scan(id),
        judged_scan INTEGER NOT NULL REFERENCES scan(id),
        UNIQUE (path, reader)
    );
    CREATE TABLE tail (                -- where a file that still grows was read up to
        path TEXT PRIMARY KEY,
        position INTEGER NOT NULL,     -- bytes
        ends TEXT NOT NULL,            -- hash of what stands at its beginning and before this
        changed REAL NOT NULL,         -- Unix seconds
        data BLOB NOT NULL             -- the numbers up to there
    );
    CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        log INTEGER NOT NULL REFERENCES log(id),
        name TEXT NOT NULL,
        project TEXT NOT NULL,
        judged INTEGER NOT NULL,       -- it has an LR that a rule could be applied to
        last_step INTEGER NOT NULL,
        unit TEXT NOT NULL,
        began REAL,                    -- Unix seconds, where the log has times
        seconds REAL,                  -- of training, without pauses
        wasted REAL,                   -- of these within the spans of warnings and errors
        commit_hash TEXT NOT NULL DEFAULT '',
        UNIQUE (log, name)
    );
    CREATE TABLE finding (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL REFERENCES run(id),
        fingerprint TEXT NOT NULL,
        rule TEXT NOT NULL,
        code TEXT NOT NULL,
        severity TEXT NOT NULL,
        message TEXT NOT NULL,
        body TEXT NOT NULL,            -- JSON: span, measured numbers, fix
        state TEXT NOT NULL,           -- open, fixed, gone (its log has vanished)
        first_scan INTEGER NOT NULL REFERENCES scan(id),
        last_scan INTEGER NOT NULL REFERENCES scan(id),
        closed_scan INTEGER REFERENCES scan(id)
    );
    CREATE INDEX log_by_scan ON log (last_scan);
    CREATE INDEX run_by_name ON run (name);
    CREATE INDEX finding_by_run ON finding (run);
    CREATE INDEX finding_by_rule ON finding (rule);
    """,
    """
    ALTER TABLE run ADD COLUMN spark TEXT NOT NULL DEFAULT '';   -- its LR, a letter per stretch
    ALTER TABLE run ADD COLUMN script TEXT NOT NULL DEFAULT '';  -- that the log names
    CREATE TABLE alert (
        scan INTEGER NOT NULL,         -- what was found up to this scan has been told,
        sent REAL NOT NULL             -- at this moment (Unix seconds; 0: there was no need)
    );
    """,
)
"""Script ``n`` makes version ``n + 1`` of version ``n``; version 0 is an empty file."""

VERSION = len(MIGRATIONS)
