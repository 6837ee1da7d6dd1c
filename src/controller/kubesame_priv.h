/**
 * kubesame - whether an object that took the place of another differs in anything that decides.
 *
 * Most events of a busy cluster tell news that routes are not made of: status (our own writing of
 * it, too), managedFields, labels.  Pure.
 */
#ifndef CONTROLLER_KUBESAME_PRIV_H
#define CONTROLLER_KUBESAME_PRIV_H

#include <stdbool.h>

#include "model/object.h"

/**
 * Whether translation makes the same of both, which have the same kind, namespace and name and came
 * from an API server.  Not looked at: resourceVersion, and what is only there to be written back or
 * published (status, where a Service is reached from outside).
 */
bool kubesame_routes(const struct objmeta *a, const struct objmeta *b);

#endif
