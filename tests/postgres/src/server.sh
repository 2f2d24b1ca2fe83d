# Makes a PostgreSQL server in a folder of its own and runs it as long as somebody holds the other end of stdin: however a
# test process ends, its server ends with it, and the folder goes.
#
# server.sh BIN PORT [NAME=VALUE…]; says the folder, then obeys "kill" and "start". With PRIMARY, which says how to reach
# another server, it is a standby of that one.
set -eu
bin=$1 port=$2
shift 2
folder=$(mktemp -d "${TMPDIR:-/tmp}/cedarkeep-postgres.XXXXXX")
server=
clean() {
    [ -z "$server" ] || kill -QUIT "$server" 2>/dev/null || true
    wait || true
    rm -rf "$folder"
}
trap clean EXIT
# Who interrupts the tests means them, and stdin ends with them.
trap : HUP INT TERM

printf '%s' cedarkeep >"$folder/password"
if [ -n "${PRIMARY:-}" ]; then
    "$bin/pg_basebackup" --pgdata="$folder/data" --dbname="$PRIMARY" --write-recovery-conf --checkpoint=fast --no-sync \
        >"$folder/initdb.log" 2>&1
else
    "$bin/initdb" --pgdata="$folder/data" --username=postgres --encoding=UTF8 --locale=C.UTF-8 --no-sync \
        --auth-local=trust --auth-host=scram-sha-256 --pwfile="$folder/password" >"$folder/initdb.log" 2>&1
fi || { cat "$folder/initdb.log" >&2; exit 1; }
{
    echo "listen_addresses = '127.0.0.1'"
    echo "port = $port"
    echo "unix_socket_directories = '$folder'"
    echo "max_connections = 300"
    echo "shared_buffers = 64MB"
    # A test's data need not outlive the machine.
    echo "fsync = off"
    echo "full_page_writes = off"
    echo "log_min_messages = warning"
    for setting in "$@"; do
        echo "${setting%%=*} = '${setting#*=}'"
    done
} >>"$folder/data/postgresql.conf"

# Returns when the server takes connections, as its log says; fails when it ends before, or does not come to it.
start() {
    : >>"$folder/log"
    said=$(wc -c <"$folder/log")
    "$bin/postgres" -D "$folder/data" >>"$folder/log" 2>&1 </dev/null &
    server=$!
    timeout 60 tail --bytes=+$((said + 1)) --follow --pid="$server" "$folder/log" |
        grep --quiet "database system is ready to accept"
}
start || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
while read -r command; do
    case $command in
    # What `pg_ctl stop -m immediate` does: as if the power had gone.
    kill) kill -QUIT "$server" && wait "$server" || true ;;
    start) start || { echo failed; continue; } ;;
    esac
    echo done
done
