/**
 * pcap - a capture file of TCP connections that never were, for a dissector to read.
 *
 * Client to server only: a handshake, the client's bytes in the segments asked for, its FIN.
 */
#ifndef SUPPORT_PCAP_H
#define SUPPORT_PCAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** The longest segment, of an Ethernet's 1500 bytes. */
#define PCAP_SEGMENT_BYTES ((size_t)1460)

struct pcap {
    FILE *file;
};

/** One connection while it is written. */
struct pcap_stream {
    struct pcap *pcap;
    uint16_t port; /* the client's; the server's is 443 */
    uint32_t seq;
};

/** Start a file; what goes wrong here or later aborts the test program. */
void pcap_open(struct pcap *p, const char *path);
void pcap_close(struct pcap *p);

void pcap_stream_open(struct pcap_stream *s, struct pcap *p, uint16_t port);
/** One segment, cut further where it is longer than a network takes. */
void pcap_stream_send(struct pcap_stream *s, const uint8_t *bytes, size_t len);
void pcap_stream_close(struct pcap_stream *s);

#endif
