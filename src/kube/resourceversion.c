#include "kube/resourceversion.h"

#include <stdbool.h>
#include <string.h>

/* 2^128 - 1: one longer, or as long and higher, is no version that may be compared. */
static const char LARGEST[] = "340282366920938463463374607431768211455";

/* How two decimal numbers without leading zeros stand to each other: as strcmp() says it. */
static int compare_digits(const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);

    if (a_len != b_len) {
        return a_len < b_len ? -1 : 1;
    }
    return strcmp(a, b);
}

static bool is_comparable(const char *v)
{
    return v[0] >= '1' && v[0] <= '9' && v[strspn(v, "0123456789")] == '\0' &&
           compare_digits(v, LARGEST) <= 0;
}

enum resourceversion_order resourceversion_compare(const char *a, const char *b)
{
    int order = strcmp(a, b);

    if (order == 0) {
        return RV_SAME;
    }
    if (!is_comparable(a) || !is_comparable(b)) {
        return RV_UNKNOWN;
    }
    return compare_digits(a, b) < 0 ? RV_OLDER : RV_NEWER;
}
