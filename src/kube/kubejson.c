#include "kube/kubejson.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/secret.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int kubejson_parse(const char *text, size_t len, cJSON **out)
{
    const char *end = NULL;
    cJSON *tree;

    while (len > 0 && is_blank(*text)) {
        text++;
        len--;
    }
    while (len > 0 && is_blank(text[len - 1])) {
        len--;
    }
    /* cJSON 1.7.15 reads one byte past a text that ends in a comma. */
    if (len < 2 || text[0] != '{' || text[len - 1] != '}' || memchr(text, '\0', len) != NULL) {
        return -EBADMSG;
    }
    errno = 0; /* cJSON does not tell what failed, but malloc() does */
    tree = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (tree == NULL) {
        return errno == ENOMEM ? -ENOMEM : -EBADMSG;
    }
    if (end != text + len) { /* cJSON is content with the beginning */
        secret_free_tree(tree);
        return -EBADMSG;
    }
    *out = tree;
    return 0;
}
