#include "app/explain.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "adminclient.h"
#include "app/adminpages.h"
#include "app/explainjson.h"
#include "app/explaintext.h"
#include "app/sources.h"
#include "base/buf.h"
#include "base/clock.h"
#include "cmd.h"
#include "controller/report.h"
#include "snapshot.h"

static int write_to(struct buf *out, const struct options *o, const struct explain *x)
{
    return o->output == OPTIONS_JSON ? explainjson_write(x, out) : explaintext_write(x, out);
}

/* Decide and print; *routed_out is the answer in one word. */
static int answer(const struct options *o, const struct snapshot *s, const struct report *r,
                  bool *routed_out)
{
    const char *name = o->args.items[0];
    const struct explain_question q = {.table = s->table,
                                       .report = r,
                                       .policy = &o->policy,
                                       .name = name,
                                       .name_len = strlen(name),
                                       .alpn = o->alpn,
                                       .client = o->client,
                                       .now_ms = clock_now_ms(),
                                       .wall = clock_wall()};
    struct explain x;
    struct buf out;
    int rc;

    explain_decide(&x, &q);
    buf_init(&out, SIZE_MAX / 2);
    rc = write_to(&out, o, &x);
    if (rc == 0) {
        (void)fwrite(out.data, 1, out.len, stdout); /* main() sees a failure when it flushes */
        *routed_out = x.route != NULL;
    }
    buf_fini(&out);
    return rc;
}

static int read_and_answer(const struct options *o, struct snapshot *s, bool *routed_out)
{
    struct translate_config cfg = options_translate(o);
    struct report *r;
    int rc = snapshot_init(s, &cfg, &o->manifests, 1);

    if (rc != 0) {
        return rc;
    }
    r = snapshot_report(s);
    if (r == NULL) {
        return -ENOMEM;
    }
    rc = answer(o, s, r, routed_out);
    report_unref(r);
    return rc;
}

/* Ask a running instance; its answer in one word stands in a header. */
static enum cmd_status explain_instance(const struct options *o)
{
    const struct adminclient_param params[] = {
        {"format", o->output == OPTIONS_JSON ? "json" : "table"},
        {"name", o->args.items[0]},
        {"alpn", o->alpn},
        {"client", o->client}};
    struct adminclient_page page;
    struct err e;
    int rc = adminclient_get(o->admin_url, "/explain", params, ARRAY_LEN(params), &page, &e);
    bool routed;

    if (rc != 0) {
        cmd_complain("explain", e.text);
        return rc == -EINVAL ? CMD_USAGE : CMD_FAILED;
    }
    cmd_put_page(stdout, (const char *)page.body.data, page.body.len);
    routed = strcmp(page.verdict, ADMINPAGES_ROUTED) == 0;
    adminclient_page_fini(&page);
    return routed ? CMD_OK : CMD_NOT_ROUTED;
}

static enum cmd_status explain_manifests(const struct options *o)
{
    struct snapshot s;
    bool routed;
    int rc;

    if (access(o->manifests, R_OK) != 0) {
        struct err e;

        sources_refuse_manifests(o->manifests, errno, &e);
        cmd_complain("explain", e.text);
        return CMD_USAGE;
    }
    rc = read_and_answer(o, &s, &routed);
    snapshot_fini(&s);
    if (rc != 0) {
        cmd_complain("explain", "out of memory");
        return CMD_FAILED;
    }
    return routed ? CMD_OK : CMD_NOT_ROUTED;
}

enum cmd_status explain_command(int argc, char **argv)
{
    struct options o;
    enum cmd_status status;

    if (cmd_begin(&o, OPTIONS_EXPLAIN, argc, argv, &status)) {
        status = o.manifests != NULL ? explain_manifests(&o) : explain_instance(&o);
    }
    options_fini(&o);
    return status;
}
