/**
 * greeting - the ClientHello that a connection begins with.
 */
#ifndef BENCH_LOAD_GREETING_H
#define BENCH_LOAD_GREETING_H

#include <stddef.h>
#include <stdint.h>

#include "bench/load/config.h"
#include "bench/wire.h"

/** Build it; once, before the other. */
void greeting_start(enum config_hello kind);

/** The hello for a name, with the order in its random bytes; valid until the next call. */
const uint8_t *greeting_bytes(const struct wire_order *order, size_t *len_out);

#endif
