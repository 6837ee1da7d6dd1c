/*
 * A second opinion on every first flight of tests/data/hellos.tsv that we route: all of them in one
 * capture, a connection to each, and tshark must read the same names; where it does not, the row
 * says why.  Of each that we refuse the sentence is printed that refuses it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/hello_oracle.h"
#include "support/hello_rows.h"
#include "support/pcap.h"
#include "support/tempdir.h"

#define FIRST_PORT 10000u /* row i is the connection from FIRST_PORT + i */

struct oracle {
    struct tempdir dir;
    struct hello_rows rows;
    char (*said)[HELLO_ORACLE_WORD_MAX]; /* of each row */
};

static int set_up(void **state)
{
    static struct oracle o;

    tempdir_make(&o.dir);
    hello_rows_read(&o.rows);
    o.said = calloc(o.rows.n, sizeof(*o.said));
    assert_non_null(o.said);
    *state = &o;
    return 0;
}

static int tear_down(void **state)
{
    struct oracle *o = *state;

    free(o->said);
    hello_rows_free(&o->rows);
    tempdir_remove(&o->dir);
    return 0;
}

static void write_capture(const struct oracle *o, const char *path)
{
    struct pcap pcap;

    pcap_open(&pcap, path);
    for (size_t i = 0; i < o->rows.n; i++) {
        const struct hello_flight *f = &o->rows.rows[i].flight;
        struct pcap_stream stream;

        if (!hello_row_is_complete(&o->rows.rows[i])) {
            continue;
        }
        pcap_stream_open(&stream, &pcap, (uint16_t)(FIRST_PORT + i));
        for (size_t at = 0, end; at < f->raw.len; at = end) {
            end = hello_flight_segment_end(f, at);
            pcap_stream_send(&stream, f->raw.data + at, end - at);
        }
        pcap_stream_close(&stream);
    }
    pcap_close(&pcap);
}

/* "10007<tab>foo.example.com": a port and the first name in a ClientHello, which may be empty. */
static void take_line(struct oracle *o, char *line)
{
    char *name = strchr(line, '\t');
    unsigned long port = strtoul(line, NULL, 10);
    size_t row = port - FIRST_PORT;

    if (name == NULL || port < FIRST_PORT || row >= o->rows.n || o->said[row][0] != '\0') {
        return; /* of a second hello in a connection only the first one counts */
    }
    name++;
    name[strcspn(name, "\n")] = '\0';
    if (name[0] == '\0') {
        snprintf(o->said[row], sizeof(o->said[row]), "%s", HELLO_ORACLE_NONE);
        return;
    }
    hello_oracle_word(name, strlen(name), o->said[row]);
}

static void ask_tshark(struct oracle *o, const char *capture)
{
    char command[2 * PATH_MAX + 256];
    char *line = NULL;
    size_t cap = 0;
    FILE *f;

    snprintf(command, sizeof(command),
             "tshark -n -r '%s' -Y tls.handshake.type==1 -T fields -E occurrence=f "
             "-e tcp.srcport -e tls.handshake.extensions_server_name 2>'%s.log'",
             capture, capture);
    f = popen(command, "r");
    assert_non_null(f);
    while (getline(&line, &cap, f) > 0) {
        take_line(o, line);
    }
    free(line);
    assert_int_equal(pclose(f), 0);
}

static void tshark_reads_what_we_route_by_but_for_what_is_listed(void **state)
{
    struct oracle *o = *state;
    char path[PATH_MAX];
    size_t asked = 0, held = 0, listed = 0;

    if (system("command -v tshark >/dev/null") != 0) {
        print_message("             skip %s: tshark is not installed\n", __func__);
        skip();
    }
    write_capture(o, tempdir_path(&o->dir, "flights.pcap", path));
    ask_tshark(o, path);
    for (size_t i = 0; i < o->rows.n; i++) {
        const struct hello_row *r = &o->rows.rows[i];

        if (hello_row_is_complete(r)) {
            asked++;
            held +=
                hello_oracle_holds(r, &r->tshark, o->said[i][0] != '\0' ? o->said[i] : "nothing");
            listed += r->tshark.says[0] != '\0';
        }
    }
    print_message("             %zu of %zu first flights read as listed by tshark, %zu of them "
                  "otherwise than we do\n",
                  held, asked, listed);
    assert_int_equal(held, asked);
}

static void every_refusal_has_its_sentence(void **state)
{
    const struct oracle *o = *state;
    size_t refused = 0, named = 0;

    for (size_t i = 0; i < o->rows.n; i++) {
        const struct hello_row *r = &o->rows.rows[i];

        if (hello_row_is_refused(r)) {
            print_message("%-32s %s\n", r->id, r->rule);
            refused++;
            named += strncmp(r->rule, "RFC ", 4) == 0;
        }
        if (!hello_row_is_complete(r) && r->tshark.says[0] != '\0') {
            fail_msg("%s: tshark is not asked about it", r->id);
        }
    }
    print_message("             %zu of %zu refusals have their sentence\n", named, refused);
    assert_int_equal(named, refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tshark_reads_what_we_route_by_but_for_what_is_listed),
        cmocka_unit_test(every_refusal_has_its_sentence),
    };

    return cmocka_run_group_tests_name("first flights, tshark", tests, set_up, tear_down);
}
