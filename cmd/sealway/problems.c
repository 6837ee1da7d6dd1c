#include "problems.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"

#define REST_MAX 20 /* more are counted only */

int problems_init(struct problems *p, const struct verdicts *v)
{
    p->verdicts = v;
    p->told = calloc(v->n + 1, sizeof(*p->told));
    return p->told != NULL ? 0 : -ENOMEM;
}

void problems_fini(struct problems *p)
{
    free(p->told);
    p->told = NULL;
}

static bool is_about_ingresses(const struct verdict *v)
{
    return strcmp(v->kind, object_kind_name(OBJECT_INGRESS)) == 0;
}

static bool is_about(const struct verdict *v, const char *ns, const char *ingress)
{
    return is_about_ingresses(v) && strcmp(v->ns, ns) == 0 && strcmp(v->name, ingress) == 0;
}

static void print_reason(struct problems *p, size_t i)
{
    static const char SAID[] = "not served: "; /* by whoever calls, where it matters */
    const struct verdict *v = &p->verdicts->items[i];
    bool again = strncmp(v->message, SAID, sizeof(SAID) - 1) == 0;

    printf("%s: ", v->reason);
    cmd_put_text(stdout, v->message + (again ? sizeof(SAID) - 1 : 0));
    putchar('\n');
    p->told[i] = true;
}

void problems_print_unserved(struct problems *p, const struct objmeta *ingress)
{
    bool any = false;

    for (size_t i = 0; i < p->verdicts->n; i++) {
        if (is_about(&p->verdicts->items[i], ingress->ns, ingress->name)) {
            printf("    not served: %s/%s: ", ingress->ns, ingress->name);
            print_reason(p, i);
            any = true;
        }
    }
    if (!any) {
        printf("    not served: %s/%s: not ours by its class or its passthrough annotation\n",
               ingress->ns, ingress->name);
    }
}

/* Reasons that say why a backend has no endpoint; their messages name it as "Service NS/NAME ". */
static bool is_about_backends(const struct verdict *v)
{
    static const char *const REASONS[] = {"ServiceNotFound",   "ExternalNameUnsupported",
                                          "ServicePortNotTCP", "ServicePortNotFound",
                                          "NoEndpoints",       "NoClusterIP"};

    for (size_t i = 0; i < ARRAY_LEN(REASONS); i++) {
        if (strcmp(v->reason, REASONS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether `text` has the word `ns/name`, and not as a part of a longer one. */
static bool mentions_object(const char *text, const char *ns, const char *name)
{
    char word[512];
    size_t len = (size_t)snprintf(word, sizeof(word), " %s/%s", ns, name);

    for (const char *at = text; len < sizeof(word) && (at = strstr(at, word)) != NULL; at++) {
        if (strchr(" ;:,", at[len]) != NULL) {
            return true;
        }
    }
    return false;
}

void problems_print_empty(struct problems *p, const char *ns, const char *ingress,
                          const char *service)
{
    for (size_t i = 0; i < p->verdicts->n; i++) {
        const struct verdict *v = &p->verdicts->items[i];

        if (is_about(v, ns, ingress) && is_about_backends(v) &&
            mentions_object(v->message, ns, service)) {
            fputs("  none: ", stdout);
            print_reason(p, i);
        }
    }
}

/* What an Ingress's backend lacks is told with its route: its hosts are known. */
static bool may_concern_any_name(const struct verdict *v)
{
    bool is_untold = *v->kind == '\0';

    return v->severity == VERDICT_ERROR && !is_about_backends(v) &&
           (is_untold || is_about_ingresses(v));
}

static void print_place(const struct verdict *v)
{
    fputs("  ", stdout);
    cmd_put_text(stdout, v->file);
    if (v->line > 0) {
        printf(":%u", v->line);
    }
    fputs(": ", stdout);
    if (*v->name != '\0') {
        if (*v->ns != '\0') {
            cmd_put_text(stdout, v->ns);
            putchar('/');
        }
        cmd_put_text(stdout, v->name);
        fputs(": ", stdout);
    }
}

/* One pass over those that mention `name`, or over all that are left.  Returns how many there were;
 * prints up to `room`. */
static size_t print_some(struct problems *p, const char *name, size_t room)
{
    size_t n = 0;

    for (size_t i = 0; i < p->verdicts->n; i++) {
        const struct verdict *v = &p->verdicts->items[i];

        if (p->told[i] || !may_concern_any_name(v) ||
            (*name != '\0' && strcasestr(v->message, name) == NULL)) {
            continue;
        }
        if (n++ < room) {
            print_place(v);
            print_reason(p, i);
        }
    }
    return n;
}

static bool has_rest(const struct problems *p)
{
    for (size_t i = 0; i < p->verdicts->n; i++) {
        if (!p->told[i] && may_concern_any_name(&p->verdicts->items[i])) {
            return true;
        }
    }
    return false;
}

void problems_print_rest(struct problems *p, const char *name)
{
    size_t named, others;

    if (!has_rest(p)) {
        return;
    }
    puts("problems that may concern this name:");
    named = *name != '\0' ? print_some(p, name, REST_MAX) : 0;
    named = named < REST_MAX ? named : REST_MAX;
    others = print_some(p, "", REST_MAX - named);
    if (others > REST_MAX - named) {
        printf("  and %zu more; sealway check lists them\n", others - (REST_MAX - named));
    }
}
