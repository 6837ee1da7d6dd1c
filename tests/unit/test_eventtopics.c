#include "../../src/controller/eventtopics_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/object.h"
#include "model/store.h"
#include "model/verdict.h"
#include "support/objects.h"

struct scene {
    struct eventtopics t;
    struct store *store;
    struct verdicts decoded, translated;
};

static const struct objmeta web = {
    .kind = OBJECT_INGRESS, .ns = "shop", .name = "web", .uid = "u-web", .file = ""};

#define WEB INGRESS("shop", "web", ", uid: u-web", "rules: [{host: a.example}]")

static void begin(struct scene *s)
{
    eventtopics_init(&s->t);
    s->store = objects_store(WEB);
    verdicts_init(&s->decoded);
    verdicts_init(&s->translated);
}

static void end(struct scene *s)
{
    eventtopics_fini(&s->t);
    verdicts_fini(&s->decoded);
    verdicts_fini(&s->translated);
    store_free(s->store);
}

static void warn(struct scene *s, const struct objmeta *about, const char *reason,
                 const char *message)
{
    verdicts_add(&s->translated, about, 0, VERDICT_WARNING, reason, "%s", message);
}

/** Look at what was added, and begin anew.  Returns whether it differs. */
static bool look(struct scene *s)
{
    const struct eventtopics_view now = {s->store, &s->decoded, &s->translated};
    bool differs = eventtopics_look(&s->t, &now);

    verdicts_fini(&s->decoded);
    verdicts_fini(&s->translated);
    return differs;
}

static struct eventtopic *find(const struct scene *s, const char *reason)
{
    struct eventtopic *t = NULL;

    while ((t = eventtopics_next(&s->t, t)) != NULL) {
        if (strcmp(t->reason, reason) == 0) {
            return t;
        }
    }
    return NULL;
}

static bool stands(const struct scene *s, const char *reason)
{
    const struct eventtopic *t = find(s, reason);

    return t && t->stands;
}

static size_t count(const struct scene *s)
{
    struct eventtopic *t = NULL;
    size_t n = 0;

    while ((t = eventtopics_next(&s->t, t)) != NULL) {
        n++;
    }
    return n;
}

static void verdicts_of_one_reason_are_one_note(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "HostAlreadyClaimed", "a is taken");
    warn(&s, &web, "NoEndpoints", "none there");
    warn(&s, &web, "HostAlreadyClaimed", "b is taken");
    assert_true(look(&s));
    assert_int_equal(count(&s), 2);
    assert_string_equal(find(&s, "HostAlreadyClaimed")->note, "a is taken. Also: b is taken");
    assert_string_equal(find(&s, "NoEndpoints")->note, "none there");
    end(&s);
}

static void what_has_no_room_in_a_note_is_counted(void **state)
{
    char message[300];
    struct scene s;

    (void)state;
    begin(&s);
    memset(message, 'x', sizeof(message) - 1);
    message[sizeof(message) - 1] = '\0';
    for (char i = 0; i < 10; i++) {
        message[0] = (char)('a' + i);
        warn(&s, &web, "PathsIgnored", message);
    }
    assert_true(look(&s));
    assert_int_equal(find(&s, "PathsIgnored")->rest, 7);
    assert_in_range(find(&s, "PathsIgnored")->len, 900, EVENTLOG_NOTE_MAX);
    assert_int_equal(find(&s, "PathsIgnored")->len, strlen(find(&s, "PathsIgnored")->note));
    end(&s);
}

static void only_another_verdict_is_new(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    warn(&s, &web, "PathsIgnored", "two");
    assert_true(look(&s));
    assert_true(find(&s, "PathsIgnored")->is_new);
    find(&s, "PathsIgnored")->is_new = false;
    warn(&s, &web, "PathsIgnored", "two"); /* in another order */
    warn(&s, &web, "PathsIgnored", "one");
    assert_false(look(&s));
    warn(&s, &web, "PathsIgnored", "two");
    assert_true(look(&s));
    assert_false(find(&s, "PathsIgnored")->is_new); /* less is nothing new */
    assert_string_equal(find(&s, "PathsIgnored")->note, "two");
    warn(&s, &web, "PathsIgnored", "two");
    warn(&s, &web, "PathsIgnored", "three");
    assert_true(look(&s));
    assert_true(find(&s, "PathsIgnored")->is_new);
    assert_true(look(&s));
    assert_false(stands(&s, "PathsIgnored"));
    end(&s);
}

static void verdicts_about_files_and_nameless_objects_are_passed_over(void **state)
{
    struct objmeta about = web;
    struct scene s;

    (void)state;
    begin(&s);
    verdicts_add_at(&s.decoded, "a.yaml", 3, VERDICT_ERROR, "ManifestBroken", "no YAML");
    verdicts_add_at(&s.decoded, "", 0, VERDICT_ERROR, "NotAnObject", "nothing");
    about.file = "a.yaml";
    warn(&s, &about, "PathsIgnored", "from a file");
    about.file = about.name = "";
    warn(&s, &about, "NameMissing", "no name");
    assert_false(look(&s));
    assert_int_equal(count(&s), 0);
    end(&s);
}

static void an_object_made_anew_under_its_name_is_another_one(void **state)
{
    struct objmeta again = web;
    struct scene s;

    (void)state;
    begin(&s);
    again.uid = "u-again";
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    eventtopics_tell(find(&s, "PathsIgnored"));
    objects_put(s.store, INGRESS("shop", "web", ", uid: u-again", "rules: [{host: a.example}]"));
    warn(&s, &again, "PathsIgnored", "one");
    assert_true(look(&s));
    assert_int_equal(count(&s), 2);
    assert_null(find(&s, "Resolved")); /* the old one is not mended but gone */
    end(&s);
}

