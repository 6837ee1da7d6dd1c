#include "cmd.h"
#include "model/store.h"
#include "route/table.h"
#include "snapshot.h"

/* file:line: severity: namespace/name: Reason: message, less what is not known. */
static void print_verdict(FILE *out, const struct verdict *v)
{
    cmd_put_text(out, v->file);
    if (v->line > 0) {
        fprintf(out, ":%u", v->line);
    }
    fprintf(out, ": %s: ", verdict_severity_name(v->severity));
    if (*v->name != '\0') {
        if (*v->ns != '\0') {
            cmd_put_text(out, v->ns);
            fputc('/', out);
        }
        cmd_put_text(out, v->name);
        fputs(": ", out);
    }
    fprintf(out, "%s: ", v->reason);
    cmd_put_text(out, v->message);
    fputc('\n', out);
}

static void print_count(FILE *out, const char *before, size_t n, const char *one, const char *many)
{
    fprintf(out, "%s%zu %s", before, n, n == 1 ? one : many);
}

static void print_summary(FILE *out, const struct snapshot *s)
{
    const struct verdicts *v = &s->verdicts;
    bool catch_all = table_catch_all(s->table) != NULL;
    size_t n_routes;

    (void)table_routes(s->table, &n_routes);
    print_count(out, "", store_count(s->store, OBJECT_INGRESS), "ingress", "ingresses");
    print_count(out, ", ", n_routes - (catch_all ? 1 : 0), "host", "hosts");
    fprintf(out, "%s routed", catch_all ? " and the catch-all" : "");
    print_count(out, ", ", v->errors, "error", "errors");
    print_count(out, ", ", v->warnings, "warning", "warnings");
    print_count(out, ", ", v->n - v->errors - v->warnings, "note", "notes");
    fputc('\n', out);
}

static enum cmd_status check_paths(const struct options *o)
{
    struct translate_config cfg = options_translate(o);
    struct snapshot s;
    enum cmd_status status = CMD_OK;

    if (snapshot_init(&s, &cfg, o->args.items, o->args.n) != 0) {
        cmd_complain("check", "out of memory");
        status = CMD_FAILED;
    } else {
        for (size_t i = 0; i < s.verdicts.n; i++) {
            print_verdict(stdout, &s.verdicts.items[i]);
        }
        print_summary(stdout, &s);
        status = s.verdicts.errors > 0 ? CMD_FAILED : CMD_OK;
    }
    snapshot_fini(&s);
    return status;
}

enum cmd_status check_command(int argc, char **argv)
{
    struct options o;
    enum cmd_status status;

    if (cmd_begin(&o, OPTIONS_CHECK, argc, argv, &status)) {
        status = check_paths(&o);
    }
    options_fini(&o);
    return status;
}
