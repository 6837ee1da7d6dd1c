#include "support/relay_play.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "support/launcher.h"

bool relay_splices = true;

void relay_play(struct scene *s, const struct peer_step *client, const struct peer_step *server)
{
    struct peer *b = peer_accept(s->listener, server, NULL);
    struct peer *c = peer_dial(&s->addr, client, NULL);

    assert_peers_ok(c, b);
}

void relay_assert_logged(const struct scene *s, const char *reason)
{
    char *line = sealway_access_line(s->program, reason);

    assert_non_null(line);
    free(line);
}

int relay_setup_copying(void **state)
{
    int failed = scene_setup(state);
    const struct scene *s = *state;

    launcher_begin(&s->manifests, "ulimit -n 1000", NULL);
    relay_splices = false;
    return failed;
}

int relay_teardown_copying(void **state)
{
    relay_splices = true;
    launcher_end();
    return scene_teardown(state);
}
