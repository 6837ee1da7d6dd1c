/**
 * real_hellos - ClientHellos as real clients sent them, all of them for www.example.com or no name.
 *
 * The bytes stand in tests/data/hellos, with the command that made each.
 */
#ifndef SUPPORT_REAL_HELLOS_H
#define SUPPORT_REAL_HELLOS_H

#include <stddef.h>
#include <stdint.h>

struct real_hello {
    const char *client; /* the file's name without ".hex" */
    const uint8_t *bytes;
    size_t len;
};

#define REAL_HELLOS 7

extern const struct real_hello real_hellos[REAL_HELLOS];

#endif
