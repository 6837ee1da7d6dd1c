#include "support/launcher.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define VARIABLE "SEALWAY_BIN"

static char direct[PATH_MAX]; /* what the variable was; "" for unset */

static void check(bool good, const char *what)
{
    if (!good) {
        perror(what);
        abort();
    }
}

void launcher_begin(const struct tempdir *dir, const char *prelude, const char *runner)
{
    const char *program = getenv(VARIABLE);
    char path[PATH_MAX];
    FILE *f;

    snprintf(direct, sizeof(direct), "%s", program != NULL ? program : "");
    tempdir_path(dir, "launcher.sh", path);
    f = fopen(path, "we");
    check(f != NULL, path);
    fprintf(f, "#!/bin/sh\n%s\nexec %s '%s' \"$@\"\n", prelude, runner != NULL ? runner : "",
            direct[0] != '\0' ? direct : "build/sealway");
    check(fclose(f) == 0 && chmod(path, 0700) == 0, path);
    check(setenv(VARIABLE, path, 1) == 0, "setenv");
}

void launcher_end(void)
{
    if (direct[0] != '\0') {
        setenv(VARIABLE, direct, 1);
    } else {
        unsetenv(VARIABLE);
    }
}
