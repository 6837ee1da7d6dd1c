/**
 * reflector_model - an API server as a reflector sees it: objects, versions, a history that is
 * compacted, backups that are restored.
 *
 * Every write makes the next version.  The server's state at any version is its log up to there,
 * so a replica that lags is one that has read less of it.
 */
#ifndef UNIT_REFLECTOR_MODEL_H
#define UNIT_REFLECTOR_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MODEL_KEYS     24u
#define MODEL_VERSIONS 4096u

/** What each object holds: a number that no two writes share; 0: there is none. */
struct model_state {
    uint32_t held[MODEL_KEYS];
};

struct model_write {
    unsigned key;
    uint32_t held; /* 0: deleted */
    bool was_there;
};

struct model_server {
    struct model_write log[MODEL_VERSIONS]; /* [v] made version v */
    unsigned version, compacted;            /* events up to `compacted` are forgotten */
    uint32_t writes;                        /* so far, those a restore undid included */
    struct model_state now;
};

static inline void model_init(struct model_server *s)
{
    memset(s, 0, sizeof(*s));
    s->version = 1; /* of the empty server; no event */
    s->compacted = 1;
}

/** As it was at `version`. */
static inline void model_state_at(const struct model_server *s, unsigned version,
                                  struct model_state *out)
{
    memset(out, 0, sizeof(*out));
    for (unsigned v = 2; v <= version; v++) {
        out->held[s->log[v].key] = s->log[v].held;
    }
}

static inline bool model_is_full(const struct model_server *s)
{
    return s->version + 1 >= MODEL_VERSIONS;
}

static inline void model_write(struct model_server *s, unsigned key, bool is_delete)
{
    uint32_t held = is_delete ? 0 : ++s->writes;

    if (model_is_full(s) || (is_delete && s->now.held[key] == 0)) {
        return;
    }
    s->log[++s->version] =
        (struct model_write){.key = key, .held = held, .was_there = s->now.held[key] != 0};
    s->now.held[key] = held;
}

/** Back to what it was at `version`, an older one; what follows makes those versions anew. */
static inline void model_restore(struct model_server *s, unsigned version)
{
    s->version = version;
    s->compacted = s->compacted < version ? s->compacted : version;
    model_state_at(s, version, &s->now);
}

#endif
