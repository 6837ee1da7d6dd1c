#include "support/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/scripted_peer.h"
#include "support/manifest_writer.h"

int scene_setup(void **state)
{
    struct scene *s = calloc(1, sizeof(*s));

    if (s == NULL) {
        perror("calloc");
        abort();
    }
    s->listener = -1;
    tempdir_make(&s->manifests);
    hello_simple(&s->hello, SCENE_HOST, NULL);
    *state = s;
    return 0;
}

int scene_teardown(void **state)
{
    struct scene *s = *state;
    int status = sealway_stop(s->program);

    if (s->listener >= 0) {
        close(s->listener);
    }
    hello_bytes_free(&s->hello);
    tempdir_remove(&s->manifests);
    free(s);
    return status == 0 ? 0 : -1;
}

void scene_stop(struct scene *s)
{
    int status = sealway_stop(s->program);

    s->program = NULL;
    assert_int_equal(status, 0);
}

void scene_start(struct scene *s, const char *const *args)
{
    s->program = sealway_start(s->manifests.path, args);
    s->addr = sealway_addr(s->program, 0);
}

void scene_start_with_backend(struct scene *s, const struct peer_options *backend,
                              const char *const *args)
{
    s->listener = peer_listen("127.0.0.1", 64, backend, &s->backend);
    manifest_route(&s->manifests, "app", SCENE_HOST, &s->backend, 1);
    scene_start(s, args);
}
