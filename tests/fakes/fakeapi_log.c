#include <errno.h>
#include <time.h>

#include "fakes/fakeapi_priv.h"

#define SECOND_US 1000000u

void fakeapi_log_add(struct fakeapi *api, struct fakeapi_request *r)
{
    if (api->n_log == api->cap_log) {
        api->cap_log = api->cap_log * 2 + 64;
        api->log = fakeapi_text_grow(api->log, api->cap_log, sizeof(*api->log));
    }
    r->number = api->n_log + 1;
    r->at_us = fakeapi_text_now_us();
    api->log[api->n_log++] = *r;
    pthread_cond_broadcast(&api->changed);
}

void fakeapi_log_set_status(struct fakeapi *api, unsigned number, int status)
{
    pthread_mutex_lock(&api->lock);
    api->log[number - 1].status = status;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->lock);
}

bool fakeapi_log_wait(struct fakeapi *api, uint64_t until_us)
{
    const struct timespec at = {.tv_sec = (time_t)(until_us / SECOND_US),
                                .tv_nsec = (long)(until_us % SECOND_US) * 1000};

    return pthread_cond_timedwait(&api->changed, &api->lock, &at) != ETIMEDOUT;
}

static unsigned count(const struct fakeapi *api, const struct fakeapi_match *m)
{
    unsigned n = 0;

    for (unsigned i = 0; i < api->n_log; i++) {
        n += fakeapi_script_matches(m, &api->log[i]);
    }
    return n;
}

unsigned fakeapi_requests(struct fakeapi *api, const struct fakeapi_match *m)
{
    unsigned n;

    pthread_mutex_lock(&api->lock);
    n = count(api, m);
    pthread_mutex_unlock(&api->lock);
    return n;
}

bool fakeapi_request(struct fakeapi *api, const struct fakeapi_match *m, unsigned n,
                     struct fakeapi_request *out)
{
    bool found = false;

    pthread_mutex_lock(&api->lock);
    for (unsigned i = 0; i < api->n_log && !found; i++) {
        if (fakeapi_script_matches(m, &api->log[i]) && n-- == 0) {
            *out = api->log[i];
            found = true;
        }
    }
    pthread_mutex_unlock(&api->lock);
    return found;
}

bool fakeapi_last_request(struct fakeapi *api, const struct fakeapi_match *m,
                          struct fakeapi_request *out)
{
    unsigned n = fakeapi_requests(api, m);

    return n > 0 && fakeapi_request(api, m, n - 1, out);
}

bool fakeapi_wait_requests(struct fakeapi *api, const struct fakeapi_match *m, unsigned n)
{
    uint64_t until = fakeapi_text_after_ms(FAKEAPI_PATIENCE_MS);
    bool met;

    pthread_mutex_lock(&api->lock);
    while (!(met = count(api, m) >= n) && fakeapi_log_wait(api, until)) {
    }
    pthread_mutex_unlock(&api->lock);
    return met;
}

/* A window of one second that moves from request to request. */
unsigned fakeapi_busiest_second(struct fakeapi *api, const struct fakeapi_match *m)
{
    unsigned most = 0, within = 0, first = 0;

    pthread_mutex_lock(&api->lock);
    for (unsigned i = 0; i < api->n_log; i++) {
        within += fakeapi_script_matches(m, &api->log[i]);
        while (api->log[i].at_us - api->log[first].at_us >= SECOND_US) {
            within -= fakeapi_script_matches(m, &api->log[first++]);
        }
        most = within > most ? within : most;
    }
    pthread_mutex_unlock(&api->lock);
    return most;
}
