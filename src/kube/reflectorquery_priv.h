/**
 * reflectorquery - the query strings of a reflector's requests.
 *
 * `out` has room for REFLECTOR_QUERY_MAX bytes, which is enough for any of them.
 */
#ifndef KUBE_REFLECTORQUERY_PRIV_H
#define KUBE_REFLECTORQUERY_PRIV_H

#include <stdbool.h>
#include <stdint.h>

struct reflector;

/** Whether that is one to list or watch from; "" and "0" are not. */
bool reflectorquery_is_version(const char *version);

/** The next page, or the first one. */
void reflectorquery_list(const struct reflector *r, char *out);

void reflectorquery_watch(const struct reflector *r, uint32_t timeout_s, char *out);

/** Whether the server answers at all: the cheapest list. */
void reflectorquery_probe(char *out);

#endif
