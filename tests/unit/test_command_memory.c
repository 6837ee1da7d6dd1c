/*
 * The commands, run in this program with each call for memory failing in turn: a command that has
 * too little says so and prints nothing, for half an answer would look like a whole one.  What
 * libcurl asks for is refused, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/sealway/cmd.h"
#include "support/answerer.h"
#include "support/failalloc.h"
#include "support/objects.h"
#include "support/tempdir.h"

#define ARGS_MAX 8

static struct tempdir dir;

static int set_up(void **state)
{
    (void)state;
    tempdir_make(&dir);
    tempdir_write(&dir, "shop.yaml",
                  INGRESS("shop", "web", "", OURS RULES(HOST("shop.test", "web", "number: 443")))
                      SERVICE("shop", "web", HTTPS_PORT) SLICE(
                          "shop", "web-1", "web", "{name: https, port: 8443}", READY("127.0.0.2")));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tempdir_remove(&dir);
    return 0;
}

/* A command line, how it ends with memory enough, and what it then says. */
struct command {
    enum cmd_status (*run)(int argc, char **argv);
    const char *args[ARGS_MAX - 2]; /* NULL behind the last */
    enum cmd_status status;
    const char *says;
    const char *path, *query, *answer; /* of an instance; NULL: it asks none */
};

/* What one run wrote, and whether a call for memory failed in it. */
struct outcome {
    enum cmd_status status;
    char *out, *err;
    bool was_short, has_asked; /* what it should ask */
};

/* The arguments, behind them the instance to ask.  Returns how many. */
static int put_args(const struct command *c, char *url, char *argv[ARGS_MAX])
{
    static char admin[] = "--admin";
    int argc = 0;

    for (; c->args[argc] != NULL; argc++) {
        argv[argc] = (char *)(uintptr_t)c->args[argc];
    }
    if (c->answer != NULL) {
        argv[argc++] = admin;
        argv[argc++] = url;
    }
    return argc;
}

static struct answerer *serve(const char *answer, char url[NETADDR_TEXT_MAX])
{
    struct answerer *server = answerer_start(&(struct answerer_config){0});
    struct netaddr at = answerer_addr(server);

    answerer_add(server, answer, ANSWER_CLOSE);
    netaddr_format(&at, url);
    return server;
}

/* Without memory libcurl may leave the whole query out, never a part of it. */
static bool has_asked(struct answerer *server, const struct command *c, bool was_short)
{
    const char *got = answerer_requests(server) == 1 ? answerer_request(server, 0) : "";
    char whole[128], bare[128];

    snprintf(whole, sizeof(whole), "GET %s?%s HTTP/1.1\r\n", c->path, c->query);
    snprintf(bare, sizeof(bare), "GET %s HTTP/1.1\r\n", c->path);
    return strncmp(got, whole, strlen(whole)) == 0 ||
           (was_short && strncmp(got, bare, strlen(bare)) == 0);
}

/* With the `nth` call for memory failing. */
static void run(const struct command *c, size_t nth, struct outcome *o)
{
    FILE *out = stdout, *err = stderr;
    char *argv[ARGS_MAX], url[NETADDR_TEXT_MAX];
    struct answerer *server = c->answer != NULL ? serve(c->answer, url) : NULL;
    int argc = put_args(c, url, argv);
    size_t out_len, err_len;

    stdout = open_memstream(&o->out, &out_len);
    stderr = open_memstream(&o->err, &err_len);
    failalloc_arm(nth);
    o->status = c->run(argc, argv);
    o->was_short = failalloc_disarm();
    fclose(stdout);
    fclose(stderr);
    stdout = out;
    stderr = err;
    o->has_asked = server != NULL && has_asked(server, c, o->was_short);
    answerer_stop(server);
}

static bool is_whole(const struct command *c, const struct outcome *o)
{
    return o->status == c->status && strstr(o->out, c->says) != NULL && *o->err == '\0' &&
           o->has_asked == (c->answer != NULL);
}

/* What libcurl lacks it may call otherwise, as a name that it could not look up. */
static bool is_refusal(const struct command *c, const struct outcome *o)
{
    const char *why = c->answer == NULL ? ": out of memory\n" : ": ";

    return o->status == CMD_FAILED && *o->out == '\0' &&
           strncmp(o->err, "sealway ", strlen("sealway ")) == 0 && strstr(o->err, why) != NULL;
}

/* With each call failing, until none did.  Our own are all needed; libcurl can do without some. */
static void torture(const struct command *c)
{
    size_t nth = 0, refusals = 0;
    bool was_short;

    do {
        struct outcome o;
        bool is_refused;

        run(c, ++nth, &o);
        was_short = o.was_short;
        is_refused = was_short && is_refusal(c, &o);
        if (!is_refused && (!is_whole(c, &o) || (was_short && c->answer == NULL))) {
            fail_msg("call %zu for memory: exit %d\nstdout: %s\nstderr: %s", nth, (int)o.status,
                     o.out, o.err);
        }
        refusals += is_refused;
        free(o.out);
        free(o.err);
    } while (was_short);
    print_message("%zu calls for memory, %zu of them needed\n", nth - 1, refusals);
    assert_true(refusals > 0);
}

/* ---- manifests ---- */

static void a_check_without_memory_says_so(void **state)
{
    char file[PATH_MAX];

    (void)state;
    tempdir_path(&dir, "shop.yaml", file);
    /* The second names what is below the first. */
    torture(&(struct command){.run = check_command,
                              .args = {dir.path, file},
                              .says = "1 ingress, 1 host routed, 0 errors, 0 warnings, 0 notes\n"});
}

static void an_explanation_without_memory_is_none(void **state)
{
    (void)state;
    torture(&(struct command){.run = explain_command,
                              .args = {"shop.test", "--manifests", dir.path},
                              .says = "route: host shop.test"});
    torture(&(struct command){.run = explain_command,
                              .args = {"nobody.test", "--manifests", dir.path, "-o", "json"},
                              .status = CMD_NOT_ROUTED,
                              .says = "\"nobody.test\""});
}

/* ---- a running instance ---- */

#define PAGE(verdict)                                                                              \
    "HTTP/1.1 200 OK\r\nSealway-Verdict: " verdict "\r\nContent-Length: 5\r\n\r\npage\n"

static void an_instance_is_asked_without_memory(void **state)
{
    (void)state;
    torture(&(struct command){.run = routes_command,
                              .says = "page\n",
                              .path = "/routes",
                              .query = "format=table",
                              .answer = PAGE("listed")});
    torture(&(struct command){.run = explain_command,
                              .args = {"shop.test", "--alpn", "h2"},
                              .says = "page\n",
                              .path = "/explain",
                              .query = "format=table&name=shop.test&alpn=h2",
                              .answer = PAGE("routed")});
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_check_without_memory_says_so),
        ROW(an_explanation_without_memory_is_none),
        ROW(an_instance_is_asked_without_memory),
    };

    failalloc_join_libcurl();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
