/**
 * kubeserve - an API server with a script, and the real program that serves what it holds.
 *
 * In a network of the test's own (kubeserve_enter_net()), because endpoints that an API server
 * tells may not be loopback.  Meant for cmocka's setup and teardown: a program that does not end
 * with status 0 (a sanitizer's report, say) fails its test.
 */
#ifndef SUPPORT_KUBESERVE_H
#define SUPPORT_KUBESERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/netaddr.h"
#include "fakes/fake_apiserver.h"
#include "fakes/name_backend.h"
#include "support/certs.h"
#include "support/sealway_proc.h"
#include "support/tempdir.h"

#define KUBESERVE_IP    "192.0.2.1" /* of the backends */
#define KUBESERVE_TOKEN "ToKeN-of-the-first-hour"
#define KUBESERVE_MS    10000u /* what must come comes within */

struct kubeserve {
    struct tempdir dir;    /* ca.pem, api.pem, token, kubeconfig */
    char config[PATH_MAX]; /* that kubeconfig: TLS, the token by its file, context "main" */
    struct certs *certs;
    struct fakeapi *api; /* class "sealway" is ours; lets in KUBESERVE_TOKEN */
    struct name_backend *blue, *green;
    struct sealway *program; /* NULL while not started */
    struct netaddr addr, admin;
};

/** Enter the network; false where that is not permitted. */
bool kubeserve_enter_net(void);

/** For cmocka_unit_test_setup_teardown(): *state is it, the program not started. */
int kubeserve_setup(void **state);
int kubeserve_teardown(void **state);

/** Write `text` with %URL%, %CA% and %DIR% put in as `name` into the directory. */
void kubeserve_write(struct kubeserve *s, const char *name, const char *text);

/** Start the program with --kubeconfig and `args` (NULL-terminated, or NULL), and wait until it is
 * ready; or only until its addresses are known. */
void kubeserve_start(struct kubeserve *s, const char *const *args);
void kubeserve_start_unready(struct kubeserve *s, const char *const *args);

/** Likewise with all that a start can have. */
void kubeserve_start_with(struct kubeserve *s, const struct sealway_config *cfg, bool ready);

/** End it, which must end with status 0. */
void kubeserve_end(struct kubeserve *s);

/* ---- objects ---- */

/** Ingress, Service and slice NAME in a namespace: `host` leads to the backend. */
void kubeserve_put_route(struct kubeserve *s, const char *ns, const char *name, const char *host,
                         const struct name_backend *b);

/** The slice NAME-1 of the Service, with that endpoint alone. */
void kubeserve_put_slice(struct kubeserve *s, const char *ns, const char *name,
                         const struct netaddr *endpoint);

/* ---- what can be seen from outside; all wait for KUBESERVE_MS ---- */

/** Every one of some clients in a row reaches the backend; gets the alert unrecognized_name. */
bool kubeserve_reaches(const struct kubeserve *s, const char *host, const char *backend);
bool kubeserve_refuses(const struct kubeserve *s, const char *host);

/** It is not ready, says that objects are missing, and accepts nothing; and that stays so for a
 * while in which it would have become ready. */
bool kubeserve_stays_closed(const struct kubeserve *s);

/** A page has that status and these words; the log has these words. */
bool kubeserve_says(const struct kubeserve *s, const char *page, int status, const char *words);
bool kubeserve_logs(const struct kubeserve *s, const char *words);

/** How often the log has these words by now. */
unsigned kubeserve_logged(const struct kubeserve *s, const char *words);

/** A sample, "sealway_kube_objects{resource=\"services\"}"; -1: there is none.  Now. */
double kubeserve_metric(const struct kubeserve *s, const char *sample);

#endif
