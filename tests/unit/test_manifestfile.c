#include "manifest/manifestfile.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "model/store.h"
#include "support/failalloc.h"
#include "support/watched.h"

static void a_broken_file_keeps_its_last_good_objects_and_says_where(void **state)
{
    struct watched *w = *state;
    const struct verdict *v;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    tempdir_replace(&w->dir, "a.yaml", ONE_PORT("a", "2") "}{\n");
    watched_sync(w);
    assert_false(w->change.changed);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 1);
    v = watched_verdict(w, "ManifestBroken");
    assert_non_null(v);
    assert_int_equal(v->severity, VERDICT_ERROR);
    assert_string_equal(v->file, tempdir_path(&w->dir, "a.yaml", path));
    assert_int_equal(v->line, 6);
    assert_non_null(watched_verdict(w, "LastGoodKept"));

    tempdir_replace(&w->dir, "a.yaml", ONE_PORT("a", "3"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 3);
    assert_int_equal(watched_port(w, "b"), 0);
    assert_int_equal(watched_verdicts(w), 0);
}

static void a_file_broken_from_the_start_harms_no_other(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", "a: [");
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "b"), 1);
    assert_non_null(watched_verdict(w, "ManifestBroken"));
    watched_remove(w, "a.yaml");
    watched_sync(w);
    assert_int_equal(watched_verdicts(w), 0);
}

static void an_unusable_object_keeps_its_last_version_while_others_go_on(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    tempdir_replace(&w->dir, "a.yaml",
                    "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: shop}\n"
                    "spec: 7\n---\n" ONE_PORT("b", "2"));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 2);
    (void)watched_verdicts(w);
    assert_true(w->v.errors >= 1);
    assert_non_null(watched_verdict(w, "LastGoodKept"));
}

static void a_file_too_large_is_told_and_not_read(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];

    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(
        truncate(tempdir_path(&w->dir, "a.yaml", path), (off_t)LIMIT_MANIFEST_FILE_BYTES + 1), 0);
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_non_null(watched_verdict(w, "ManifestTooLarge"));
}

static void a_pipe_by_the_name_of_a_manifest_blocks_nobody(void **state)
{
    struct watched *w = *state;
    char path[PATH_MAX];

    assert_int_equal(mkfifo(tempdir_path(&w->dir, "a.yaml", path), 0600), 0);
    watched_open(w);
    watched_sync(w);
    assert_non_null(watched_verdict(w, "ManifestUnreadable"));
}

static void a_link_that_leads_nowhere_keeps_what_it_led_to_and_says_so(void **state)
{
    struct watched *w = *state;

    tempdir_write(&w->dir, ".real/a.yaml", ONE_PORT("a", "1"));
    watched_link(w, ".real/a.yaml", "a.yaml");
    watched_open(w);
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    watched_remove(w, ".real/a.yaml");
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_non_null(watched_verdict(w, "ManifestUnreadable"));
    watched_sync_once(w);
    assert_int_equal(w->change.files_read, 0);
    watched_remove(w, "a.yaml");
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 0);
}

/** File modes mean nothing to root; another user's eyes are needed then. */
static bool drop_rights(const struct watched *w)
{
    if (geteuid() != 0) {
        return true;
    }
    return chown(w->dir.path, 65534, 65534) == 0 && seteuid(65534) == 0;
}

static void regain_rights(void)
{
    if (getuid() == 0) {
        assert_int_equal(seteuid(0), 0);
    }
}

static void what_may_not_be_read_keeps_its_objects(void **state)
{
    struct watched *w = *state;
    char dir[PATH_MAX], file[PATH_MAX];

    if (!drop_rights(w)) {
        print_message("             skip %s: its rights cannot be dropped\n", __func__);
        skip();
    }
    tempdir_write(&w->dir, "sub/a.yaml", ONE_PORT("a", "1"));
    tempdir_write(&w->dir, "b.yaml", ONE_PORT("b", "1"));
    watched_open(w);
    watched_sync(w);
    assert_int_equal(chmod(tempdir_path(&w->dir, "sub", dir), 0), 0);
    assert_int_equal(chmod(tempdir_path(&w->dir, "b.yaml", file), 0), 0);
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_port(w, "a"), 1);
    assert_int_equal(watched_port(w, "b"), 1);
    assert_non_null(
        strstr(watched_verdict(w, "DirectoryUnreadable")->message, "read it; what was"));
    assert_non_null(strstr(watched_verdict(w, "ManifestUnreadable")->message, "let the user"));

    assert_int_equal(chmod(dir, 0700), 0);
    assert_int_equal(chmod(file, 0600), 0);
    assert_true(watched_rings(w));
    watched_sync(w);
    assert_int_equal(watched_verdicts(w), 0);
    regain_rights();
}

