/*
 * Whatever the bytes, and however they are cut: the same pieces and the same end; and where another
 * parser reads the whole as one object, the pieces are its members and elements.
 *
 * Input: 'l' (a list) or anything (a stream); a byte that says how to cut and what the cap is;
 * text.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/buf.h"
#include "kube/jsonsplit.h"

#define HEAD      2u
#define SMALL_CAP 24u
#define LARGE_CAP (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Pieces one behind the other, each with its key, and what came in the end. */
struct run {
    struct buf pieces;
    size_t n, max_piece;
    int rc;
    bool is_complete;
};

static int on_piece(void *ctx, const struct jsonsplit_piece *p)
{
    struct run *r = ctx;
    int rc;

    ASSERT(p->len > 0 && p->len <= r->max_piece && memchr(p->text, '\0', p->len) == NULL);
    ASSERT(!p->is_element || strcmp(p->key, "items") == 0);
    r->n++;
    rc = p->key != NULL ? buf_append(&r->pieces, p->key, strlen(p->key) + 1) : 0;
    ASSERT(rc == 0);
    rc = buf_append(&r->pieces, p->text, p->len);
    ASSERT(rc == 0);
    rc = buf_append(&r->pieces, p->is_element ? "\1" : "\0", 1);
    ASSERT(rc == 0);
    return 0;
}

/* Each chunk in a block of its own, so that a sanitizer sees a read past it or after it. */
static void run(struct run *r, enum jsonsplit_mode mode, const uint8_t *text, size_t len,
                size_t chunk)
{
    struct jsonsplit s;

    buf_init(&r->pieces, SIZE_MAX / 4);
    jsonsplit_init(&s, mode, r->max_piece, on_piece, r);
    for (size_t at = 0, n; r->rc == 0 && at < len; at += n) {
        uint8_t *block;

        n = len - at < chunk ? len - at : chunk;
        block = malloc(n);
        ASSERT(block != NULL);
        memcpy(block, text + at, n);
        r->rc = jsonsplit_feed(&s, block, n);
        free(block);
    }
    ASSERT(r->rc == 0 || r->rc == -EBADMSG || r->rc == -EMSGSIZE);
    r->is_complete = r->rc == 0 && jsonsplit_is_complete(&s);
    jsonsplit_fini(&s);
}

static void check_same(const struct run *a, const struct run *b)
{
    ASSERT(a->rc == b->rc && a->is_complete == b->is_complete && a->n == b->n);
    ASSERT(a->pieces.len == b->pieces.len);
    ASSERT(a->pieces.len == 0 || memcmp(a->pieces.data, b->pieces.data, a->pieces.len) == 0);
}

/* Without escapes a name is written as it reads. */
static size_t pieces_of_list(const cJSON *tree)
{
    size_t n = 0;

    for (const cJSON *member = tree->child; member != NULL; member = member->next) {
        if (strlen(member->string) >= JSONSPLIT_KEY_MAX) {
            continue;
        }
        n += strcmp(member->string, "items") == 0 && cJSON_IsArray(member)
                 ? (size_t)cJSON_GetArraySize(member)
                 : 1;
    }
    return n;
}

static void check_tree(const struct run *r, enum jsonsplit_mode mode, const uint8_t *text,
                       size_t len)
{
    cJSON *tree;

    /* The other parser reads a byte past a text that ends in a comma. */
    if (len == 0 || text[len - 1] != '}' || memchr(text, '\\', len) != NULL) {
        return;
    }
    tree = cJSON_ParseWithLength((const char *)text, len);
    if (tree != NULL && cJSON_IsObject(tree) && r->is_complete) {
        /* It would read the first of a stream of objects, too. */
        ASSERT(mode == JSONSPLIT_LIST ? r->n == pieces_of_list(tree) : r->n >= 1);
    }
    cJSON_Delete(tree);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole = {0}, cut = {0}, bytewise = {0};
    enum jsonsplit_mode mode;
    const uint8_t *text;
    size_t len;

    if (size < HEAD) {
        return 0;
    }
    mode = data[0] == 'l' ? JSONSPLIT_LIST : JSONSPLIT_STREAM;
    text = data + HEAD;
    len = size - HEAD;
    whole.max_piece = data[1] < 0x80 ? LARGE_CAP : SMALL_CAP;
    cut.max_piece = bytewise.max_piece = whole.max_piece;
    run(&whole, mode, text, len, len + 1);
    run(&cut, mode, text, len, 2 + data[1] % 0x80);
    run(&bytewise, mode, text, len, 1);
    check_same(&whole, &cut);
    check_same(&whole, &bytewise);
    check_tree(&whole, mode, text, len);
    buf_fini(&whole.pieces);
    buf_fini(&cut.pieces);
    buf_fini(&bytewise.pieces);
    return 0;
}
