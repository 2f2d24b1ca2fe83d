#!/bin/bash
# Run once, when the primary's data folder is made: lets a standby follow. The slot keeps what the standby has not had yet; the
# bound on it keeps a standby that is gone for good from filling the disk.
set -euo pipefail
psql --set=ON_ERROR_STOP=1 --set=password="$REPLICATION_PASSWORD" --username="$POSTGRES_USER" --dbname="$POSTGRES_DB" <<'SQL'
CREATE ROLE replication LOGIN REPLICATION PASSWORD :'password';
SELECT pg_create_physical_replication_slot('standby');
ALTER SYSTEM SET max_slot_wal_keep_size = '4GB';
SQL
echo "host replication replication all scram-sha-256" >>"$PGDATA/pg_hba.conf"
