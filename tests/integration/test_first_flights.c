/*
 * Every first flight of tests/data/hellos.tsv means one thing, however it reaches the parser:
 * whole, cut at every byte into two segments, one byte at a time, and, where it is a message in
 * records, cut at every byte into two records; always with a page behind the last byte that must
 * not be read.
 *
 * A flight of more than HUGE_BYTES is cut near its ends and at intervals only; under a sanitizer so
 * is one of more than LONG_BYTES, unless FULL=1.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <string.h>

#include "base/attr.h"
#include "base/limits.h"
#include "route/hostname.h"
#include "support/form.h"
#include "support/guard_page.h"
#include "support/hello_check.h"
#include "support/hello_facts.h"
#include "support/hello_rows.h"
#include "tls/record.h"

#define CAP ((size_t)LIMIT_HELLO_DEFAULT_BYTES)
#ifdef __SANITIZE_THREAD__ /* there is one thread only */
#define LONG_BYTES ((size_t)256)
#else
#define LONG_BYTES ((size_t)4096)
#endif
#define HUGE_BYTES ((size_t)256 * 1024)
#define GUARDED    ((size_t)8 * 1024 * 1024)
#define LEAST_ROWS ((size_t)457) /* none is ever taken away */

static struct hello_rows rows;
static struct guard_page guard;
static size_t everywhere_bytes; /* no more than so many are cut at every byte */

/* A row on its way through all feeds. */
struct run {
    const struct hello_row *row;
    struct hello_outcome whole;
    uint64_t *feeds;
};

static int set_up(void **state)
{
    (void)state;
    hello_rows_read(&rows);
    guard_page_init(&guard, GUARDED);
    everywhere_bytes = FORM_SANITIZED && !form_is_full() ? LONG_BYTES : HUGE_BYTES;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    guard_page_fini(&guard);
    hello_rows_free(&rows);
    return 0;
}

static bool complain(const struct hello_row *r, const char *what, size_t at)
{
    print_error("%s:%u: %s: %s (%zu)\n", HELLO_ROWS_FILE, r->line, r->id, what, at);
    return false;
}

/* What the data plane makes of a parser's result; whether a host has the name is not decided here,
 * so that what is routed and what has no route are the same. */
static enum hello_outcome_word outcome_of(const struct hello_outcome *o, int *answer_out,
                                          char name_out[HOSTNAME_MAX + 1])
{
    size_t len = 0;
    enum hostname_kind kind = HOSTNAME_NONE;

    name_out[0] = '\0';
    if (o->result == CLIENTHELLO_MORE) {
        *answer_out = HELLO_ANSWER_NONE;
        return HELLO_ROW_EOF;
    }
    *answer_out = o->info.alert;
    if (o->result != CLIENTHELLO_OK) {
        return o->result == CLIENTHELLO_NOT_TLS     ? HELLO_ROW_NOT_TLS
               : o->result == CLIENTHELLO_TOO_LARGE ? HELLO_ROW_TOO_LARGE
                                                    : HELLO_ROW_MALFORMED;
    }
    if (o->info.has_name) {
        kind = hostname_normalise(o->info.name, o->info.name_len, name_out, &len);
    }
    if (kind == HOSTNAME_INVALID) {
        *answer_out = ALERT_ILLEGAL_PARAMETER;
        return HELLO_ROW_MALFORMED;
    }
    *answer_out = kind == HOSTNAME_VALID ? HELLO_ANSWER_NONE : ALERT_UNRECOGNIZED_NAME;
    return kind == HOSTNAME_VALID ? HELLO_ROW_OK : HELLO_ROW_NO_NAME;
}

