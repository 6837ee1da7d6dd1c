#include "support/explained.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX (16u * 1024u * 1024u)

void explained_make(struct explained *e, const struct translate_config *cfg, const char *yaml)
{
    const struct translate_config none = translated_config();

    memset(e, 0, sizeof(*e));
    translated_make(&e->t, cfg != NULL ? cfg : &none, yaml);
    e->report = translated_report(&e->t);
    e->q = (struct explain_question){.table = e->t.table,
                                     .report = e->report,
                                     .policy = &e->policy,
                                     .now_ms = 1000000,
                                     .wall = {.tv_sec = e->report->published.tv_sec + 303}};
    buf_init(&e->out, OUT_MAX);
}

void explained_free(struct explained *e)
{
    buf_fini(&e->out);
    report_unref(e->report);
    translated_free(&e->t);
}

void explained_ask(struct explained *e, const char *name)
{
    e->q.name = name;
    e->q.name_len = strlen(name);
    explain_decide(&e->x, &e->q);
    e->out.len = 0;
}

const char *explained_text(struct explained *e)
{
    if (buf_append(&e->out, "", 1) != 0) {
        fprintf(stderr, "explained: out of memory\n");
        abort();
    }
    e->out.len--;
    return (const char *)e->out.data;
}
