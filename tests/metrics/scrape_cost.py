"""What a scrape of many routes costs, each of them used.  Prints figures, asserts sizes."""
import statistics
import sys
import tempfile
import time

import backends
import clients
import manifests
import report
import sealway

ROUTES = 1000 if report.is_slow_build() else 10000
SCRAPES = 5
NS = "many"
BYTES_A_ROUTE = 6000  # of a page; the longest names would make them a third more


def host(i):
    return f"host-{i:05}.many.test"


def write_routes(directory, address, services):
    """Each route is an Ingress of its own; they share so many Services."""
    objects = []
    for i in range(services):
        objects.append(manifests.service(NS, f"service-{i:05}"))
        objects += manifests.endpoints(NS, f"service-{i:05}", address)
    for i in range(ROUTES):
        objects.append(manifests.ingress(NS, f"ingress-{i:05}", host(i),
                                         f"service-{i % services:05}"))
    manifests.write(directory, "many", objects)


def use_routes(to, n):
    """One connection for each of the first `n` routes."""
    base = clients.hello(host(0))
    for i in range(n):
        clients.send_and_drain(to, base.replace(host(0).encode(), host(i).encode()))


def main_thread_ns(pid):
    """Time on a CPU of the thread that answers scrapes."""
    with open(f"/proc/{pid}/task/{pid}/schedstat", encoding="ascii") as f:
        return int(f.read().split()[0])


def measure(s, accept):
    """Medians: milliseconds of CPU, milliseconds until all was here; and the page's bytes."""
    cpu, wall = [], []
    for _ in range(SCRAPES):
        before, began = main_thread_ns(s.process.pid), time.monotonic_ns()
        body = s.get("/metrics", accept)
        wall.append((time.monotonic_ns() - began) / 1e6)
        cpu.append((main_thread_ns(s.process.pid) - before) / 1e6)
    return statistics.median(cpu), statistics.median(wall), len(body)


def scrape(services, *options, used=ROUTES):
    """Use so many of the routes and scrape; returns the last page."""
    with tempfile.TemporaryDirectory() as directory, \
            backends.Backend(backends.answer_and_end) as backend:
        write_routes(directory, backend.address, services)
        with sealway.Sealway(directory, "--access-log", "off", *options) as s:
            use_routes(s.listen, used)
            p = s.scrape_idle()
            assert p.sum("sealway_connections_closed_total", reason="server_eof") == used
            figures = {accept: measure(s, accept) for accept in (sealway.TEXT, sealway.OPENMETRICS)}
    for accept, (cpu, wall, size) in figures.items():
        assert size < ROUTES * BYTES_A_ROUTE + 100_000, size
        report.figure(f"{ROUTES} routes ({used} used), {services} Services, "
                      f"{'text' if accept == sealway.TEXT else 'OpenMetrics'}: "
                      f"{size / 1e6:.1f} MB, {len(p.samples)} series, "
                      f"{cpu:.0f} ms of CPU, {wall:.0f} ms until read")
    return p


def every_route_has_its_series():
    if not report.is_full():
        raise report.Skipped("only with FULL=1: the other page is the larger one")
    p = scrape(100)
    assert len(p.of("sealway_received_bytes_total", namespace=NS)) == ROUTES


def every_service_has_its_series():
    p = scrape(ROUTES)
    assert len(p.of("sealway_received_bytes_total", namespace=NS)) == ROUTES
    assert len(p.of("sealway_endpoints", namespace=NS)) == 3 * ROUTES


def without_metrics_by_route_a_page_stays_small():
    p = scrape(100, "--per-route-metrics", "off", used=500)
    assert not p.of("sealway_received_bytes_total", namespace=NS)
    assert len(p.samples) < 1000


if __name__ == "__main__":
    sys.setswitchinterval(0.001)
    report.run(every_service_has_its_series, every_route_has_its_series,
               without_metrics_by_route_a_page_stays_small)
