/* Whom a request trusts, which way it goes, and under which names. */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "../../src/kube/kubeoptions_priv.h"
#include "kubeauth_standin.h"
#include "support/certs.h"
#include "support/client_scene.h"
#include "support/failalloc.h"
#include "support/sockopt.h"
#include "support/tempdir.h"

static struct client_scene k;
static struct client_call a;
static struct tempdir dir;
static struct certs *certs;
static char *ca, *other_ca, *client;
static struct tempdir other_dir;
static char server_name[] = "kubernetes.test";

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 16384);

    assert_non_null(f);
    assert_non_null(text);
    assert_true(fread(text, 1, 16383, f) > 0);
    assert_int_equal(fclose(f), 0);
    return text;
}

static int make_certs(void **state)
{
    char path[PATH_MAX];
    struct certs *other;

    (void)state;
    tempdir_make(&dir);
    tempdir_make(&other_dir);
    certs = certs_new(&dir);
    certs_issue(certs, "api", "localhost");
    certs_issue(certs, "named", "kubernetes.test");
    certs_issue(certs, "client", "client");
    certs_issue_expired(certs, "expired", "localhost");
    other = certs_new(&other_dir);
    certs_issue(other, "api", "localhost");
    ca = read_file(certs_path(certs, "ca", path));
    client = read_file(certs_path(certs, "client", path));
    other_ca = read_file(certs_path(other, "ca", path));
    certs_free(other);
    return 0;
}

static int drop_certs(void **state)
{
    (void)state;
    certs_free(certs);
    tempdir_remove(&dir);
    tempdir_remove(&other_dir);
    free(ca);
    free(other_ca);
    free(client);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&a, 0, sizeof(a));
    kube_auth_init();
    kube_auth.now.ca = ca;
    client_scene_init(&k);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unsetenv("HTTPS_PROXY");
    (void)unsetenv("NO_PROXY");
    client_scene_fini(&k);
    client_call_fini(&a);
    return 0;
}

/* A server with this certificate, called localhost. */
static void serve(const char *file, const char *prefix)
{
    char path[PATH_MAX];
    const struct answerer_config cfg = {.cert = certs_path(certs, file, path)};

    client_scene_serve(&k, &cfg, "localhost", prefix);
}

static void get(void)
{
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
    client_call_get(&a, &k, "/api?limit=1");
    assert_true(client_call_end(&a));
}

static void assert_says(const char *words)
{
    if (strstr(a.result.status.message, words) == NULL) {
        fail_msg("'%s' does not say '%s'", a.result.status.message, words);
    }
}

static void assert_untrusted(const char *words)
{
    get();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_says(k.server);
    assert_says(words);
    assert_int_equal(kube_auth.untrusted, 1);
    assert_int_equal(answerer_requests(k.answers), 0);
}

static void assert_answered(void)
{
    answerer_add_json(k.answers, "{}");
    get();
    if (a.result.how != KUBERESULT_OK) {
        fail_msg("%s", a.result.status.message);
    }
}

static bool has(size_t i, const char *words)
{
    return strstr(answerer_request(k.answers, i), words) != NULL;
}

/* ---- trust ------------------------------------------------------------------------------------
 */

static void a_server_of_our_authority_is_trusted(void **state)
{
    (void)state;
    serve("api", "");
    client_scene_open(&k);
    assert_answered();
    assert_string_equal(answerer_sni(k.answers), "localhost");
    assert_true(has(0, "GET /api?limit=1 HTTP/1.1\r\n"));
}

static void an_expired_certificate_is_refused_by_name(void **state)
{
    (void)state;
    serve("expired", "");
    client_scene_open(&k);
    assert_untrusted("certificate has expired");
}

static void a_certificate_for_another_name_is_refused_by_name(void **state)
{
    (void)state;
    serve("named", "");
    client_scene_open(&k);
    assert_untrusted("matches target host name 'localhost'");
}

static void a_certificate_of_another_authority_is_refused(void **state)
{
    (void)state;
    serve("api", "");
    kube_auth.now.ca = other_ca;
    client_scene_open(&k);
    assert_untrusted("unable to get local issuer certificate");
}

static void a_server_certified_anew_is_trusted_once_the_authority_is_known(void **state)
{
    char path[PATH_MAX];

    (void)state;
    serve("api", "");
    client_scene_open(&k);
    assert_answered();
    answerer_use_cert(k.answers, tempdir_path(&other_dir, "api.pem", path));
    kube_auth.now.ca = other_ca;
    kube_auth.now.tls_generation = 1;
    assert_answered();
    assert_int_equal(answerer_connections(k.answers), 2);
    /* And the former one is trusted no more. */
    answerer_use_cert(k.answers, certs_path(certs, "api", path));
    kube_auth.now.tls_generation = 2;
    get();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
}

