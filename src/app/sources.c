#include "app/sources.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

void sources_refuse_manifests(const char *path, int error, struct err *e)
{
    err_set(e,
            "--manifests %.300s: cannot read the directory: %s; give a directory that exists and "
            "that uid %ld may read",
            path, strerror(error), (long)geteuid());
}

int sources_check_manifests(const char *path, struct err *e)
{
    DIR *dir = opendir(path);
    int rc = 0;

    if (dir == NULL) {
        rc = -errno;
        sources_refuse_manifests(path, -rc, e);
        return rc;
    }
    closedir(dir);
    return 0;
}
