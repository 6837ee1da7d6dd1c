#!/bin/sh
# What a pod of PostgreSQL starts: a new database cluster below /data, then its server.
#
# /settings has pg_hba.conf, /secret the password, /tls certificate and key.  The server speaks TLS
# from the first byte with clients that do (sslnegotiation=direct), and nothing in the clear.
set -eu
bin=/usr/local/pgsql/bin
data=/data/cluster # a volume may not belong to who uses it

if [ ! -e $data/PG_VERSION ]; then
    $bin/initdb --pgdata=$data --username=postgres --pwfile=/secret/password --encoding=UTF8 \
        --no-locale --auth=scram-sha-256 --no-sync
fi
exec $bin/postgres -D $data -c listen_addresses='*' -c unix_socket_directories= \
    -c hba_file=/settings/pg_hba.conf -c fsync=off -c max_connections=20 -c shared_buffers=32MB \
    -c ssl=on -c ssl_cert_file=/tls/tls.crt -c ssl_key_file=/tls/tls.key