static void insecure_takes_any_certificate(void **state)
{
    (void)state;
    serve("expired", "");
    k.access.insecure = true;
    kube_auth.now.ca = NULL;
    client_scene_open(&k);
    assert_answered();
}

static void a_client_certificate_is_shown(void **state)
{
    char cert[PATH_MAX], authority[PATH_MAX];
    const struct answerer_config cfg = {.cert = certs_path(certs, "api", cert),
                                        .client_ca = certs_path(certs, "ca", authority)};

    (void)state;
    client_scene_serve(&k, &cfg, "localhost", "");
    kube_auth.now.token = NULL;
    kube_auth.now.cert = kube_auth.now.key = client;
    client_scene_open(&k);
    assert_answered();
    assert_false(has(0, "Authorization"));
    kube_auth.now.cert = kube_auth.now.key = "no PEM";
    kube_auth.now.tls_generation = 1;
    get();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_says("client certificate");
}

static bool is_connected(void *ctx)
{
    (void)ctx;
    return answerer_connections(k.answers) > 0;
}

static void a_server_without_tls_is_told(void **state)
{
    (void)state;
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    client_scene_say_https(&k);
    client_scene_open(&k);
    answerer_add(k.answers, "HTTP/1.1 400 Bad Request\r\n\r\n", ANSWER_CLOSE);
    client_call_get(&a, &k, "/");
    assert_true(client_scene_run(&k, is_connected, NULL));
    answerer_stop(k.answers); /* it waits for the end of what it takes for a request */
    k.answers = NULL;
    assert_true(client_call_end(&a));
    assert_says("the TLS handshake failed");
}

/* ---- names ------------------------------------------------------------------------------------
 */

static void a_tls_server_name_is_asked_for_and_verified_in_place_of_the_host(void **state)
{
    char host[160];

    (void)state;
    serve("named", "");
    k.access.tls_server_name = server_name;
    client_scene_open(&k);
    assert_answered();
    assert_string_equal(answerer_sni(k.answers), "kubernetes.test");
    (void)snprintf(host, sizeof(host), "\r\nHost: %s\r\n", k.server + strlen("https://"));
    assert_true(has(0, host));
}

static void a_path_of_the_server_stands_in_front_of_every_path(void **state)
{
    (void)state;
    serve("api", "/k8s/clusters/c-1");
    client_scene_open(&k);
    assert_answered();
    assert_true(has(0, "GET /k8s/clusters/c-1/api?limit=1 HTTP/1.1\r\n"));
}

static void an_ipv6_server_is_reached(void **state)
{
    (void)state;
    client_scene_serve(&k, &(struct answerer_config){.family = AF_INET6}, NULL, "");
    assert_non_null(strstr(k.server, "http://[::1]:"));
    client_scene_open(&k);
    assert_answered();
}

static void an_ipv6_server_has_a_tls_server_name_too(void **state)
{
    char path[PATH_MAX];
    const struct answerer_config cfg = {.cert = certs_path(certs, "named", path),
                                        .family = AF_INET6};

    (void)state;
    client_scene_serve(&k, &cfg, NULL, "");
    k.access.tls_server_name = server_name;
    client_scene_open(&k);
    assert_answered();
    assert_string_equal(answerer_sni(k.answers), "kubernetes.test");
}

/* ---- proxies ----------------------------------------------------------------------------------
 */

/* A proxy that has the server's certificate itself; the server's own address leads nowhere. */
static void serve_as_proxy(char url[128])
{
    char path[PATH_MAX];
    struct netaddr addr;
    char text[NETADDR_TEXT_MAX];

    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    answerer_use_cert(k.answers, certs_path(certs, "named", path));
    addr = answerer_addr(k.answers);
    (void)snprintf(url, 128, "http://%s", netaddr_format(&addr, text));
    (void)snprintf(k.server, sizeof(k.server), "https://kubernetes.test:6443");
}

static void assert_goes_through_the_proxy(void)
{
    answerer_add(k.answers, "HTTP/1.1 200 Connection established\r\nX-Proxy: 1\r\n\r\n",
                 ANSWER_TLS);
    assert_answered();
    assert_int_equal(a.heads, 1);
    assert_true(has(0, "CONNECT kubernetes.test:6443 HTTP/1.1\r\n"));
    assert_false(has(0, "sesame"));
    assert_true(has(1, "GET /api?limit=1 HTTP/1.1\r\n"));
    assert_true(has(1, "Authorization: Bearer sesame\r\n"));
}

static void the_proxy_of_the_access_is_gone_through_whatever_the_environment_says(void **state)
{
    char url[128];

    (void)state;
    serve_as_proxy(url);
    k.access.proxy_url = url;
    (void)setenv("NO_PROXY", "*", 1);
    (void)setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
    client_scene_open(&k);
    assert_goes_through_the_proxy();
}