static bool whole_is_as_the_row_says(struct run *run)
{
    const struct hello_row *r = run->row;
    bool routable = r->outcome == HELLO_ROW_OK || r->outcome == HELLO_ROW_NO_ROUTE;
    char name[HOSTNAME_MAX + 1];
    char fault[200];
    int answer;

    run->whole = hello_check_whole(&guard, &r->flight.raw, CAP);
    ++*run->feeds;
    enum hello_outcome_word word = outcome_of(&run->whole, &answer, name);
    if (word != (routable ? HELLO_ROW_OK : r->outcome)) {
        return complain(r, hello_rows_outcome_word(word), run->whole.fed);
    }
    if (strcmp(name, r->name) != 0) {
        return complain(r, name, strlen(name));
    }
    if (word != HELLO_ROW_NOT_TLS && !routable && answer != r->answer) {
        return complain(r, "another alert", (size_t)answer);
    }
    if (r->facts != NULL && !hello_facts_hold(r->facts, &run->whole.info, fault, sizeof(fault))) {
        return complain(r, fault, 0);
    }
    return true;
}

static bool is_same(struct run *run, const struct hello_outcome *o)
{
    ++*run->feeds;
    return hello_check_same(o, &run->whole) &&
           (o->result == CLIENTHELLO_MORE || o->info.raw_bytes == run->whole.info.raw_bytes);
}

static bool as_segmented_is_the_same(struct run *run)
{
    const struct hello_flight *f = &run->row->flight;
    size_t steps[2 * HELLO_FLIGHT_CUTS_MAX];
    size_t n = 0, at = 0;

    while (at < f->raw.len && n < ARRAY_LEN(steps)) {
        size_t end = hello_flight_segment_end(f, at);

        steps[n++] = end - at;
        at = end;
    }
    if (n < 2) {
        return true;
    }
    struct hello_outcome o = hello_check_feed(&guard, &f->raw, CAP, steps, n);
    return is_same(run, &o) || complain(run->row, "differs in the row's own segments", n);
}

static bool byte_by_byte_is_the_same(struct run *run, size_t *decided_out)
{
    const struct hello_bytes *raw = &run->row->flight.raw;
    struct hello_outcome o = hello_check_feed(&guard, raw, CAP, (const size_t[]){1}, 1);

    *decided_out = o.fed;
    return is_same(run, &o) || complain(run->row, "differs one byte at a time", o.fed);
}

/* The bytes where a long flight is worth being cut. */
static bool is_cut_here(size_t at, size_t len)
{
    if (len <= everywhere_bytes || at < 200 || len - at < 40) {
        return true;
    }
    return len > HUGE_BYTES ? at % (len / 50) == 0
                            : at % (RECORD_HEADER_BYTES + LIMIT_RECORD_BYTES) < 12 || at % 97 == 0;
}

static bool two_segments_are_the_same(struct run *run, size_t decided)
{
    const struct hello_bytes *raw = &run->row->flight.raw;

    for (size_t cut = 1; cut < raw->len; cut++) {
        if (!is_cut_here(cut, raw->len)) {
            continue;
        }
        struct hello_outcome both =
            hello_check_feed(&guard, raw, CAP, (const size_t[]){cut, raw->len}, 2);
        if (both.fed != (cut < decided ? raw->len : cut)) {
            return complain(run->row, "is decided early or late when cut", cut);
        }
        if (!is_same(run, &both)) {
            return complain(run->row, "differs in two segments", cut);
        }
    }
    return true;
}

/* The message in full records with one more border, and what came behind it. */
static void rerecord(struct hello_bytes *out, const struct hello_bytes *message, size_t cut,
                     const struct hello_bytes *behind)
{
    struct hello_bytes first = {.data = message->data, .len = cut};
    struct hello_bytes rest = {.data = message->data + cut, .len = message->len - cut};

    out->len = 0;
    hello_records(out, &first, LIMIT_RECORD_BYTES);
    hello_records(out, &rest, LIMIT_RECORD_BYTES);
    hello_bytes_add(out, behind->data, behind->len);
}

