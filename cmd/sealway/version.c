/* The one file that a changed commit rebuilds, and the one that may ask any library who it is. */
#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <event2/event.h>
#include <openssl/crypto.h>
#include <yaml.h>

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

static void print_all(FILE *out)
{
    fprintf(out, "sealway %s\n", SEALWAY_VERSION);
    fprintf(out, "commit %s\n", SEALWAY_COMMIT);
    fprintf(out, "compiler %s\n", COMPILER);
    fprintf(out, "libcurl %s\n", curl_version_info(CURLVERSION_NOW)->version);
    fprintf(out, "OpenSSL %s\n", OpenSSL_version(OPENSSL_FULL_VERSION_STRING));
    fprintf(out, "libevent %s\n", event_get_version());
    fprintf(out, "cJSON %s\n", cJSON_Version());
    fprintf(out, "libyaml %s\n", yaml_get_version_string());
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
