#include "app/nearest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, with one row of the matrix; a long word is like nothing. */
static size_t distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t len_a = strlen(a), len_b = strlen(b);

    if (len_a > WORD_MAX || len_b > WORD_MAX) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= len_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= len_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= len_b; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[len_b];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
    size_t d = distance(n->word, candidate);
    size_t tolerated = 1 + strlen(n->word) / 4;

    if (d <= tolerated && (n->best == NULL || d < n->distance)) {
        n->best = candidate;
        n->distance = d;
    }
}
