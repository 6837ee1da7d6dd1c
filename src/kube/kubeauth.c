#include "kube/kubeauth.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "authfile_priv.h"
#include "authplugin_priv.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/secret.h"
#include "kubepem_priv.h"
#include "kubetoken_priv.h"

struct kubeauth {
    struct authfile token, ca, cert, key;
    struct authplugin plugin; /* where exec names none: untouched */
    bool has_plugin;
    uint64_t tls_generation; /* of the files; the plugin counts its own */
};

static struct authfile pem(const struct kubeaccess_pem *from, const char *what)
{
    return (struct authfile){.path = from->data == NULL ? from->file : NULL,
                             .given = from->data,
                             .what = what,
                             .max_bytes = (size_t)LIMIT_KUBE_CONFIG_BYTES};
}

/* ---- reading --------------------------------------------------------------------------------- */

static int refuse(struct authfile *f, struct err *e, const char *why)
{
    err_set(e, "%s %s: %s", f->what, f->path, why);
    authfile_reject(f);
    return -EINVAL;
}

/** As long as nothing is accepted what there was stays. */
static int read_token(struct kubeauth *a, uint64_t now_ms, struct err *e)
{
    int rc = authfile_read(&a->token, e);

    if (rc != 0) {
        return rc;
    }
    if (!kubetoken_is_good(a->token.read)) {
        return refuse(&a->token, e,
                      a->token.read[0] == '\0' ? "it is empty; put a token there"
                                               : "it holds no token, but something with spaces or "
                                                 "control characters within");
    }
    (void)authfile_accept(&a->token, now_ms);
    return 0;
}

static int read_authority(struct kubeauth *a, uint64_t now_ms, struct err *e)
{
    int rc = authfile_read(&a->ca, e);

    if (rc != 0) {
        return rc;
    }
    if (!kubepem_is_certificates(a->ca.read)) {
        return refuse(&a->ca, e, "it holds no PEM certificates (BEGIN CERTIFICATE)");
    }
    a->tls_generation += authfile_accept(&a->ca, now_ms);
    return 0;
}

/** What would be used if what was read were accepted. */
static const char *candidate(const struct authfile *f)
{
    return f->read != NULL ? f->read : authfile_text(f);
}

/** Both at once: a certificate without its key is of no use, and they are not written at once. */
static int read_pair(struct kubeauth *a, uint64_t now_ms, struct err *e)
{
    int rc = a->cert.path != NULL ? authfile_read(&a->cert, e) : 0;

    if (rc == 0 && a->key.path != NULL) {
        rc = authfile_read(&a->key, e);
    }
    if (rc == 0 && !kubepem_is_certificates(candidate(&a->cert))) {
        rc = refuse(&a->cert, e, "it holds no PEM certificate (BEGIN CERTIFICATE)");
    } else if (rc == 0 && !kubepem_is_key(candidate(&a->key))) {
        rc = refuse(&a->key, e, "it holds no PEM private key, or one with a passphrase");
    } else if (rc == 0 && !kubepem_is_pair(candidate(&a->cert), candidate(&a->key))) {
        rc = refuse(a->key.path != NULL ? &a->key : &a->cert, e,
                    "client certificate and client key do not belong together");
    }
    if (rc != 0) {
        authfile_reject(&a->cert);
        authfile_reject(&a->key);
        return rc;
    }
    if (a->cert.read != NULL) {
        a->tls_generation += authfile_accept(&a->cert, now_ms);
    }
    if (a->key.read != NULL) {
        a->tls_generation += authfile_accept(&a->key, now_ms);
    }
    return 0;
}

static int read_all(struct kubeauth *a, struct err *e)
{
    int rc = a->token.path != NULL ? read_token(a, 0, e) : 0;

    if (rc == 0 && a->ca.path != NULL) {
        rc = read_authority(a, 0, e);
    }
    if (rc == 0 && (a->cert.path != NULL || a->key.path != NULL)) {
        rc = read_pair(a, 0, e);
    }
    return rc;
}

/** Say once that a file cannot be used, and once that it can again. */
static void tell(struct authfile *f, int rc, const struct err *why)
{
    struct log_line l;

    if (rc != 0 && !f->is_told) {
        log_line_begin(&l, LOG_WARN, "credentials cannot be read again; those read last stay");
        log_line_str(&l, "why", why->text);
        log_line_send(&l);
    } else if (rc == 0 && f->is_told) {
        log_line_begin(&l, LOG_INFO, "credentials were read again");
        log_line_str(&l, "file", f->path);
        log_line_send(&l);
    }
    f->is_told = rc != 0;
}

