"""Memory of connections that do nothing.  Measured on programs that have not worked before."""

KEY = "idle"
ROLES = ("nginx", "haproxy-force-1m", "sniproxy", "go", "sealway")
FILES_GO = 7  # go holds two pipes for each connection while it waits


def kib_each(result):
    return (result["pss_kib"] - result["pss_before_kib"]) / result["units"]


def run(lab, contenders, profile, records, tell):
    for n in range(1, profile.idle_rounds + 1):
        for contender in contenders:
            if contender.role not in ROLES:
                continue
            tell(f"idle connections, {n} of {profile.idle_rounds}: {contender.name}")
            count = profile.idle
            if contender.role == "go":
                count = min(count, lab.files // FILES_GO - 100)
            program, _ = lab.start(contender, 1000)
            result = lab.load.run(program, "idle", "-c", count, "-t", profile.idle_ms)
            result["left_kib"] = program.pss_kib() - result["pss_before_kib"]
            records.add(KEY, contender.name, n, result)
            lab.stop(program)
