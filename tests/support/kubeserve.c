#include "support/kubeserve.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/ask.h"
#include "support/http_ask.h"
#include "support/own_net.h"
#include "support/wait_until.h"

#define LINGER_MS 300u /* a table is published within 50 ms of the last change */
#define CLIENTS   8    /* in a row; each worker gets some of them */

static const char kubeconfig[] = "apiVersion: v1\n"
                                 "kind: Config\n"
                                 "current-context: main\n"
                                 "contexts:\n"
                                 "- {name: main, context: {cluster: fake, user: me}}\n"
                                 "clusters:\n"
                                 "- name: fake\n"
                                 "  cluster: {server: '%URL%', certificate-authority: ca.pem}\n"
                                 "users:\n"
                                 "- {name: me, user: {tokenFile: token}}\n";

bool kubeserve_enter_net(void)
{
    if (!own_net_enter()) {
        return false;
    }
    own_net_add_address(KUBESERVE_IP);
    return true;
}

/* ---- start and stop ---- */

static const char *value_of(const struct kubeserve *s, const char *key, char out[PATH_MAX])
{
    if (strncmp(key, "%URL%", 5) == 0) {
        return fakeapi_url(s->api, "localhost", out);
    }
    if (strncmp(key, "%CA%", 4) == 0) {
        return certs_path(s->certs, "ca", out);
    }
    assert_memory_equal(key, "%DIR%", 5);
    return s->dir.path;
}

void kubeserve_write(struct kubeserve *s, const char *name, const char *text)
{
    char value[PATH_MAX], *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);

    assert_non_null(f);
    for (const char *key; (key = strchr(text, '%')) != NULL; text = strchr(key + 1, '%') + 1) {
        fprintf(f, "%.*s%s", (int)(key - text), text, value_of(s, key, value));
    }
    fprintf(f, "%s", text);
    fclose(f);
    tempdir_replace(&s->dir, name, out);
    free(out);
}

int kubeserve_setup(void **state)
{
    struct kubeserve *s = calloc(1, sizeof(*s));
    char cert[PATH_MAX];
    struct fakeapi_config cfg = {.cert = cert};

    if (s == NULL) {
        perror("calloc");
        abort();
    }
    signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    tempdir_make(&s->dir);
    s->certs = certs_new(&s->dir);
    certs_issue(s->certs, "api", "localhost");
    certs_path(s->certs, "api", cert);
    s->api = fakeapi_start(&cfg);
    fakeapi_set_tokens(s->api, KUBESERVE_TOKEN, NULL);
    fakeapi_put_class(s->api, "sealway", "sealway.io/ingress-controller");
    tempdir_write(&s->dir, "token", KUBESERVE_TOKEN "\n");
    kubeserve_write(s, "kubeconfig", kubeconfig);
    tempdir_path(&s->dir, "kubeconfig", s->config);
    s->blue = name_backend_start(KUBESERVE_IP, "blue");
    s->green = name_backend_start(KUBESERVE_IP, "green");
    *state = s;
    return 0;
}

int kubeserve_teardown(void **state)
{
    struct kubeserve *s = *state;
    int status = sealway_stop(s->program);

    name_backend_stop(s->blue);
    name_backend_stop(s->green);
    fakeapi_stop(s->api);
    certs_free(s->certs);
    tempdir_remove(&s->dir);
    free(s);
    return status == 0 ? 0 : -1;
}

void kubeserve_start_with(struct kubeserve *s, const struct sealway_config *cfg, bool ready)
{
    s->program = ready ? sealway_start_from(cfg) : sealway_start_unready(cfg);
    s->addr = sealway_addr(s->program, 0);
    s->admin = sealway_admin(s->program);
}

static void start(struct kubeserve *s, const char *const *args, bool ready)
{
    const char *const source[] = {"--kubeconfig", s->config, NULL};

    kubeserve_start_with(s, &(struct sealway_config){.source = source, .args = args}, ready);
}

void kubeserve_start(struct kubeserve *s, const char *const *args)
{
    start(s, args, true);
}

void kubeserve_start_unready(struct kubeserve *s, const char *const *args)
{
    start(s, args, false);
}

void kubeserve_end(struct kubeserve *s)
{
    int status = sealway_stop(s->program);

    s->program = NULL;
    assert_int_equal(status, 0);
}

/* ---- objects ---- */

