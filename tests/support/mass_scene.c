#include "support/mass_scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/manifest_writer.h"

int mass_scene_setup(void **state)
{
    struct mass_scene *m = calloc(1, sizeof(*m));
    void *scene;

    if (m == NULL || scene_setup(&scene) != 0) {
        abort();
    }
    m->s = scene;
    *state = m;
    return 0;
}

int mass_scene_teardown(void **state)
{
    struct mass_scene *m = *state;
    void *scene = m->s;
    int rc;

    for (unsigned i = 0; i < m->n_crowds; i++) {
        crowd_free(m->crowds[i]);
    }
    rc = scene_teardown(&scene);
    mass_backend_stop(m->backend);
    name_backend_stop(m->shorts);
    hello_bytes_free(&m->short_hello);
    free(m);
    return rc;
}

void mass_scene_start(struct mass_scene *m, enum mass_kind kind, const char *const *args)
{
    struct netaddr addr;

    m->backend = mass_backend_start("127.0.0.1", kind);
    addr = mass_backend_addr(m->backend);
    manifest_route(&m->s->manifests, "app", SCENE_HOST, &addr, 1);
    m->shorts = name_backend_start("127.0.0.1", "short");
    addr = name_backend_addr(m->shorts);
    manifest_route(&m->s->manifests, "short", MASS_SCENE_SHORT_HOST, &addr, 1);
    hello_simple(&m->short_hello, MASS_SCENE_SHORT_HOST, NULL);
    snprintf(m->short_answer, sizeof(m->short_answer), "short %zu\n", m->short_hello.len);
    scene_start(m->s, args);
}

struct crowd_config mass_scene_clients(const struct mass_scene *m, unsigned clients)
{
    return (struct crowd_config){.to = m->s->addr,
                                 .clients = clients,
                                 .hello = m->s->hello.data,
                                 .hello_len = m->s->hello.len};
}

struct crowd_config mass_scene_shorts(const struct mass_scene *m, unsigned clients,
                                      unsigned per_second)
{
    return (struct crowd_config){.to = m->s->addr,
                                 .clients = clients,
                                 .per_second = per_second,
                                 .hello = m->short_hello.data,
                                 .hello_len = m->short_hello.len,
                                 .half_close = true};
}

struct crowd *mass_scene_crowd(struct mass_scene *m, const struct crowd_config *cfg)
{
    if (m->n_crowds == MASS_SCENE_CROWDS) {
        abort();
    }
    return m->crowds[m->n_crowds++] = crowd_new(cfg);
}

struct crowd *mass_scene_usual_crowd(struct mass_scene *m, unsigned clients)
{
    const struct crowd_config cfg = mass_scene_clients(m, clients);

    return mass_scene_crowd(m, &cfg);
}

/* `all` is freed. */
static unsigned count_lines(char *all, const char *text)
{
    char *rest = all;
    unsigned n = 0;

    for (char *line; (line = strsep(&rest, "\n")) != NULL;) {
        n += strstr(line, text) != NULL;
    }
    free(all);
    return n;
}

unsigned mass_scene_told(const struct mass_scene *m, const char *text)
{
    return count_lines(sealway_stderr(m->s->program), text);
}

unsigned mass_scene_logged(const struct mass_scene *m, const char *text)
{
    return count_lines(sealway_stdout(m->s->program), text);
}
