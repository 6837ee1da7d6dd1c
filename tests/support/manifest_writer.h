/**
 * manifest_writer - manifests of routes as an administrator would write them, one file a route.
 *
 * Each file appears whole (rename), so a program that watches the directory never reads half of
 * one.  Whatever goes wrong aborts the test program.
 */
#ifndef SUPPORT_MANIFEST_WRITER_H
#define SUPPORT_MANIFEST_WRITER_H

#include <stddef.h>

#include "base/netaddr.h"
#include "support/tempdir.h"

/**
 * Write `name`.yaml: an Ingress of class "sealway" that gives `host` ("" is a rule without host,
 * the catch-all) to a Service of the same name in namespace "test", and an EndpointSlice for each
 * of the endpoints.
 */
void manifest_route(const struct tempdir *dir, const char *name, const char *host,
                    const struct netaddr *endpoints, size_t n);

#endif