void kubeserve_put_slice(struct kubeserve *s, const char *ns, const char *name,
                         const struct netaddr *endpoint)
{
    char ip[NETADDR_TEXT_MAX];

    fakeapi_putf(s->api,
                 "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
                 "\"metadata\":{\"name\":\"%s-1\",\"namespace\":\"%s\","
                 "\"labels\":{\"kubernetes.io/service-name\":\"%s\"}},\"addressType\":\"IPv4\","
                 "\"endpoints\":[{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true}}],"
                 "\"ports\":[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}",
                 name, ns, name, netaddr_format_ip(endpoint, ip), endpoint->port);
}

void kubeserve_put_route(struct kubeserve *s, const char *ns, const char *name, const char *host,
                         const struct name_backend *b)
{
    struct netaddr endpoint = name_backend_addr(b);

    kubeserve_put_slice(s, ns, name, &endpoint);
    fakeapi_put_service(s->api, ns, name);
    fakeapi_put_ingress(s->api, ns, name, host, name);
}

/* ---- seen from outside ---- */

struct sight {
    const struct kubeserve *s;
    const char *what, *words;
    int status;
};

static bool reaches(void *ctx)
{
    const struct sight *x = ctx;

    for (unsigned i = 0; i < CLIENTS; i++) {
        if (!ask_reaches(&x->s->addr, x->what, x->words)) {
            return false;
        }
    }
    return true;
}

static bool refuses(void *ctx)
{
    const struct sight *x = ctx;
    struct ask_answer answer;

    for (unsigned i = 0; i < CLIENTS; i++) {
        ask_name(&x->s->addr, x->what, &answer);
        if (!ask_is_alert(&answer, 112)) {
            return false;
        }
    }
    return true;
}

bool kubeserve_reaches(const struct kubeserve *s, const char *host, const char *backend)
{
    struct sight x = {.s = s, .what = host, .words = backend};

    return wait_until(reaches, &x, KUBESERVE_MS);
}

bool kubeserve_refuses(const struct kubeserve *s, const char *host)
{
    struct sight x = {.s = s, .what = host};

    return wait_until(refuses, &x, KUBESERVE_MS);
}

static bool accepts_or_is_ready(void *ctx)
{
    const struct kubeserve *s = ctx;
    struct ask_answer answer;

    ask_name(&s->addr, "any.test", &answer);
    return answer.end != ASK_REFUSED ||
           !http_says_yet(&s->admin, "/readyz", 503, "the objects have not all been read yet");
}

bool kubeserve_stays_closed(const struct kubeserve *s)
{
    struct kubeserve copy = *s; /* of what is only looked at */

    return !wait_until(accepts_or_is_ready, &copy, LINGER_MS);
}

static bool says(void *ctx)
{
    const struct sight *x = ctx;

    return http_says_yet(&x->s->admin, x->what, x->status, x->words);
}

bool kubeserve_says(const struct kubeserve *s, const char *page, int status, const char *words)
{
    struct sight x = {.s = s, .what = page, .words = words, .status = status};

    return wait_until(says, &x, KUBESERVE_MS) || http_says(&s->admin, page, status, words);
}

unsigned kubeserve_logged(const struct kubeserve *s, const char *words)
{
    char *said = sealway_stderr(s->program);
    unsigned n = 0;

    for (const char *at = said; (at = strstr(at, words)) != NULL; at += strlen(words)) {
        n++;
    }
    free(said);
    return n;
}

static bool logs(void *ctx)
{
    const struct sight *x = ctx;

    return kubeserve_logged(x->s, x->words) > 0;
}

bool kubeserve_logs(const struct kubeserve *s, const char *words)
{
    struct sight x = {.s = s, .words = words};
    char *said;

    if (wait_until(logs, &x, KUBESERVE_MS)) {
        return true;
    }
    said = sealway_stderr(s->program);
    print_error("expected: %s\nthe log:\n%s\n", words, said);
    free(said);
    return false;
}

double kubeserve_metric(const struct kubeserve *s, const char *sample)
{
    char line[256];
    struct http_answer page;
    const char *at;
    double value = -1;

    snprintf(line, sizeof(line), "\n%s ", sample);
    http_ask(&s->admin, "GET", "/metrics", &page);
    at = strstr(page.text, line);
    if (at != NULL) {
        value = strtod(at + strlen(line), NULL);
    }
    http_answer_fini(&page);
    return value;
}