/** Whatever fails here fails for now: what was good stays in use, and the next request tries
 * again. */
static void renew(struct kubeauth *a, uint64_t now_ms)
{
    struct authfile *pair = a->cert.path != NULL ? &a->cert : &a->key;
    struct err why;

    if (authfile_is_due(&a->token, now_ms, KUBEAUTH_TOKEN_MS)) {
        tell(&a->token, read_token(a, now_ms, &why), &why);
    }
    if (authfile_is_due(&a->ca, now_ms, KUBEAUTH_PEM_MS)) {
        tell(&a->ca, read_authority(a, now_ms, &why), &why);
    }
    if (authfile_is_due(&a->cert, now_ms, KUBEAUTH_PEM_MS) ||
        authfile_is_due(&a->key, now_ms, KUBEAUTH_PEM_MS)) {
        tell(pair, read_pair(a, now_ms, &why), &why);
    }
}

/* ---- the life of it -------------------------------------------------------------------------- */

struct kubeauth *kubeauth_new(const struct kubeaccess *access, struct event_base *base,
                              void (*on_change)(void *ctx), void *ctx, struct err *e)
{
    struct kubeauth *a = calloc(1, sizeof(*a));

    if (a == NULL) {
        err_set(e, "out of memory");
        return NULL;
    }
    a->token = (struct authfile){.path = access->token_file,
                                 .given = access->token,
                                 .what = "tokenFile",
                                 .max_bytes = KUBEAUTH_TOKEN_BYTES};
    a->ca = pem(&access->ca, "certificate-authority");
    a->cert = pem(&access->cert, "client-certificate");
    a->key = pem(&access->key, "client-key");
    a->tls_generation = 1;
    a->has_plugin = access->exec.command != NULL;
    authplugin_init(&a->plugin, &access->exec, base);
    a->plugin.on_change = on_change;
    a->plugin.ctx = ctx;
    if (read_all(a, e) != 0) {
        kubeauth_free(a);
        return NULL;
    }
    return a;
}

void kubeauth_free(struct kubeauth *a)
{
    if (a == NULL) {
        return;
    }
    authplugin_fini(&a->plugin);
    authfile_fini(&a->token);
    authfile_fini(&a->ca);
    authfile_fini(&a->cert);
    authfile_fini(&a->key);
    free(a);
}

enum kubeauth_state kubeauth_get(struct kubeauth *a, uint64_t now_ms, struct kubeauth_now *out,
                                 struct err *e)
{
    enum kubeauth_state state = KUBEAUTH_READY;

    renew(a, now_ms);
    if (a->has_plugin) {
        state = authplugin_get(&a->plugin, now_ms, e);
    }
    if (state != KUBEAUTH_READY) {
        return state;
    }
    *out = (struct kubeauth_now){.token = authfile_text(&a->token),
                                 .ca = authfile_text(&a->ca),
                                 .cert = authfile_text(&a->cert),
                                 .key = authfile_text(&a->key),
                                 .tls_generation = a->tls_generation + a->plugin.tls_generation};
    if (a->has_plugin && a->plugin.now.token != NULL) {
        out->token = a->plugin.now.token;
    }
    if (a->has_plugin && a->plugin.now.cert != NULL) {
        out->cert = a->plugin.now.cert;
        out->key = a->plugin.now.key;
    }
    return KUBEAUTH_READY;
}

/** What was read before the refused request began may be what was refused. */
static void mark_stale(struct authfile *f, uint64_t began_ms)
{
    f->is_stale = f->is_stale || f->read_ms <= began_ms;
}

void kubeauth_refused(struct kubeauth *a, uint64_t began_ms)
{
    mark_stale(&a->token, began_ms);
    mark_stale(&a->cert, began_ms);
    mark_stale(&a->key, began_ms);
    authplugin_refused(&a->plugin, began_ms);
}

void kubeauth_untrusted(struct kubeauth *a)
{
    a->ca.is_stale = true;
}

void kubeauth_reload(struct kubeauth *a)
{
    a->token.is_stale = a->ca.is_stale = a->cert.is_stale = a->key.is_stale = true;
    authplugin_reload(&a->plugin);
}