/* `hello_bytes` of `raw` are the message and its records; too many of those do not fit the cap. */
static bool rerecorded_is_the_same(struct run *run, const struct hello_bytes *raw,
                                   size_t hello_bytes, size_t at)
{
    struct hello_outcome o = hello_check_whole(&guard, raw, CAP);

    ++*run->feeds;
    if (hello_bytes > CAP) {
        return o.result == CLIENTHELLO_TOO_LARGE || complain(run->row, "is over the cap", at);
    }
    return hello_check_same(&o, &run->whole) || complain(run->row, "differs in records", at);
}

static bool two_records_are_the_same(struct run *run, const struct hello_bytes *message,
                                     const struct hello_bytes *behind)
{
    struct hello_bytes raw = {0};
    bool good = true;

    for (size_t cut = 1; cut < message->len && good; cut++) {
        if (is_cut_here(cut, message->len)) {
            rerecord(&raw, message, cut, behind);
            good = rerecorded_is_the_same(run, &raw, raw.len - behind->len, cut);
        }
    }
    raw.len = 0;
    hello_records(&raw, message, 1);
    good = good && rerecorded_is_the_same(run, &raw, raw.len, 1);
    hello_bytes_free(&raw);
    return good;
}

/* Rows whose message is not whole in its records have nothing to be recorded anew. */
static bool records_are_the_same(struct run *run)
{
    const struct hello_bytes *raw = &run->row->flight.raw;
    struct record_scan scan;
    struct hello_bytes message = {0};

    record_scan_init(&scan);
    if (raw->len == 0 || record_scan_feed(&scan, raw->data, raw->len, CAP) != RECORD_COMPLETE) {
        return true;
    }
    struct hello_bytes behind = {.data = raw->data + scan.offset, .len = raw->len - scan.offset};
    hello_check_message(raw, &message);
    bool good = two_records_are_the_same(run, &message, &behind);
    hello_bytes_free(&message);
    return good;
}

static bool row_holds(const struct hello_row *r, uint64_t *feeds)
{
    struct run run = {.row = r, .feeds = feeds};
    size_t decided = 0;

    return whole_is_as_the_row_says(&run) && as_segmented_is_the_same(&run) &&
           byte_by_byte_is_the_same(&run, &decided) && two_segments_are_the_same(&run, decided) &&
           records_are_the_same(&run);
}

static void every_first_flight_means_one_thing_however_it_is_cut(void **state)
{
    uint64_t feeds = 0;
    size_t held = 0, everywhere = 0;

    (void)state;
    for (size_t i = 0; i < rows.n; i++) {
        held += row_holds(&rows.rows[i], &feeds);
        everywhere += rows.rows[i].flight.raw.len <= everywhere_bytes;
    }
    print_message("             %zu of %zu first flights, in %llu feeds; %zu of them cut at every "
                  "byte, longer ones at intervals\n",
                  held, rows.n, (unsigned long long)feeds, everywhere);
    assert_true(rows.n >= LEAST_ROWS);
    assert_int_equal(held, rows.n);
}

/* A recording nobody holds to anything would be forgotten. */
static void every_recorded_file_has_a_row(void **state)
{
    DIR *d = opendir(HELLO_EXPR_FILES);
    struct dirent *entry;
    size_t missing = 0;

    (void)state;
    assert_non_null(d);
    while ((entry = readdir(d)) != NULL) {
        const char *dot = strrchr(entry->d_name, '.');

        if (dot != NULL && strcmp(dot, ".hex") == 0 &&
            !hello_rows_have_file(&rows, entry->d_name)) {
            print_error("%s/%s has no row in %s\n", HELLO_EXPR_FILES, entry->d_name,
                        HELLO_ROWS_FILE);
            missing++;
        }
    }
    closedir(d);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_first_flight_means_one_thing_however_it_is_cut),
        cmocka_unit_test(every_recorded_file_has_a_row),
    };

    return cmocka_run_group_tests_name("first flights", tests, set_up, tear_down);
}
