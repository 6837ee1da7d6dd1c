/**
 * scene - what most tests of the real program need: manifests, a running program, a hello.
 *
 * Meant for cmocka's setup and teardown: what a failing test leaves is stopped and removed, and a
 * program that does not end with status 0 (a sanitizer's report, say) fails its test.
 */
#ifndef SUPPORT_SCENE_H
#define SUPPORT_SCENE_H

#include "base/netaddr.h"
#include "support/hello_builder.h"
#include "support/sealway_proc.h"
#include "support/tempdir.h"

/** The host of scene_start(), and what scene.hello asks for. */
#define SCENE_HOST "app.scene.test"

struct scene {
    struct tempdir manifests;
    struct sealway *program;  /* NULL while not started */
    struct netaddr addr;      /* its first listener */
    struct hello_bytes hello; /* a ClientHello for SCENE_HOST */
    int listener;             /* a scripted backend's; -1: none */
    struct netaddr backend;   /* and its address */
};

/** For cmocka_unit_test_setup_teardown(): *state is the scene. */
int scene_setup(void **state);
int scene_teardown(void **state);

/** Stop the program and see that it ends with status 0; it may be started again. */
void scene_stop(struct scene *s);

/** Start the program on the manifests written so far, with `args` (NULL-terminated, or NULL). */
void scene_start(struct scene *s, const char *const *args);

/** Listen as the one backend of SCENE_HOST with these options of its sockets, write its manifest,
 * and start the program. */
struct peer_options;
void scene_start_with_backend(struct scene *s, const struct peer_options *backend,
                              const char *const *args);

#endif
