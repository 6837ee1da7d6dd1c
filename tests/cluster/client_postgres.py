"""A PostgreSQL client: client_postgres.py ADDRESS PORT NAME CA PASSWORD MEGABYTES.

TLS from the first byte (sslnegotiation=direct), NAME sent and verified.  Makes a table, fills it by
COPY, reads it back by COPY, and has the server make a checksum.  Prints what it saw, as JSON.
"""

import hashlib
import json
import sys

import psycopg

LINE = 64  # bytes of a row's text, so that so many rows are a megabyte


def rows(megabytes):
    """Numbered texts, no two of them alike."""
    for number in range((megabytes << 20) // LINE):
        yield number, hashlib.sha256(str(number).encode()).hexdigest()


def fill(connection, megabytes):
    """How many rows were sent, and a checksum of their texts."""
    digest, count = hashlib.md5(), 0
    with connection.cursor().copy("COPY numbers (id, text) FROM STDIN") as copy:
        for row in rows(megabytes):
            copy.write_row(row)
            digest.update(row[1].encode())
            count += 1
    connection.commit()
    return {"rows": count, "sent": digest.hexdigest()}


def read_back(connection):
    """A checksum of the texts as they come back."""
    digest = hashlib.md5()
    with connection.cursor().copy("COPY (SELECT text FROM numbers ORDER BY id) TO STDOUT") as copy:
        for row in copy.rows():
            digest.update(row[0].encode())
    return digest.hexdigest()


def one(connection, query):
    return connection.execute(query).fetchone()[0]


def main():
    address, port, name, ca_file, password, megabytes = sys.argv[1:]
    with psycopg.connect(hostaddr=address, port=port, host=name, user="postgres", dbname="postgres",
                         password=password, sslmode="verify-full", sslrootcert=ca_file,
                         sslnegotiation="direct", connect_timeout=10) as connection:
        connection.execute("DROP TABLE IF EXISTS numbers")
        connection.execute("CREATE TABLE numbers (id int PRIMARY KEY, text text)")
        print(json.dumps({
            **fill(connection, int(megabytes)),
            "received": read_back(connection),
            "stored": one(connection, "SELECT md5(string_agg(text, '' ORDER BY id)) FROM numbers"),
            "version": one(connection, "SHOW server_version"),
            "tls": one(connection, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"),
        }))


main()
