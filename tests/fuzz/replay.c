/*
 * Runs one fuzz target over every file of its corpus, once: what a fuzzer has found stays found.
 *
 * The corpus is tests/fuzz/corpus/<file> for a target fuzz_<file>; arguments are further files.
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX ((size_t)4 * 1024 * 1024)

static void replay(const char *path)
{
    uint8_t *data = malloc(INPUT_MAX);
    FILE *f = fopen(path, "rb");
    uint8_t *exact;
    size_t n;

    if (data == NULL || f == NULL) {
        perror(path);
        exit(1);
    }
    n = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    /* A block of just that size, so that a sanitizer sees a read past its end. */
    exact = realloc(data, n > 0 ? n : 1);
    if (exact == NULL) {
        perror(path);
        exit(1);
    }
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static unsigned replay_dir(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    unsigned n = 0;

    while (d != NULL && (entry = readdir(d)) != NULL) {
        char path[PATH_MAX + 256];

        if (entry->d_name[0] == '.') {
            continue;
        }
        snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
        replay(path);
        n++;
    }
    if (d != NULL) {
        closedir(d);
    }
    return n;
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash != NULL ? slash + 1 : argv[0];
    char dir[PATH_MAX];
    unsigned n;

    snprintf(dir, sizeof(dir), "tests/fuzz/corpus/%s", name + strlen("fuzz_"));
    n = replay_dir(dir);
    for (int i = 1; i < argc; i++) {
        replay(argv[i]);
        n++;
    }
    printf("%s: %u inputs\n", name, n);
    return n > 0 ? 0 : 1;
}
