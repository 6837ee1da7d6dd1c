#include "support/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "manifest/yamldoc.h"
#include "model/decode.h"
#include "model/store.h"
#include "model/verdict.h"

static void stop_if(int bad, const char *what, const char *text)
{
    if (bad) {
        fprintf(stderr, "objects of this test: %s: %s\n", what, text);
        abort();
    }
}

static void put_tree(struct store *s, const cJSON *tree, const struct decode_source *source)
{
    struct objmeta *o = NULL;
    struct verdicts v;
    enum decode_result result;

    verdicts_init(&v);
    result = decode_object(tree, source, &v, &o);
    stop_if(v.errors > 0 || result != DECODE_OK, "not valid", v.n ? v.items[0].message : "?");
    stop_if(store_put(s, o) != 0, "not stored", o->name);
    object_unref(o);
    verdicts_fini(&v);
}

void objects_put(struct store *s, const char *yaml)
{
    struct yamldoc_error error;
    struct yamldoc *doc = yamldoc_parse(yaml, strlen(yaml), &error);
    struct decode_source source = {.file = "test.yaml", .line_of = yamldoc_line_of, .ctx = doc};

    stop_if(!doc, "not parsed", error.text);
    for (size_t i = 0; i < yamldoc_count(doc); i++) {
        put_tree(s, yamldoc_tree(doc, i), &source);
    }
    yamldoc_free(doc);
}

struct store *objects_store(const char *yaml)
{
    struct store *s = store_new();

    stop_if(!s, "no store", "out of memory");
    objects_put(s, yaml);
    return s;
}
