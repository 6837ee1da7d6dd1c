#include "support/hello_oracle.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void hello_oracle_word(const void *name, size_t len, char out[HELLO_ORACLE_WORD_MAX])
{
    const unsigned char *bytes = name;
    size_t n = 0;

    for (size_t i = 0; i < len && n + sizeof("\\xff") <= HELLO_ORACLE_WORD_MAX; i++) {
        if (isgraph(bytes[i]) && bytes[i] != '\\') {
            out[n++] = (char)bytes[i];
        } else {
            n += (size_t)snprintf(out + n, HELLO_ORACLE_WORD_MAX - n, "\\x%02x", bytes[i]);
        }
    }
    out[n] = '\0';
}

/* The word is of the name as sent; the row has the name that is looked up. */
static bool is_name(const char *said, const char *name)
{
    char want[HELLO_ORACLE_WORD_MAX];
    size_t len;

    hello_oracle_word(name, strlen(name), want);
    len = strlen(want);
    return strncasecmp(said, want, len) == 0 && (said[len] == '\0' || strcmp(said + len, ".") == 0);
}

static bool agrees(const struct hello_row *r, const char *said)
{
    if (r->outcome == HELLO_ROW_EOF) {
        return strcmp(said, HELLO_ORACLE_MORE) == 0;
    }
    if (!hello_row_is_complete(r)) {
        return strcmp(said, HELLO_ORACLE_REFUSED) == 0;
    }
    return r->name[0] != '\0' ? is_name(said, r->name) : strcmp(said, HELLO_ORACLE_NONE) == 0;
}

bool hello_oracle_holds(const struct hello_row *r, const struct hello_oracle *listed,
                        const char *said)
{
    bool agreed = agrees(r, said);

    if (listed->says[0] == '\0' ? agreed : !agreed && strcmp(said, listed->says) == 0) {
        return true;
    }
    fprintf(stderr, "%s:%u: %s: it says %s%s%s\n", HELLO_ROWS_FILE, r->line, r->id, said,
            listed->says[0] != '\0' ? ", and is listed as saying " : "", listed->says);
    return false;
}