/** One reading of a file of two objects that has broken since. */
struct reading {
    struct manifestfile_request want;
    size_t failed;
};

static void load_in_want(void *ctx)
{
    struct reading *r = ctx;
    struct manifestcontent c;
    int rc;

    manifestfile_init(&c);
    rc = manifestfile_load(&r->want, &c);
    assert_true(rc == -ENOMEM || (rc == 0 && c.n == 2));
    r->failed += rc != 0;
    manifestfile_fini(&c);
}

static void without_memory_a_file_is_read_another_time(void **state)
{
    struct watched *w = *state;
    struct manifestcontent last;
    struct manifestid id = {0};
    char path[PATH_MAX];
    struct reading r = {.want = {.path = tempdir_path(&w->dir, "a.yaml", path), .force = true}};

    manifestfile_init(&last);
    r.want.id = &id;
    tempdir_write(&w->dir, "a.yaml", ONE_PORT("a", "1") ONE_PORT("b", "1"));
    assert_true(failalloc_torture(load_in_want, &r) > 20);
    assert_true(r.failed > 20);
    assert_int_equal(manifestfile_load(&r.want, &last), 0);

    tempdir_write(&w->dir, "a.yaml", "}");
    r.want.last = &last;
    r.failed = 0;
    assert_true(failalloc_torture(load_in_want, &r) > 10);
    assert_true(r.failed > 10);
    manifestfile_fini(&last);
}

/** The reason of the one verdict on a file that is not what it was taken for. */
static const char *reason_of(const char *path, int error, const char *message)
{
    const struct manifestid id = {.error = error};
    const struct manifestfile_request want = {.path = path, .id = &id, .force = true};
    static char reason[64];
    struct manifestcontent c;

    manifestfile_init(&c);
    assert_int_equal(manifestfile_load(&want, &c), 0);
    assert_int_equal(c.verdicts.n, 1);
    assert_non_null(strstr(c.verdicts.items[0].message, message));
    snprintf(reason, sizeof(reason), "%s", c.verdicts.items[0].reason);
    manifestfile_fini(&c);
    return reason;
}

static void what_is_no_text_at_all_is_told_whatever_it_is(void **state)
{
    struct watched *w = *state;
    struct manifestcontent c;
    int fd;

    assert_string_equal(reason_of(w->dir.path, 0, "not a regular file"), "ManifestUnreadable");
    assert_string_equal(reason_of("/proc/self/mem", 0, "mend that"), "ManifestUnreadable");
    assert_string_equal(reason_of("/nowhere", ELOOP, "mend that"), "ManifestUnreadable");

    manifestfile_init(&c);
    fd = open(w->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(manifestfile_load_stream("-", fd, &c), 0);
    assert_string_equal(c.verdicts.items[0].reason, "ManifestUnreadable");
    close(fd);
    manifestfile_fini(&c);
    fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    assert_int_equal(manifestfile_load_stream("-", fd, &c), 0);
    assert_string_equal(c.verdicts.items[0].reason, "ManifestTooLarge");
    close(fd);
    manifestfile_fini(&c);
}

static void short_of_descriptors_or_memory_a_file_is_not_to_blame(void **state)
{
    struct manifestid id = {.error = EMFILE};
    const struct manifestfile_request want = {.path = "a.yaml", .id = &id, .force = true};
    struct manifestcontent c;

    (void)state;
    manifestfile_init(&c);
    assert_int_equal(manifestfile_load(&want, &c), 0);
    assert_true(c.in_motion); /* it is read again */
    manifestfile_fini(&c);
    id.error = ENOMEM;
    assert_int_equal(manifestfile_load(&want, &c), -ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, watched_setup, watched_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_broken_file_keeps_its_last_good_objects_and_says_where),
        TEST(a_file_broken_from_the_start_harms_no_other),
        TEST(an_unusable_object_keeps_its_last_version_while_others_go_on),
        TEST(a_file_too_large_is_told_and_not_read),
        TEST(a_pipe_by_the_name_of_a_manifest_blocks_nobody),
        TEST(a_link_that_leads_nowhere_keeps_what_it_led_to_and_says_so),
        TEST(what_may_not_be_read_keeps_its_objects),
        TEST(without_memory_a_file_is_read_another_time),
        TEST(what_is_no_text_at_all_is_told_whatever_it_is),
        TEST(short_of_descriptors_or_memory_a_file_is_not_to_blame),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
