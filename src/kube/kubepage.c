#include "kubepage_priv.h"

#include <errno.h>
#include <string.h>

#include "base/limits.h"
#include "kube/kubejson.h"
#include "kube/kubewatch.h"
#include "kubekind_priv.h"

static int take_item(struct kubepage *p, cJSON *item)
{
    int rc = kubekind_admit(item, p->resource);

    if (rc == 0) {
        p->skipped++;
        return 0;
    }
    return rc < 0 ? rc : p->on_item(p->ctx, item);
}

/* Whichever comes last counts, as in the server's own language. */
static int take_metadata(struct kubepage *p, cJSON *metadata)
{
    cJSON_Delete(p->metadata);
    p->metadata = metadata;
    return 0;
}

static bool is_key(const struct jsonsplit_piece *piece, const char *key)
{
    return strcmp(piece->key, key) == 0;
}

static bool is_text(const struct jsonsplit_piece *piece, const char *text)
{
    return piece->len == strlen(text) && memcmp(piece->text, text, piece->len) == 0;
}

/* `*out` is NULL when there is something else than an object. */
static MUST_CHECK int parse_object(const struct jsonsplit_piece *piece, cJSON **out)
{
    *out = NULL;
    return piece->text[0] == '{' ? kubejson_parse(piece->text, piece->len, out) : 0;
}

static int take_element(struct kubepage *p, const struct jsonsplit_piece *piece)
{
    cJSON *item;
    int rc;

    if (!p->resource) {
        return 0;
    }
    rc = parse_object(piece, &item);
    if (rc == 0) {
        rc = take_item(p, item);
    }
    cJSON_Delete(item);
    return rc;
}

/* Whether a text in its quotes is `a` and `b` together; what is "" is not said. */
static bool is_quoted(const struct jsonsplit_piece *piece, const char *a, const char *b)
{
    size_t a_len = strlen(a), b_len = strlen(b);

    return is_text(piece, "\"\"") || (piece->len == a_len + b_len + 2 && piece->text[0] == '"' &&
                                      memcmp(piece->text + 1, a, a_len) == 0 &&
                                      memcmp(piece->text + 1 + a_len, b, b_len) == 0);
}

/* An answer of another kind, from a proxy or a cache that is confused, must not pass for an empty
 * list: that would take everything away. */
static int take_kind(struct kubepage *p, const struct jsonsplit_piece *piece)
{
    if (!is_quoted(piece, p->resource->kind, "List")) {
        return -EBADMSG;
    }
    p->is_named = true;
    return 0;
}

static int take_member(struct kubepage *p, const struct jsonsplit_piece *piece)
{
    cJSON *metadata;
    int rc;

    if (p->resource && is_key(piece, "kind")) {
        return take_kind(p, piece);
    }
    if (p->resource && is_key(piece, "apiVersion")) {
        return is_quoted(piece, p->resource->api_version, "") ? 0 : -EBADMSG;
    }

    if (is_key(piece, "items")) { /* no list: then it may only be missing */
        return is_text(piece, "null") ? 0 : -EBADMSG;
    }
    if (!is_key(piece, "metadata")) {
        return 0;
    }
    rc = parse_object(piece, &metadata);
    return rc == 0 ? take_metadata(p, metadata) : rc;
}

static int on_piece(void *ctx, const struct jsonsplit_piece *piece)
{
    return piece->is_element ? take_element(ctx, piece) : take_member(ctx, piece);
}

void kubepage_init(struct kubepage *p, const struct kuberesource *resource,
                   int (*on_item)(void *ctx, const cJSON *object), void *ctx)
{
    *p = (struct kubepage){.resource = resource, .on_item = on_item, .ctx = ctx};
    jsonsplit_init(&p->split, JSONSPLIT_LIST, LIMIT_KUBE_OBJECT_BYTES, on_piece, p);
}

void kubepage_fini(struct kubepage *p)
{
    jsonsplit_fini(&p->split);
    cJSON_Delete(p->metadata);
    p->metadata = NULL;
}

int kubepage_feed(struct kubepage *p, const void *bytes, size_t len)
{
    return jsonsplit_feed(&p->split, bytes, len);
}

static const char *text_of(const struct kubepage *p, const char *key)
{
    const cJSON *node = cJSON_GetObjectItemCaseSensitive(p->metadata, key);

    return cJSON_IsString(node) ? node->valuestring : "";
}

const char *kubepage_version(const struct kubepage *p)
{
    return text_of(p, "resourceVersion");
}

const char *kubepage_next(const struct kubepage *p)
{
    return text_of(p, "continue");
}

bool kubepage_is_whole(const struct kubepage *p)
{
    return jsonsplit_is_complete(&p->split) && *kubepage_version(p) != '\0' &&
           (!p->resource || p->is_named || p->split.had_items);
}
