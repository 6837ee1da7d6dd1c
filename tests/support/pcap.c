#include "support/pcap.h"

#include <stdbool.h>
#include <stdlib.h>

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>

#include "base/attr.h"

#define LINKTYPE_RAW 101 /* an IP header comes first */
#define SERVER_PORT  443
#define SERVER_SEQ   1000u

static void put(struct pcap *p, const void *bytes, size_t len)
{
    if (len > 0 && fwrite(bytes, len, 1, p->file) != 1) {
        perror("fwrite");
        abort();
    }
}

void pcap_open(struct pcap *p, const char *path)
{
    /* Magic, version 2.4, time zone, accuracy, longest packet, link type: in host order. */
    const uint32_t header[] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, LINKTYPE_RAW};

    p->file = fopen(path, "wb");
    if (p->file == NULL) {
        perror(path);
        abort();
    }
    put(p, header, sizeof(header));
}

void pcap_close(struct pcap *p)
{
    if (fclose(p->file) != 0) {
        perror("fclose");
        abort();
    }
}

/* Checksums are left out: nobody computes them in front of a capture either. */
static void put_packet(struct pcap_stream *s, bool from_client, uint8_t flags, const uint8_t *bytes,
                       size_t len)
{
    struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
    struct tcphdr tcp = {.th_off = 5, .th_flags = flags, .th_win = htons(65535)};
    uint32_t total = (uint32_t)(sizeof(ip) + sizeof(tcp) + len);
    const uint32_t record[] = {0, 0, total, total};
    in_addr_t client = inet_addr("192.0.2.1"), server = inet_addr("192.0.2.2");

    ip.tot_len = htons((uint16_t)total);
    ip.saddr = from_client ? client : server;
    ip.daddr = from_client ? server : client;
    tcp.th_sport = htons(from_client ? s->port : SERVER_PORT);
    tcp.th_dport = htons(from_client ? SERVER_PORT : s->port);
    tcp.th_seq = htonl(from_client ? s->seq : SERVER_SEQ);
    tcp.th_ack = htonl((flags & TH_ACK) == 0 ? 0 : from_client ? SERVER_SEQ + 1 : s->seq);
    put(s->pcap, record, sizeof(record));
    put(s->pcap, &ip, sizeof(ip));
    put(s->pcap, &tcp, sizeof(tcp));
    put(s->pcap, bytes, len);
}

void pcap_stream_open(struct pcap_stream *s, struct pcap *p, uint16_t port)
{
    *s = (struct pcap_stream){.pcap = p, .port = port};
    put_packet(s, true, TH_SYN, NULL, 0);
    s->seq++;
    put_packet(s, false, TH_SYN | TH_ACK, NULL, 0);
    put_packet(s, true, TH_ACK, NULL, 0);
}

void pcap_stream_send(struct pcap_stream *s, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t n = len < PCAP_SEGMENT_BYTES ? len : PCAP_SEGMENT_BYTES;

        put_packet(s, true, TH_PUSH | TH_ACK, bytes, n);
        s->seq += (uint32_t)n;
        bytes += n;
        len -= n;
    }
}

void pcap_stream_close(struct pcap_stream *s)
{
    put_packet(s, true, TH_FIN | TH_ACK, NULL, 0);
}
