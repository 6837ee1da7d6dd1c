/**
 * yamlscalar - what a plain YAML scalar means.
 *
 * YAML 1.1 as sigs.k8s.io/yaml resolves it: yes, no, on, off, y and n are booleans, 010 is octal
 * eight, 0o10 too, 1_000 is a thousand, a time is a text.
 */
#ifndef MANIFEST_YAMLSCALAR_PRIV_H
#define MANIFEST_YAMLSCALAR_PRIV_H

#include <stddef.h>

enum yamlscalar_type {
    YAMLSCALAR_STRING,
    YAMLSCALAR_NULL,
    YAMLSCALAR_TRUE,
    YAMLSCALAR_FALSE,
    YAMLSCALAR_INT,
    YAMLSCALAR_FLOAT,
    YAMLSCALAR_NO_JSON, /* .inf, .nan: no number that JSON has */
};

/** Tell what `text` (terminated; `len` bytes) is; *number_out is set for the two numbers. */
enum yamlscalar_type yamlscalar_resolve(const char *text, size_t len, double *number_out);

#endif
