#include "support/mirror_chance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "support/mirror_scene.h"

#define NAMES    40
#define VERSIONS 30

/** The version of each name that was seen last; 0: none.  What an object is follows from that:
 * every fifth version is refused, every third has a fault. */
struct model {
    unsigned version[NAMES];
};

static unsigned seed;

static unsigned chance(unsigned below)
{
    return (unsigned)rand_r(&seed) % below;
}

static bool is_stored(unsigned version)
{
    return version % 5 != 0;
}

static bool has_verdict(unsigned version)
{
    return version != 0 && (version % 5 == 0 || version % 3 == 0);
}

/** Whether one of these in place of the other is a change of the store, and of anything. */
static bool is_other_object(unsigned a, unsigned b)
{
    return a != b && (is_stored(a) || is_stored(b));
}

static bool is_change(unsigned a, unsigned b)
{
    return is_other_object(a, b) || has_verdict(a) != has_verdict(b);
}

/** Whether such a change may change routes: the uid does, a version alone does not. */
static bool is_news(unsigned a, unsigned b)
{
    return is_stored(a) != is_stored(b) || (is_stored(a) && a % 2 != b % 2) ||
           has_verdict(a) != has_verdict(b);
}

static const char *object_text(unsigned name, unsigned version)
{
    static char text[512];

    snprintf(text, sizeof(text),
             "{'apiVersion': '%s', 'kind': 'Service', 'metadata': {'namespace': '%s', 'name': "
             "'n%u', 'uid': 'u%u', 'resourceVersion': '%u', 'labels': {'x': %s}}, 'spec': "
             "{'ports': [{'port': 443}]}}",
             version % 5 == 0 ? "v9" : "v1", name % 2 == 0 ? "shop" : "blog", name, version % 2,
             version, version % 3 == 0 ? "1" : "'1'");
    return text;
}

/** A list of some objects, some of them twice. */
static void random_list(struct mirror_scene *s, struct model *m)
{
    struct model next = {{0}};
    uint64_t differ = 0, expected = 0;

    assert_int_equal(s->sink.list_begin(s->sink.ctx, chance(4) == 0), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        unsigned name = chance(NAMES);
        unsigned version = chance(2) ? m->version[name] : 1 + chance(VERSIONS);

        if (version != 0) {
            next.version[name] = version;
            assert_int_equal(mirror_scene_hand(s, s->sink.list_item, object_text(name, version)),
                             0);
        }
    }
    if (chance(5) == 0) {
        s->sink.list_drop(s->sink.ctx);
        return;
    }
    assert_int_equal(s->sink.list_end(s->sink.ctx, &differ), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        expected += is_other_object(m->version[i], next.version[i]);
    }
    assert_int_equal(differ, expected);
    *m = next;
}

static void random_step(struct mirror_scene *s, struct model *m)
{
    unsigned name = chance(NAMES), version = 1 + chance(VERSIONS);

    switch (chance(8)) {
    case 0:
        random_list(s, m);
        break;
    case 1:
    case 2:
        assert_int_equal(mirror_scene_hand(s, s->sink.take, object_text(name, version)), 0);
        m->version[name] = 0;
        break;
    default:
        assert_int_equal(mirror_scene_hand(s, s->sink.put, object_text(name, version)), 0);
        m->version[name] = version;
    }
    s->sink.changed(s->sink.ctx);
}

static void compare(const struct mirror_scene *s, const struct model *m)
{
    size_t stored = 0, verdicts = 0;

    for (unsigned i = 0; i < NAMES; i++) {
        char name[16], version[16];
        const struct objmeta *o;

        snprintf(name, sizeof(name), "n%u", i);
        snprintf(version, sizeof(version), "%u", m->version[i]);
        o = store_find(s->store, OBJECT_SERVICE, i % 2 == 0 ? "shop" : "blog", name);
        assert_true(!o == !is_stored(m->version[i]));
        if (o) {
            assert_string_equal(o->resource_version, version);
        }
        stored += o != NULL;
        verdicts += has_verdict(m->version[i]);
    }
    assert_int_equal(s->stats.objects, stored);
    assert_int_equal(store_count(s->store, OBJECT_SERVICE), stored);
    assert_int_equal(mirror_scene_verdicts(s), verdicts);
}

void mirror_chance_run(unsigned with_seed, unsigned operations)
{
    struct mirror_scene *s = mirror_scene_new(OBJECT_SERVICE, NULL);
    struct model m = {{0}}, old;

    seed = with_seed;
    print_message("seed %u\n", seed);
    (void)MIRROR_LIST(s);
    for (unsigned i = 0; i < operations; i++) {
        unsigned rings = s->rings;
        bool differs = false, news = false;

        old = m;
        random_step(s, &m);
        for (unsigned k = 0; k < NAMES; k++) {
            differs = differs || is_change(old.version[k], m.version[k]);
            news = news || is_news(old.version[k], m.version[k]);
        }
        assert_int_equal(s->rings - rings, differs);
        assert_int_equal(kubemirror_take_changed(s->m), news);
        compare(s, &m);
    }
    mirror_scene_free(s);
}
