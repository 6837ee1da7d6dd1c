#include "backends_priv.h"

#include <string.h>

const char *backends_first(const struct ingress *ing)
{
    for (size_t i = 0; i < ing->n_rules; i++) {
        const struct ingress_rule *rule = &ing->rules[i];

        if (rule->n_paths > 0 && rule->paths[0].backend.type == BACKEND_SERVICE) {
            return rule->paths[0].backend.service;
        }
    }
    return ing->default_backend.type == BACKEND_SERVICE ? ing->default_backend.service : "";
}

static bool is_one(const struct ingress_backend *b, const char *service, bool same)
{
    return b->type == BACKEND_SERVICE && (strcmp(b->service, service) == 0) == same;
}

/* Whether one of them is that Service, or (not `same`) another. */
static bool have(const struct ingress *ing, const char *service, bool same)
{
    bool found = is_one(&ing->default_backend, service, same);

    for (size_t i = 0; i < ing->n_rules && !found; i++) {
        for (size_t k = 0; k < ing->rules[i].n_paths && !found; k++) {
            found = is_one(&ing->rules[i].paths[k].backend, service, same);
        }
    }
    return found;
}

bool backends_have(const struct ingress *ing, const char *service)
{
    return have(ing, service, true);
}

size_t backends_work(const struct ingress *ing)
{
    size_t n = 1 + ing->n_rules;

    for (size_t i = 0; i < ing->n_rules; i++) {
        n += ing->rules[i].n_paths;
    }
    return have(ing, backends_first(ing), false) ? n : 0;
}
