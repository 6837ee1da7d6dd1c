/**
 * mass_scene - a scene with crowds in front of it, a mass_backend behind SCENE_HOST, and a
 * name_backend behind another host for clients that come and go.
 *
 * For cmocka's setup and teardown; what a failing test leaves is stopped and removed.
 */
#ifndef SUPPORT_MASS_SCENE_H
#define SUPPORT_MASS_SCENE_H

#include "fakes/mass_backend.h"
#include "fakes/name_backend.h"
#include "support/crowd.h"
#include "support/scene.h"

#define MASS_SCENE_CROWDS 8

/** The host of the name_backend, which calls itself "short". */
#define MASS_SCENE_SHORT_HOST "short.scene.test"

struct mass_scene {
    struct scene *s;
    struct mass_backend *backend; /* NULL while not started */
    struct name_backend *shorts;
    struct hello_bytes short_hello; /* for MASS_SCENE_SHORT_HOST */
    char short_answer[64];          /* to it */
    struct crowd *crowds[MASS_SCENE_CROWDS];
    unsigned n_crowds;
};

int mass_scene_setup(void **state);
int mass_scene_teardown(void **state);

/** Start backends and program, `args` as for sealway_start(). */
void mass_scene_start(struct mass_scene *m, enum mass_kind kind, const char *const *args);

/** The configuration of clients that send a hello for SCENE_HOST, to change at will. */
struct crowd_config mass_scene_clients(const struct mass_scene *m, unsigned clients);

/** The configuration of clients that send a hello and a FIN to the other host, so many a second. */
struct crowd_config mass_scene_shorts(const struct mass_scene *m, unsigned clients,
                                      unsigned per_second);

/** A crowd of these clients, or of so many usual ones; the teardown frees it. */
struct crowd *mass_scene_crowd(struct mass_scene *m, const struct crowd_config *cfg);
struct crowd *mass_scene_usual_crowd(struct mass_scene *m, unsigned clients);

/** How many lines of stderr contain `text`; how many of the access log. */
unsigned mass_scene_told(const struct mass_scene *m, const char *text);
unsigned mass_scene_logged(const struct mass_scene *m, const char *text);

#endif
