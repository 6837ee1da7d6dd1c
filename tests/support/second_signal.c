#include "support/second_signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/form.h"
#include "support/sealway_proc.h"
#include "support/wait_until.h"

#define HEARD_FIRST  "msg=\"stopping: "
#define HEARD_SECOND "msg=\"second signal: "
#define WAITED_ON    "msg=\"no longer accepting: "
#define STOPPED      "msg=stopped"

#define PROMPT_MS 30000u /* until a busy machine has delivered a signal and told of the end */

/* Joining threads and closing connections takes milliseconds, many times as long when slowed; a
 * machine may stall for two seconds, and again.  Every wait that could be in between is a minute
 * long. */
#define AT_ONCE_MS (form_is_slowed() ? 20000u : 10000u)
#define DAY_MS     86400000u

/* Where a line with this text begins; NULL: there is none. */
static const char *find_line(const char *log, const char *text)
{
    const char *at = strstr(log, text);

    while (at != NULL && at > log && at[-1] != '\n') {
        at--;
    }
    return at;
}

/* Its time of day, from "time=2006-01-02T15:04:05.999Z". */
static unsigned time_of(const char *line)
{
    unsigned hours, minutes, seconds, ms;

    assert_int_equal(
        sscanf(line, "time=%*10[0-9-]T%2u:%2u:%2u.%3uZ", &hours, &minutes, &seconds, &ms), 4);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms;
}

static bool has_heard_the_first(void *ctx)
{
    const struct sealway *program = ctx;
    char *log = sealway_stderr(program);
    bool yes = strstr(log, HEARD_FIRST) != NULL;

    free(log);
    return yes;
}

void second_signal_ends(struct sealway *program, int sig)
{
    const char *heard, *stopped;
    unsigned took_ms;
    char *log;

    /* Two of a kind would be one while the first is pending. */
    assert_true(wait_until(has_heard_the_first, program, PROMPT_MS));
    sealway_signal(program, sig);
    assert_int_equal(sealway_wait(program, PROMPT_MS), 0);
    log = sealway_stderr(program);
    heard = find_line(log, HEARD_SECOND);
    assert_non_null(heard);
    stopped = find_line(heard, STOPPED);
    assert_non_null(stopped);
    assert_null(strstr(heard, WAITED_ON));
    took_ms = (time_of(stopped) + DAY_MS - time_of(heard)) % DAY_MS;
    print_message("             stopped %u ms after it heard the second signal\n", took_ms);
    assert_true(took_ms < AT_ONCE_MS);
    free(log);
}