static void an_object_that_is_gone_gets_nothing(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    eventtopics_tell(find(&s, "PathsIgnored"));
    assert_true(store_remove(s.store, OBJECT_INGRESS, "shop", "web"));
    assert_true(look(&s));
    assert_null(find(&s, "Resolved"));
    end(&s);
}

static void what_nobody_was_told_of_is_not_resolved(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    assert_true(look(&s));
    assert_null(find(&s, "Resolved"));
    end(&s);
}

static void well_again_is_said_once(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    eventtopics_tell(find(&s, "PathsIgnored"));
    assert_true(look(&s));
    find(&s, "Resolved")->is_new = false;
    verdicts_add(&s.decoded, &web, 0, VERDICT_NOTE, "ClassNotFound", "not served");
    assert_true(look(&s));
    assert_true(stands(&s, "Resolved"));
    assert_false(find(&s, "Resolved")->is_new);
    eventtopics_tell(find(&s, "Resolved"));
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    assert_false(stands(&s, "Resolved"));
    assert_true(look(&s)); /* nobody was told of the second time */
    assert_false(stands(&s, "Resolved"));
    end(&s);
}

/** Tell the warnings of `reasons`, mend them one by one, and return what is said then. */
static const char *resolved(struct scene *s, const char *const *reasons, size_t n, bool with_note)
{
    begin(s);
    for (size_t first = 0; first <= n; first++) {
        for (size_t i = first; i < n; i++) {
            warn(s, &web, reasons[i], "wrong");
        }
        if (with_note) {
            verdicts_add(&s->decoded, &web, 0, VERDICT_NOTE, "ClassNotFound", "not served");
        }
        assert_true(look(s));
        for (size_t i = 0; i < n && first == 0; i++) {
            eventtopics_tell(find(s, reasons[i]));
            eventtopics_tell(find(s, reasons[i]));
        }
        assert_int_equal(stands(s, "Resolved"), first == n);
    }
    return find(s, "Resolved")->note;
}

static void resolved_names_all_that_was_mended(void **state)
{
    static const char *const reasons[] = {"A", "B", "C", "D", "E", "F"};
    static const char *const notes[] = {
        "A no longer holds; nothing is left to mend",
        "A and B no longer hold; nothing is left to mend",
        "A, B and C no longer hold; nothing is left to mend",
        "A, B, C and D no longer hold; nothing is left to mend",
        "A, B, C, D and others no longer hold; nothing is left to mend",
        "A, B, C, D and others no longer hold; nothing is left to mend",
    };
    struct scene s;

    (void)state;
    for (size_t n = 1; n <= ARRAY_LEN(reasons); n++) {
        assert_string_equal(resolved(&s, reasons, n, false), notes[n - 1]);
        end(&s);
    }
    assert_string_equal(resolved(&s, reasons, 1, true), "A no longer holds");
    end(&s);
}

static void a_verdict_that_was_lost_is_not_taken_as_mended(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    s.translated.lost = true;
    assert_false(look(&s));
    assert_true(stands(&s, "PathsIgnored"));
    end(&s);
}

static void what_is_forgotten_is_new_again(void **state)
{
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    find(&s, "PathsIgnored")->is_new = false;
    find(&s, "PathsIgnored")->series.stamp = 5;
    eventtopics_tell(find(&s, "PathsIgnored"));
    eventtopics_forget(&s.t);
    assert_true(find(&s, "PathsIgnored")->is_new);
    assert_int_equal(find(&s, "PathsIgnored")->series.stamp, 0);
    assert_true(look(&s));
    assert_null(find(&s, "Resolved"));
    end(&s);
}

static void a_sweep_takes_what_is_over(void **state)
{
    struct eventtopic *t;
    struct scene s;

    (void)state;
    begin(&s);
    warn(&s, &web, "PathsIgnored", "one");
    assert_true(look(&s));
    assert_false(eventtopics_sweep(&s.t, UINT64_MAX));
    assert_int_equal(count(&s), 1); /* it stands */
    t = find(&s, "PathsIgnored");
    t->series = (struct eventseries){.stamp = 1, .seen_ms = 1000};
    assert_true(look(&s));
    assert_true(eventtopics_sweep(&s.t, 1000 + EVENTLOG_SERIES_MS));
    assert_null(t->note);
    t->is_queued = true;
    assert_false(eventtopics_sweep(&s.t, UINT64_MAX));
    t->is_queued = false;
    assert_false(eventtopics_sweep(&s.t, UINT64_MAX));
    assert_int_equal(count(&s), 0);
    end(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts_of_one_reason_are_one_note),
        cmocka_unit_test(what_has_no_room_in_a_note_is_counted),
        cmocka_unit_test(only_another_verdict_is_new),
        cmocka_unit_test(verdicts_about_files_and_nameless_objects_are_passed_over),
        cmocka_unit_test(an_object_made_anew_under_its_name_is_another_one),
        cmocka_unit_test(an_object_that_is_gone_gets_nothing),
        cmocka_unit_test(what_nobody_was_told_of_is_not_resolved),
        cmocka_unit_test(well_again_is_said_once),
        cmocka_unit_test(resolved_names_all_that_was_mended),
        cmocka_unit_test(a_verdict_that_was_lost_is_not_taken_as_mended),
        cmocka_unit_test(what_is_forgotten_is_new_again),
        cmocka_unit_test(a_sweep_takes_what_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
