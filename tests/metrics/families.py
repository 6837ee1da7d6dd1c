"""families - what a page promises, written down a second time: closed sets of words."""

REASONS = """client_eof server_eof client_reset server_reset idle_timeout half_close_timeout
hello_no_name hello_not_tls hello_malformed hello_too_large hello_timeout hello_eof no_route
no_endpoint connect_failed limit drain error""".split()

# Family: the label of a closed set, and its words.
CLOSED_SETS = {
    "sealway_connections_active": ("phase", "peek connect relay half_closed linger".split()),
    "sealway_connections_refused_total": ("reason",
                                          "max_connections per_client descriptors".split()),
    "sealway_client_hello_total": (
        "result", "ok no_name not_tls malformed too_large timeout eof".split()),
    "sealway_client_hello_features_total": (
        "feature", """pq_keyshare tls13 tls12 legacy ech_outer multi_record multi_segment
        no_sni""".split()),
    "sealway_route_match_total": ("result", "exact wildcard default none".split()),
    "sealway_connections_closed_total": ("reason", REASONS),
    "sealway_denied_total": ("reason", ["no_endpoints"]),
    "sealway_upstream_connect_total": (
        "result", "ok refused timeout unreachable no_port error".split()),
    "sealway_config_apply_total": ("result", "published unchanged failed".split()),
    "sealway_log_lines_dropped_total": ("stream", ["access", "main"]),
    "sealway_log_lines_held_back_total": ("reason", REASONS),
}

# What a process does besides connections: the only counters that rise by themselves.
OF_THE_PROCESS = ("process_", "sealway_config_")
