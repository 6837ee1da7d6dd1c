#include "support/traffic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "support/ask.h"
#include "support/hello_builder.h"
#include "support/wait_until.h"

struct traffic {
    struct netaddr to;
    const char *from;
    struct hello_bytes hello;
    pthread_t threads[TRAFFIC_MOST_CLIENTS];
    unsigned clients;
    _Atomic bool stop;
    _Atomic uint64_t asked, failed;
    pthread_mutex_t lock; /* of first */
    char first[200];
};

static void note_failure(struct traffic *t, const struct ask_answer *a)
{
    static const char *const ends[] = {"FIN", "reset", "refused", "timeout"};

    if (atomic_fetch_add(&t->failed, 1) > 0) {
        return;
    }
    pthread_mutex_lock(&t->lock);
    snprintf(t->first, sizeof(t->first), "%s after %zu bytes: %.80s", ends[a->end], a->len,
             a->bytes);
    pthread_mutex_unlock(&t->lock);
}

static void *ask_on(void *arg)
{
    struct traffic *t = arg;

    while (!atomic_load(&t->stop)) {
        struct ask_answer answer;

        ask_bytes(&t->to, t->hello.data, t->hello.len, &answer);
        if (!ask_is_from(&answer, t->from, t->hello.len)) {
            note_failure(t, &answer);
        }
        atomic_fetch_add(&t->asked, 1);
    }
    return NULL;
}

struct traffic *traffic_start(const struct netaddr *to, unsigned clients, const char *name,
                              const char *from)
{
    struct traffic *t = calloc(1, sizeof(*t));

    if (t == NULL || clients > TRAFFIC_MOST_CLIENTS) {
        abort();
    }
    t->to = *to;
    t->from = from;
    t->clients = clients;
    pthread_mutex_init(&t->lock, NULL);
    hello_simple(&t->hello, name, NULL);
    for (unsigned i = 0; i < clients; i++) {
        if (pthread_create(&t->threads[i], NULL, ask_on, t) != 0) {
            abort();
        }
    }
    return t;
}

uint64_t traffic_asked(const struct traffic *t)
{
    return atomic_load(&t->asked);
}

struct target {
    const struct traffic *traffic;
    uint64_t asked;
};

static bool is_reached(void *ctx)
{
    const struct target *target = ctx;

    return traffic_asked(target->traffic) >= target->asked;
}

bool traffic_wait_for(const struct traffic *t, uint64_t more)
{
    struct target target = {.traffic = t, .asked = traffic_asked(t) + more};

    return wait_until(is_reached, &target, 20000);
}

void traffic_stop(struct traffic *t, struct traffic_report *out)
{
    atomic_store(&t->stop, true);
    for (unsigned i = 0; i < t->clients; i++) {
        pthread_join(t->threads[i], NULL);
    }
    out->asked = atomic_load(&t->asked);
    out->failed = atomic_load(&t->failed);
    snprintf(out->first, sizeof(out->first), "%s", t->first);
    hello_bytes_free(&t->hello);
    pthread_mutex_destroy(&t->lock);
    free(t);
}