static void else_the_proxy_of_the_environment_is(void **state)
{
    char url[128];

    (void)state;
    serve_as_proxy(url);
    (void)setenv("HTTPS_PROXY", url, 1);
    client_scene_open(&k);
    assert_goes_through_the_proxy();
    (void)setenv("NO_PROXY", "kubernetes.test", 1);
    kube_auth.now.tls_generation = 1;
    get();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_int_equal(answerer_requests(k.answers), 2);
}

static void a_proxy_that_refuses_is_told_and_its_answer_is_not_the_servers(void **state)
{
    char url[128];

    (void)state;
    serve_as_proxy(url);
    k.access.proxy_url = url;
    client_scene_open(&k);
    answerer_add(k.answers, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ANSWER_KEEP);
    get();
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_says("401");
    assert_int_equal(kube_auth.refused, 0);
}

static void other_variables_name_no_proxy(void **state)
{
    (void)state;
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    client_scene_open(&k);
    assert_answered();
    (void)unsetenv("ALL_PROXY");
    (void)unsetenv("http_proxy");
}

/* ---- sockets ----------------------------------------------------------------------------------
 */

static void a_dead_peer_is_found_by_the_kernel(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    kubeoptions_tune_socket(fd);
    assert_int_equal(sockopt_of(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

/* The client's socket: the one that is connected to the server. */
static int find_socket(const struct netaddr *to)
{
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_storage sa;
        socklen_t len = sizeof(sa);
        struct netaddr peer;

        if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0) {
            netaddr_from_sockaddr(&peer, (struct sockaddr *)&sa);
            if (netaddr_equal(&peer, to)) {
                return fd;
            }
        }
    }
    return -1;
}

static void every_connection_is_tuned_so(void **state)
{
    struct netaddr addr;
    int fd;

    (void)state;
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    client_scene_open(&k);
    assert_answered();
    addr = answerer_addr(k.answers);
    fd = find_socket(&addr);
    assert_true(fd >= 0);
    assert_int_equal(sockopt_of(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 45000);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

static void without_descriptors_a_request_fails_and_the_next_succeeds(void **state)
{
    struct rlimit limit, none;

    (void)state;
    client_scene_serve(&k, &(struct answerer_config){0}, NULL, "");
    client_scene_open(&k);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    get();
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(a.result.how, KUBERESULT_FAILED);
    assert_says(k.server);
    assert_answered();
}

static void get_with_everything(void *ctx)
{
    (void)ctx;
    client_call_get(&a, &k, "/api");
    if (a.request != NULL) {
        assert_true(client_call_end(&a));
    }
    client_call_fini(&a);
    memset(&a, 0, sizeof(a));
}

static void lack_of_memory_fails_a_request_with_keys(void **state)
{
    (void)state;
    serve("named", "");
    k.access.tls_server_name = server_name;
    kube_auth.now.cert = kube_auth.now.key = client;
    client_scene_open(&k);
    for (int i = 0; i < 60; i++) {
        answerer_add_json(k.answers, ""); /* no body, which the scene would keep */
    }
    assert_in_range(failalloc_torture(get_with_everything, NULL), 5, 50);
    /* The first made what stays, before a request of its own; now that is there. */
    assert_in_range(failalloc_torture(get_with_everything, NULL), 4, 50);
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ROW(a_server_of_our_authority_is_trusted),
        ROW(an_expired_certificate_is_refused_by_name),
        ROW(a_certificate_for_another_name_is_refused_by_name),
        ROW(a_certificate_of_another_authority_is_refused),
        ROW(a_server_certified_anew_is_trusted_once_the_authority_is_known),
        ROW(insecure_takes_any_certificate),
        ROW(a_client_certificate_is_shown),
        ROW(a_server_without_tls_is_told),
        ROW(a_tls_server_name_is_asked_for_and_verified_in_place_of_the_host),
        ROW(a_path_of_the_server_stands_in_front_of_every_path),
        ROW(an_ipv6_server_is_reached),
        ROW(an_ipv6_server_has_a_tls_server_name_too),
        ROW(the_proxy_of_the_access_is_gone_through_whatever_the_environment_says),
        ROW(else_the_proxy_of_the_environment_is),
        ROW(a_proxy_that_refuses_is_told_and_its_answer_is_not_the_servers),
        ROW(other_variables_name_no_proxy),
        ROW(a_dead_peer_is_found_by_the_kernel),
        ROW(every_connection_is_tuned_so),
        ROW(without_descriptors_a_request_fails_and_the_next_succeeds),
        ROW(lack_of_memory_fails_a_request_with_keys),
    };

    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
