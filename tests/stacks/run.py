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
    parser.add_argument("--short", action="store_true", help=f"only {', '.join(sorted(SHORT))}")
    parser.add_argument("--browsers", action="store_true", help="with Chromium and Firefox")
    for what in ("clients", "servers", "features"):
        parser.add_argument(f"--{what}", type=lambda names: names.split(","), default=[],
                            metavar="NAME,...", help="only these")
    return parser.parse_args()


def chosen(kinds, names, short):
    if names:
        return [kind for kind in kinds if kind.name in names]
    return [kind for kind in kinds if not short or kind.name in SHORT]


def left_out(kinds, names, short):
    """Names of those that only the whole matrix has."""
    return [kind.name for kind in kinds if short and not names and kind.name not in SHORT]


def able(things):
    """Those that can run here, and the others with their reason."""
    reasons = [(thing, thing.missing()) for thing in things]
    return ([thing for thing, why in reasons if not why],
            [(thing.name, why) for thing, why in reasons if why])


def run(world, options):
    """Run the matrix; whether all is as it should be."""
    began = time.monotonic()
    kinds = CLIENTS + (BROWSERS if options.browsers or options.clients else ())
    there, missing = able([kind(world) for kind in chosen(kinds, options.clients, options.short)])
    world.start()
    report.programs("clients", there)
    report.programs("servers", world.servers)
    report.skipped("client", missing)
    report.skipped("server", world.missing_servers)
    report.left_out(left_out(CLIENTS + BROWSERS, options.clients, options.short),
                    left_out(SERVERS, options.servers, options.short))
    report.heading()
    done = []
    for client in there:
        for server in world.servers:
            cells = matrix.run_pair(world, client, server, options.features)
            if cells:
                report.pair(client, server, cells)
                done += cells
    status, connections = world.proxy.stop()
    print()
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
    world = World(chosen(SERVERS, options.servers, options.short))
    try:
        return 0 if run(world, options) else 1
    except KeyboardInterrupt:
        return 130
    except Failed as why:
        print(f"stacks: {why}", file=sys.stderr)
        return 1
    finally:
        world.stop()


if __name__ == "__main__":
    sys.exit(main())
