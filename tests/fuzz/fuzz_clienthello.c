/*
 * However a first flight is cut into segments, the parser says the same; and however a good hello
 * is cut into records, it says the same of it.
 *
 * Input: the number of segment sizes, those sizes, the record size, the cap, then the raw bytes.
 * The rows of tests/data/hellos.tsv are its seeds.
 */
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/limits.h"
#include "support/guard_page.h"
#include "support/hello_check.h"
#include "support/hello_rows.h"

#define CAP          ((size_t)LIMIT_HELLO_DEFAULT_BYTES)
#define STEPS_MAX    16
#define SINGLE_BYTES 512u /* longer ones are not fed one byte at a time: it would only be slow */
#define ROOM         (8 * CAP)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct guard_page guard;

struct plan {
    size_t steps[STEPS_MAX + 1];
    size_t n;
    size_t record_bytes;
    size_t cap;
    struct hello_bytes raw;
};

static const size_t record_sizes[] = {1, 2, 3, 5, 16, 100, 1000, LIMIT_RECORD_BYTES};
static const size_t caps[] = {CAP, LIMIT_HELLO_MIN_BYTES, 64, 8};

static bool plan_read(const uint8_t *data, size_t size, struct plan *p)
{
    *p = (struct plan){0};
    if (size < 1 || size > CAP) {
        return false;
    }
    size_t n = data[0] % (STEPS_MAX + 1);
    if (size < 1 + n + 2) {
        return false;
    }
    for (p->n = 0; p->n < n; p->n++) {
        p->steps[p->n] = 1 + (size_t)data[1 + p->n];
    }
    p->record_bytes = record_sizes[data[1 + n] % ARRAY_LEN(record_sizes)];
    p->cap = caps[data[2 + n] % ARRAY_LEN(caps)];
    hello_bytes_add(&p->raw, data + 3 + n, size - 3 - n);
    p->steps[p->n++] = p->raw.len + 1;
    return true;
}

static void check_info(const struct hello_outcome *o, size_t raw_len)
{
    const struct clienthello_info *info = &o->info;
    if (o->result == CLIENTHELLO_MORE) {
        return;
    }
    ASSERT((o->result == CLIENTHELLO_OK) == (info->why == NULL));
    ASSERT((o->result == CLIENTHELLO_OK) == (info->alert == ALERT_NONE));
    ASSERT(info->has_name == (info->name_len > 0));
    ASSERT(info->name_len <= sizeof info->name && info->alpn_len <= sizeof info->alpn);
    ASSERT(info->raw_bytes <= raw_len && (info->raw_bytes > 0) == (o->result == CLIENTHELLO_OK));
}

static void check_segments(const struct plan *p, const struct hello_outcome *whole)
{
    struct hello_outcome o = hello_check_feed(&guard, &p->raw, p->cap, p->steps, p->n);
    ASSERT(hello_check_same(&o, whole) && o.info.raw_bytes == whole->info.raw_bytes);
    if (p->raw.len <= SINGLE_BYTES) {
        o = hello_check_feed(&guard, &p->raw, p->cap, (const size_t[]){1}, 1);
        ASSERT(hello_check_same(&o, whole) && o.info.raw_bytes == whole->info.raw_bytes);
    }
}

static void check_records(const struct plan *p, const struct hello_outcome *whole)
{
    struct hello_bytes message = {0};
    struct hello_bytes raw = {0};
    hello_check_message(&p->raw, &message);
    hello_records(&raw, &message, p->record_bytes);
    struct hello_outcome o = hello_check_whole(&guard, &raw, ROOM);
    ASSERT(hello_check_same(&o, whole) && o.info.raw_bytes == raw.len);
    hello_bytes_free(&raw);
    hello_bytes_free(&message);
}

/* A row behind two segment sizes, records of three bytes and the usual cap. */
static void write_seed(const char *dir, const struct hello_row *r)
{
    static const uint8_t plan[] = {2, 0, 99, 2, 0};
    char path[PATH_MAX];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, r->id);
    f = fopen(path, "wb");
    if (f != NULL) {
        ASSERT(fwrite(plan, sizeof(plan), 1, f) == 1);
        ASSERT(fwrite(r->flight.raw.data, r->flight.raw.len, 1, f) == 1);
        ASSERT(fclose(f) == 0);
    }
}

/* Called by a fuzzer before it reads its corpus: puts the seeds into the first directory named. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct hello_rows rows;
    int dir = 1;

    while (dir < *argc && (*argv)[dir][0] == '-') {
        dir++;
    }
    if (dir == *argc) {
        return 0;
    }
    hello_rows_read(&rows);
    for (size_t i = 0; i < rows.n; i++) {
        size_t len = rows.rows[i].flight.raw.len;

        if (len > 0 && len < CAP - STEPS_MAX) {
            write_seed((*argv)[dir], &rows.rows[i]);
        }
    }
    hello_rows_free(&rows);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct plan p;
    if (!guard.base) {
        guard_page_init(&guard, ROOM);
    }
    if (plan_read(data, size, &p) && p.raw.len > 0) {
        struct hello_outcome whole = hello_check_whole(&guard, &p.raw, p.cap);
        check_info(&whole, p.raw.len);
        check_segments(&p, &whole);
        if (whole.result == CLIENTHELLO_OK) {
            check_records(&p, &whole);
        }
    }
    hello_bytes_free(&p.raw);
    return 0;
}
