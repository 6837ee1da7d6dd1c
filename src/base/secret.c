#include "base/secret.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void secret_free(char *text)
{
    if (text == NULL) {
        return;
    }
    explicit_bzero(text, strlen(text));
    free(text);
}

void secret_free_list(char **list)
{
    for (size_t i = 0; list != NULL && list[i] != NULL; i++) {
        secret_free(list[i]);
    }
    free(list);
}

/* NOLINTNEXTLINE(misc-no-recursion): as deep as cJSON's own */
static void wipe(cJSON *node)
{
    for (; node != NULL; node = node->next) {
        if (node->valuestring != NULL) {
            explicit_bzero(node->valuestring, strlen(node->valuestring));
        }
        wipe(node->child);
    }
}

void secret_free_tree(cJSON *tree)
{
    wipe(tree);
    cJSON_Delete(tree);
}

void secret_free_buf(struct buf *b)
{
    if (b->data != NULL) {
        explicit_bzero(b->data, b->cap);
    }
    buf_fini(b);
}

int secret_append(struct buf *b, const void *bytes, size_t n)
{
    struct buf grown;
    int rc;

    if (n <= b->cap - b->len) {
        return buf_append(b, bytes, n);
    }
    /* realloc() would leave a copy behind. */
    rc = n <= b->max - b->len ? 0 : -ENOBUFS;
    buf_init(&grown, b->max);
    if (rc == 0) {
        rc = buf_reserve(&grown, b->len + n); /* doubles, which keeps appending linear */
    }
    if (rc < 0) {
        return rc;
    }
    memcpy(grown.data, b->data != NULL ? b->data : (const uint8_t *)"", b->len);
    memcpy(grown.data + b->len, bytes, n);
    grown.len = b->len + n;
    secret_free_buf(b);
    *b = grown;
    return 0;
}

void secret_replace(char **slot, char *text)
{
    secret_free(*slot);
    *slot = text;
}
