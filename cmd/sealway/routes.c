#include <errno.h>

#include "adminclient.h"
#include "cmd.h"

static enum cmd_status routes(const struct options *o)
{
    const struct adminclient_param params[] = {
        {"format", o->output == OPTIONS_TABLE ? "table" : "json"}};
    struct adminclient_page page;
    struct err e;
    int rc = adminclient_get(o->admin_url, "/routes", params, ARRAY_LEN(params), &page, &e);

    if (rc != 0) {
        cmd_complain("routes", e.text);
        return rc == -EINVAL ? CMD_USAGE : CMD_FAILED;
    }
    cmd_put_page(stdout, (const char *)page.body.data, page.body.len);
    adminclient_page_fini(&page);
    return CMD_OK;
}

enum cmd_status routes_command(int argc, char **argv)
{
    struct options o;
    enum cmd_status status;

    if (cmd_begin(&o, OPTIONS_ROUTES, argc, argv, &status)) {
        status = routes(&o);
    }
    options_fini(&o);
    return status;
}
