#include "kindname_priv.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"

#define NAME_MAX_LEN 40u /* no kind is longer; of what is, the rest does not count */

static const struct {
    const char *api_version, *kind; /* each has its list, too */
} known[] = {
    {"networking.k8s.io/v1", "Ingress"},       {"networking.k8s.io/v1", "IngressClass"},
    {"networking.k8s.io/v1", "NetworkPolicy"}, {"networking.k8s.io/v1", "IPAddress"},
    {"networking.k8s.io/v1", "ServiceCIDR"},   {"discovery.k8s.io/v1", "EndpointSlice"},
};

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters to change, add or take away (Levenshtein), capital or not. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_LEN + 1], len = strnlen(b, NAME_MAX_LEN);

    for (size_t k = 0; k <= len; k++) {
        row[k] = k;
    }
    for (size_t i = 1; i <= NAME_MAX_LEN && a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t k = 1; k <= len; k++) {
            size_t above = row[k];
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[k - 1]);

            row[k] = same ? diagonal : 1 + min(diagonal, min(above, row[k - 1]));
            diagonal = above;
        }
    }
    return row[len];
}

static bool is_list_of(const char *name, const char *kind)
{
    size_t len = strlen(kind);

    return strncmp(name, kind, len) == 0 && strcmp(name + len, "List") == 0;
}

const char *kindname_meant(const char *api_version, const char *kind)
{
    const char *nearest = NULL;
    size_t least = SIZE_MAX;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        size_t d;

        if (strcmp(api_version, known[i].api_version) != 0) {
            continue;
        }
        if (strcmp(kind, known[i].kind) == 0 || is_list_of(kind, known[i].kind)) {
            return NULL;
        }
        d = distance(kind, known[i].kind);
        if (d < least) {
            nearest = known[i].kind;
            least = d;
        }
    }
    return nearest;
}
