#include "support/metric_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line at a time; false behind the last. */
static bool next_line(const char **rest, const char **line_out, size_t *len_out)
{
    if (**rest == '\0') {
        return false;
    }
    *line_out = *rest;
    *len_out = strcspn(*rest, "\n");
    *rest += *len_out + ((*rest)[*len_out] == '\n');
    return true;
}

static bool has(const char *page, const char *wanted, size_t wanted_len)
{
    const char *line;
    size_t len;

    while (next_line(&page, &line, &len)) {
        if (len == wanted_len && memcmp(line, wanted, len) == 0) {
            return true;
        }
    }
    return false;
}

void metric_lines_has(const char *page, const char *lines)
{
    const char *line;
    size_t len;

    while (next_line(&lines, &line, &len)) {
        if (!has(page, line, len)) {
            print_message("%.*s: not in:\n", (int)len, line);
            for (const char *rest = page; next_line(&rest, &line, &len);) {
                print_message("%.*s\n", (int)(len < 200 ? len : 200), line);
            }
            fail();
        }
    }
}

size_t metric_lines_count(const char *page, const char *beginning)
{
    const char *line;
    size_t len, n = 0;

    while (next_line(&page, &line, &len)) {
        n += strncmp(line, beginning, strlen(beginning)) == 0;
    }
    return n;
}

uint64_t metric_lines_sum(const char *page, const char *beginning)
{
    const char *line;
    uint64_t sum = 0;
    size_t len;

    while (next_line(&page, &line, &len)) {
        if (strncmp(line, beginning, strlen(beginning)) == 0) {
            const char *value = memrchr(line, ' ', len);

            assert_non_null(value);
            sum += strtoull(value, NULL, 10);
        }
    }
    return sum;
}

char *metric_lines_families(const char *page)
{
    static const char TYPE[] = "# TYPE ";
    char *out = NULL;
    size_t out_len, len;
    FILE *f = open_memstream(&out, &out_len);
    const char *line;

    assert_non_null(f);
    while (next_line(&page, &line, &len)) {
        if (strncmp(line, TYPE, strlen(TYPE)) == 0) {
            fprintf(f, "%.*s\n", (int)(len - strlen(TYPE)), line + strlen(TYPE));
        }
    }
    fclose(f);
    return out;
}
