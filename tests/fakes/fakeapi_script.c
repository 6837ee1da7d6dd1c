#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

bool fakeapi_script_matches(const struct fakeapi_match *m, const struct fakeapi_request *r)
{
    return m == NULL ||
           ((m->verb == FAKEAPI_ANY_VERB || m->verb == r->verb) &&
            (m->resource == FAKEAPI_ANY_RESOURCE || m->resource == r->resource) &&
            (m->ns == NULL || strcmp(m->ns, r->ns) == 0) && (m->page == 0 || m->page == r->page) &&
            (m->query == NULL || strstr(r->query, m->query) != NULL));
}

static struct fakeapi_answer copy_answer(const struct fakeapi_answer *a)
{
    struct fakeapi_answer copy = *a;

    copy.body = fakeapi_text_copy(a->body);
    copy.content_type = fakeapi_text_copy(a->content_type);
    copy.head = fakeapi_text_copy(a->head);
    return copy;
}

/* The texts are copies, const only to who writes a script. */
void fakeapi_script_free_answer(struct fakeapi_answer *a)
{
    free((void *)(uintptr_t)a->body);
    free((void *)(uintptr_t)a->content_type);
    free((void *)(uintptr_t)a->head);
    *a = (struct fakeapi_answer){0};
}

static void free_script(struct fakeapi_script *s)
{
    fakeapi_script_free_answer(&s->answer);
    free((void *)(uintptr_t)s->match.ns);
    free((void *)(uintptr_t)s->match.query);
    free(s);
}

void fakeapi_script(struct fakeapi *api, const struct fakeapi_match *m, unsigned times,
                    const struct fakeapi_answer *a)
{
    struct fakeapi_script *s = fakeapi_text_alloc(sizeof(*s)), **at;

    s->match = *m;
    s->match.ns = fakeapi_text_copy(m->ns);
    s->match.query = fakeapi_text_copy(m->query);
    s->answer = copy_answer(a);
    s->left = times;
    pthread_mutex_lock(&api->lock);
    for (at = &api->scripts; *at != NULL; at = &(*at)->next) {
    }
    *at = s;
    pthread_mutex_unlock(&api->lock);
}

void fakeapi_script_take(struct fakeapi *api, struct fakeapi_call *call)
{
    for (struct fakeapi_script **at = &api->scripts; *at != NULL; at = &(*at)->next) {
        struct fakeapi_script *s = *at;

        if (fakeapi_script_matches(&s->match, &call->r)) {
            call->a = copy_answer(&s->answer);
            if (s->left == 1) {
                *at = s->next;
                free_script(s);
            } else if (s->left > 0) {
                s->left--;
            }
            return;
        }
    }
}

void fakeapi_script_fini(struct fakeapi *api)
{
    while (api->scripts != NULL) {
        struct fakeapi_script *s = api->scripts;

        api->scripts = s->next;
        free_script(s);
    }
}

void fakeapi_release(struct fakeapi *api)
{
    pthread_mutex_lock(&api->lock);
    for (struct fakeapi_conn *c = api->conns; c != NULL; c = c->next) {
        if (c->is_held) {
            c->is_held = false;
            api->n_held--;
            fakeapi_conn_wake(c);
        }
    }
    pthread_mutex_unlock(&api->lock);
}

unsigned fakeapi_held(struct fakeapi *api)
{
    unsigned n;

    pthread_mutex_lock(&api->lock);
    n = api->n_held;
    pthread_mutex_unlock(&api->lock);
    return n;
}

void fakeapi_unscript(struct fakeapi *api)
{
    pthread_mutex_lock(&api->lock);
    fakeapi_script_fini(api);
    pthread_mutex_unlock(&api->lock);
    fakeapi_release(api);
}

static void set_token(char out[4096], const char *token)
{
    if (token != NULL && strlen(token) >= 4096) {
        fakeapi_text_die("a token too long", token);
    }
    snprintf(out, 4096, "%s", token != NULL ? token : "");
}

void fakeapi_set_tokens(struct fakeapi *api, const char *first, const char *second)
{
    pthread_mutex_lock(&api->lock);
    set_token(api->tokens[0], first);
    set_token(api->tokens[1], second);
    pthread_mutex_unlock(&api->lock);
}

bool fakeapi_script_lets_in(const struct fakeapi *api, const char *authorization)
{
    const char *bearer = "Bearer ";

    if (api->tokens[0][0] == '\0') {
        return true;
    }
    if (strncmp(authorization, bearer, strlen(bearer)) != 0 ||
        authorization[strlen(bearer)] == '\0') {
        return false;
    }
    authorization += strlen(bearer);
    return strcmp(authorization, api->tokens[0]) == 0 || strcmp(authorization, api->tokens[1]) == 0;
}

void fakeapi_forbid(struct fakeapi *api, enum fakeapi_verb verb, enum fakeapi_resource res,
                    bool is_forbidden)
{
    pthread_mutex_lock(&api->lock);
    for (unsigned v = 0; v < 4; v++) {
        for (unsigned r = 0; r < FAKEAPI_RESOURCES; r++) {
            if ((verb == FAKEAPI_ANY_VERB || verb == v) &&
                (res == FAKEAPI_ANY_RESOURCE || res == r)) {
                api->forbidden[v][r] = is_forbidden;
            }
        }
    }
    pthread_mutex_unlock(&api->lock);
}
