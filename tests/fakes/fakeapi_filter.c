#include <string.h>

#include "fakes/fakeapi_priv.h"

/* The value of a label, as written; false: the object does not have it. */
static bool label_of(const struct fakeapi_object *o, struct fakeapi_span name,
                     struct fakeapi_span *out)
{
    struct fakeapi_span key, value;
    const char *at;

    if (o->labels_at == 0 || o->text[o->labels_at] != '{') {
        return false;
    }
    at = fakeapi_json_enter(o->text + o->labels_at);
    while (fakeapi_json_next(&at, &key, &value)) {
        if (key.len == name.len && memcmp(key.at, name.at, key.len) == 0) {
            *out = fakeapi_json_string(value);
            return true;
        }
    }
    return false;
}

/* One of: key, !key, key=value, key==value, key!=value. */
static bool term_passes(const char *term, size_t len, const struct fakeapi_object *o)
{
    bool is_not = len > 0 && term[0] == '!';
    const char *equals = memchr(term, '=', len);
    struct fakeapi_span name = {term, len}, wanted = {"", 0}, value = {"", 0};
    bool has, same;

    if (is_not) {
        name = (struct fakeapi_span){term + 1, len - 1};
    }
    if (equals == NULL) {
        return label_of(o, name, &value) != is_not;
    }
    name.len = (size_t)(equals - term);
    if (name.len > 0 && term[name.len - 1] == '!') {
        is_not = true;
        name.len--;
    }
    equals += equals + 1 < term + len && equals[1] == '=' ? 2 : 1;
    wanted = (struct fakeapi_span){equals, (size_t)(term + len - equals)};
    has = label_of(o, name, &value);
    same = has && value.len == wanted.len && memcmp(value.at, wanted.at, wanted.len) == 0;
    return same != is_not;
}

static bool labels_pass(const char *selector, const struct fakeapi_object *o)
{
    while (*selector != '\0') {
        size_t len = strcspn(selector, ",");

        if (!term_passes(selector, len, o)) {
            return false;
        }
        selector += len + (selector[len] == ',');
    }
    return true;
}

#define BY_NAME "metadata.name="
#define BY_NS   "metadata.namespace="

bool fakeapi_filter_is_valid(const struct fakeapi_filter *f)
{
    return f->fields[0] == '\0' || strncmp(f->fields, BY_NAME, strlen(BY_NAME)) == 0 ||
           strncmp(f->fields, BY_NS, strlen(BY_NS)) == 0;
}

static bool fields_pass(const char *selector, const struct fakeapi_object *o)
{
    if (strncmp(selector, BY_NAME, strlen(BY_NAME)) == 0) {
        return strcmp(selector + strlen(BY_NAME), o->name) == 0;
    }
    return selector[0] == '\0' || strcmp(selector + strlen(BY_NS), o->ns) == 0;
}

bool fakeapi_filter_passes(const struct fakeapi_filter *f, const struct fakeapi_object *o)
{
    return (f->ns[0] == '\0' || strcmp(f->ns, o->ns) == 0) && labels_pass(f->labels, o) &&
           fields_pass(f->fields, o);
}
