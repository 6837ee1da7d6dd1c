/**
 * wire - what load and backend say to each other: opaque to every proxy between them.
 *
 * A genuine ClientHello of 517 bytes for one of WIRE_HOSTS names; the backend that owns the name
 * answers WIRE_REPLY bytes, the first of them its index, as a server's first flight would be.  Then
 * requests and responses of the sizes that the hello's random bytes carry, until the client closes.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>

#define WIRE_HELLO    517u
#define WIRE_REPLY    4096u
#define WIRE_HOSTS    1000u
#define WIRE_BACKENDS 8u
#define WIRE_NAME     "h%03u.bench.test"
#define WIRE_RANDOM   11u /* record header 5, message header 4, legacy_version 2 */

/** Where backend `index` listens; all on one port. */
#define WIRE_BACKEND_IP      "127.0.0.%u"
#define WIRE_BACKEND_IP_BASE 10u

/** What the random bytes carry, as they stand in memory. */
struct wire_sizes {
    uint64_t request, response;
    uint32_t host; /* the number in the name */
    uint8_t pad[12];
};

_Static_assert(sizeof(struct wire_sizes) == 32, "as long as a ClientHello's random");

#endif
