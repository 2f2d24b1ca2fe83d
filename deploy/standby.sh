#!/bin/bash
# A standby of `primary`: begins as a copy, and follows.
set -euo pipefail
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # What a copy that broke off has left.
    find "$PGDATA" -mindepth 1 -delete
    PGPASSWORD=$REPLICATION_PASSWORD pg_basebackup --host=primary --username=replication --pgdata="$PGDATA" \
        --wal-method=stream --slot=standby --checkpoint=fast --write-recovery-conf
    chmod 0700 "$PGDATA"
fi
# Queries of readers hold up what the primary cleans away, not the other way round.
exec postgres -c hot_standby_feedback=on
