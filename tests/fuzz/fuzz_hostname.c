/*
 * Whatever comes as a name: what is taken as one has the form that tables are keyed by, and stays
 * as it is when normalised again; what is not leaves the output alone.  A pattern is a name or a
 * wildcard over one.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "route/hostname.h"

#define UNTOUCHED '#'

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_form(const char *name, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t label = 0;

    ASSERT(len >= 1 && len <= HOSTNAME_MAX && strlen(name) == len);
    ASSERT(strspn(name, allowed) == len);
    for (size_t i = 0; i <= len; i++) {
        if (i == len || name[i] == '.') {
            ASSERT(label >= 1 && label <= HOSTNAME_LABEL_MAX);
            label = 0;
        } else {
            label++;
        }
    }
}

static void check_is_stable(const char *name, size_t len)
{
    char again[HOSTNAME_MAX + 1];
    size_t again_len;

    ASSERT(hostname_normalise(name, len, again, &again_len) == HOSTNAME_VALID);
    ASSERT(again_len == len && memcmp(again, name, len + 1) == 0);
}

static void check_pattern(const char *text, size_t size, enum hostname_kind as_name)
{
    char out[HOSTNAME_MAX + 1];
    size_t len;
    enum hostname_kind kind = hostname_normalise_pattern(text, size, out, &len);

    ASSERT(kind != HOSTNAME_ADDRESS);
    ASSERT((kind == HOSTNAME_NONE) == (size == 0));
    if (kind != HOSTNAME_VALID) {
        ASSERT(as_name != HOSTNAME_VALID);
    } else if (hostname_is_wildcard(out)) {
        ASSERT(as_name == HOSTNAME_INVALID && len <= HOSTNAME_MAX && out[1] == '.');
        check_form(out + 2, len - 2);
    } else {
        ASSERT(as_name == HOSTNAME_VALID);
        check_is_stable(out, len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char out[HOSTNAME_MAX + 1];
    size_t len = SIZE_MAX;
    enum hostname_kind kind;

    memset(out, UNTOUCHED, sizeof(out));
    kind = hostname_normalise(text, size, out, &len);
    ASSERT((kind == HOSTNAME_NONE) == (size == 0));
    if (kind == HOSTNAME_VALID) {
        check_form(out, len);
        check_is_stable(out, len);
    } else {
        ASSERT(len == SIZE_MAX && out[0] == UNTOUCHED);
    }
    check_pattern(text, size, kind);
    return 0;
}
