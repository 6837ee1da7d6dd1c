#!/usr/bin/env python3
"""Real TLS clients against real TLS servers: each pair directly and through the proxy, which must
make no difference.

All runs on loopback, on free ports, and has ended when this has.  $SEALWAY_BIN is the proxy
(default build/sealway), $STACKS_BUILD keeps the programs built here (default build/stacks).  What
is not installed is skipped, and said so; `tests/support/deps.sh stacks` installs what Debian has.
"""

import argparse
import pathlib
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import browsers, curl, gnutls, matrix, nginx, nss, openssl  # noqa: E402
from harness import programs, report  # noqa: E402
from harness.process import Failed  # noqa: E402
from harness.world import World  # noqa: E402

SERVERS = (openssl.OpensslServer, gnutls.GnutlsServer, nginx.NginxServer, programs.GoServer,
           programs.JavaServer, programs.NodeServer, programs.PythonServer)
CLIENTS = (openssl.OpensslClient, gnutls.GnutlsClient, nss.NssClient, programs.MbedtlsClient,
           programs.GoClient, programs.JavaClient, programs.NodeClient, programs.PythonClient,
           programs.RustClient, curl.CurlClient)
BROWSERS = (browsers.Chromium, browsers.Firefox)
# What the tests need anyway, and Go, which has a TLS of its own and is quick.
SHORT = {"openssl", "gnutls", "python", "curl", "go"}


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--short", action="store_true", help=f"only {', '.join(sorted(SHORT))}")
    form.add_argument("--quick", action="store_true",
                      help=f"{' and '.join(matrix.SLOW)} with one server a client")
    parser.add_argument("--browsers", action="store_true", help="with Chromium and Firefox")
    for what in ("clients", "servers", "features"):
        parser.add_argument(f"--{what}", type=lambda names: names.split(","), default=[],
                            metavar="NAME,...", help="only these")
    return parser.parse_args()


def left_out(kind, options):
    """Why this form of the matrix is without a kind; None when it is not."""
    if options.short:
        return None if kind.name in SHORT else "only with make stacks"
    return "only with --browsers" if kind in BROWSERS and not options.browsers else None


def chosen(kinds, names, options):
    """The kinds with these names, or of this form of the matrix; names of the others by reason."""
    if names:
        return [kind for kind in kinds if kind.name in names], {}
    kept, without = [], {}
    for kind in kinds:
        why = left_out(kind, options)
        if why:
            without.setdefault(why, []).append(kind.name)
        else:
            kept.append(kind)
    return kept, without


def able(things):
    """Those that can run here, and the others with their reason."""
    reasons = [(thing, thing.missing()) for thing in things]
    return ([thing for thing, why in reasons if not why],
            [(thing.name, why) for thing, why in reasons if why])


def introduce(world, clients):
    """Say what takes part, and which pairs there are not."""
    report.programs("clients", clients)
    report.programs("servers", world.servers)
    for server in world.servers:
        report.left_out(f"{server.name}'s roles", server.skipped)
    report.left_out("pairs", matrix.no_pairs(clients, world.servers))


def run(world, options, servers_without):
    """Run the matrix; whether all is as it should be."""
    began = time.monotonic()
    kinds, clients_without = chosen(CLIENTS + BROWSERS, options.clients, options)
    there, missing = able([kind(world) for kind in kinds])
    world.start()
    introduce(world, there)
    report.skipped("client", missing)
    report.skipped("server", world.missing_servers)
    report.left_out("clients", clients_without)
    report.left_out("servers", servers_without)
    if options.quick:
        report.left_out("features", {"of all but one server a client: only with make stacks":
                                     matrix.SLOW})
    report.heading()
    done = []
    for client, server, features in matrix.plan(there, world.servers, options):
        cells = matrix.run_pair(world, client, server, features)
        report.pair(client, server, cells)
        done += cells
    status, connections = world.proxy.stop()
    print()
    report.partly(done)
    report.peculiarities(done)
    report.slowest(done)
    wrong = report.faults(done)
    if status != 0:
        print(f"  the proxy ended with status {status}")
        wrong += 1
    report.counts(done, wrong, connections, time.monotonic() - began)
    return wrong == 0 and bool(done)


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell had it ignored
    kinds, without = chosen(SERVERS, options.servers, options)
    world = World(kinds)
    try:
        return 0 if run(world, options, without) else 1
    except KeyboardInterrupt:
        return 130
    except Failed as why:
        print(f"stacks: {why}", file=sys.stderr)
        return 1
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())
