/**
 * wire - what load and backend say to each other: opaque to every proxy between them.
 *
 * A genuine ClientHello for one of the benchmark's names, whose 32 random bytes carry a serial
 * number and the sizes of what follows.  Then two streams of bytes: the backend answers WIRE_REPLY
 * bytes at once, as a server's first flight would be; from then on the client sends requests and
 * the backend a response to each, until the client closes.
 *
 * Every byte of a stream is known to both ends: it depends on the connection's serial number, on
 * who sends, and on its offset.  So bytes that came from another backend, another connection or
 * another place of the stream are told, wherever they are.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define WIRE_HELLO_MAX 2048u
#define WIRE_REPLY     4096u
#define WIRE_BACKENDS  8u
#define WIRE_NAME      "h%06u.bench.test" /* the backend of name n is n % WIRE_BACKENDS */
#define WIRE_NAMES_MAX 1000000u
#define WIRE_RANDOM    11u /* record header 5, message header 4, legacy_version 2 */
#define WIRE_CHUNK     ((size_t)256 * 1024)

/** Where backend `index` listens; all on one port. */
#define WIRE_BACKEND_IP      "127.0.0.%u"
#define WIRE_BACKEND_IP_BASE 10u

/** Who sends a stream: a backend by its index, or the client. */
#define WIRE_CLIENT WIRE_BACKENDS

/** What the random bytes carry, as they stand in memory. */
struct wire_order {
    uint64_t request, response; /* bytes of each */
    uint32_t host;              /* the number in the name */
    uint32_t serial;            /* of the connection */
    uint8_t pad[8];
};

_Static_assert(sizeof(struct wire_order) == 32, "as long as a ClientHello's random");

/** Make the bytes; once, before the others. */
void wire_start(void);

/** The next WIRE_CHUNK bytes, at least, of a stream from `offset` on. */
const uint8_t *wire_bytes(uint32_t serial, unsigned from, uint64_t offset);

#endif
