/* The one file that a changed commit rebuilds, and the one that may ask any library who it is. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <sys/utsname.h>
#include <yaml.h>

#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include "cmd.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

const struct metrics_build *version_build(void)
{
    static struct metrics_build build = {.version = SEALWAY_VERSION, .revision = SEALWAY_COMMIT};

    build.openssl = OpenSSL_version(OPENSSL_FULL_VERSION_STRING);
    build.libevent = event_get_version();
    return &build;
}

void version_print_short(FILE *out)
{
    fprintf(out, "sealway %s (%s)\n", SEALWAY_VERSION, SEALWAY_COMMIT);
}

/* What it runs on, which a report of a fault needs as much as what it is. */
static void print_system(FILE *out)
{
    struct utsname u;

    if (uname(&u) == 0) {
        fprintf(out, "kernel %s %s %s\n", u.sysname, u.release, u.machine);
    }
#ifdef __GLIBC__
    fprintf(out, "glibc %s\n", gnu_get_libc_version());
#endif
}

static void print_libraries(FILE *out)
{
    const curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

    fprintf(out, "libcurl %s (%s)\n", curl->version, curl->ssl_version ? curl->ssl_version : "-");
    fprintf(out, "OpenSSL %s\n", OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    fprintf(out, "libevent %s\n", event_get_version());
    fprintf(out, "cJSON %s\n", cJSON_Version());
    fprintf(out, "libyaml %s\n", yaml_get_version_string());
}

static void print_all(FILE *out)
{
    fprintf(out, "sealway %s\n", SEALWAY_VERSION);
    fprintf(out, "commit %s\n", SEALWAY_COMMIT);
    fprintf(out, "build %s\n", SEALWAY_BUILD);
    fprintf(out, "compiler %s\n", COMPILER);
    print_system(out);
    print_libraries(out);
}

enum cmd_status version_command(int argc, char **argv)
{
    struct options o;
    enum cmd_status status = CMD_OK;

    if (cmd_begin(&o, OPTIONS_VERSION, argc, argv, &status)) {
        print_all(stdout);
    }
    options_fini(&o);
    return status;
}
