#include "support/decoded.h"

#include <string.h>

#include "support/json_text.h"

static unsigned line_by_key(void *ctx, const cJSON *node)
{
    (void)ctx;
    return node->string != NULL ? 100u + (unsigned)strlen(node->string) : 1;
}

const struct decode_source decoded_source = {"test.yaml", line_by_key, NULL};
static const struct decode_source api_source = {"", NULL, NULL};

static void decode_from(struct decoded *d, const char *json, const struct decode_source *src)
{
    *d = (struct decoded){.tree = json_text_parse(json)};
    verdicts_init(&d->v);
    d->result = decode_object(d->tree, src, &d->v, &d->o);
}

void decoded_init(struct decoded *d, const char *json)
{
    decode_from(d, json, &decoded_source);
}

void decoded_init_api(struct decoded *d, const char *json)
{
    decode_from(d, json, &api_source);
}

void decoded_fini(struct decoded *d)
{
    object_unref(d->o);
    verdicts_fini(&d->v);
    cJSON_Delete(d->tree);
    d->o = NULL;
    d->tree = NULL;
}

const struct verdict *decoded_verdict(const struct decoded *d, const char *reason)
{
    for (size_t i = 0; i < d->v.n; i++) {
        if (strcmp(d->v.items[i].reason, reason) == 0) {
            return &d->v.items[i];
        }
    }
    return NULL;
}
