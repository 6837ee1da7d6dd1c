#include "kubeoutage_priv.h"

#include <stdio.h>

#include "base/attr.h"
#include "base/log.h"
#include "kube/kubewatch.h"

#define MESSAGE_MAX 320

/** If it is, it is taken as told. */
static bool is_due(struct kubeoutage *o, uint32_t cause, uint64_t now_ms)
{
    struct kubeoutage_said *slot = &o->said[0];

    for (size_t i = 0; i < KUBEOUTAGE_CAUSES; i++) {
        struct kubeoutage_said *s = &o->said[i];

        if (s->ever && s->cause == cause) {
            slot = s;
            break;
        }
        if (!s->ever || (slot->ever && s->at_ms < slot->at_ms)) {
            slot = s;
        }
    }
    if (slot->ever && slot->cause == cause && now_ms - slot->at_ms < KUBEOUTAGE_EVERY_MS) {
        return false;
    }
    *slot = (struct kubeoutage_said){.ever = true, .cause = cause, .at_ms = now_ms};
    return true;
}

static void put_message(const struct kubestatus *why, bool serves, char text[MESSAGE_MAX])
{
    const char *meaning = serves ? "the last routes keep being served"
                                 : "nothing is served before everything was read once";

    if (why->code == 0) {
        snprintf(text, MESSAGE_MAX, "the API server does not answer; %s", meaning);
    } else {
        snprintf(text, MESSAGE_MAX, "the API server answers %d %s%s; %s", why->code, why->reason,
                 why->code == 401 ? "; the credentials are not accepted: they are read again and "
                                    "tried"
                                  : "",
                 meaning);
    }
}

static void say(const struct kubeoutage *o, const struct kubewatch_failure *f, bool serves,
                uint64_t now_ms)
{
    char message[MESSAGE_MAX];
    struct log_line line;

    if (!log_enabled(LOG_WARN)) {
        return;
    }
    put_message(f->why, serves, message);
    log_line_begin(&line, LOG_WARN, message);
    log_line_str(&line, "request", f->request);
    if (f->why->message[0] != '\0') {
        log_line_str(&line, f->why->code == 0 ? "cause" : "answer", f->why->message);
    }
    log_line_ms(&line, "away_ms", 1000 * (now_ms - o->since_ms));
    log_line_send(&line);
}

void kubeoutage_failed(struct kubeoutage *o, const struct kubewatch_failure *f, bool serves,
                       uint64_t now_ms)
{
    if (o->cut_off == 0) {
        o->since_ms = now_ms;
        o->told = false;
    }
    o->cut_off += !f->again;
    if (is_due(o, kubestatus_cause(f->why), now_ms)) {
        o->told = true;
        say(o, f, serves, now_ms);
    }
}

void kubeoutage_answers(struct kubeoutage *o, uint64_t now_ms)
{
    struct log_line line;

    ASSERT(o->cut_off > 0);
    o->cut_off--;
    if (o->cut_off > 0 || !o->told || !log_enabled(LOG_INFO)) {
        return;
    }
    log_line_begin(&line, LOG_INFO, "the API server answers again");
    log_line_ms(&line, "away_ms", 1000 * (now_ms - o->since_ms));
    log_line_send(&line);
}

bool kubeoutage_hurries(struct kubeoutage *o, uint64_t now_ms)
{
    if (now_ms < o->hurry_ms) {
        return false;
    }
    o->hurry_ms = now_ms + KUBEOUTAGE_HURRY_MS;
    return true;
}

bool kubeoutage_lasts(const struct kubeoutage *o)
{
    return o->cut_off > 0;
}
