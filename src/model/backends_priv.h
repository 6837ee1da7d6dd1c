/**
 * backends - the Services that an Ingress names.
 */
#ifndef MODEL_BACKENDS_PRIV_H
#define MODEL_BACKENDS_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "model/object.h"

/** The Service that the first path of an Ingress leads to, else its default backend; or "". */
const char *backends_first(const struct ingress *ing);

/** Whether one of them is `service`. */
bool backends_have(const struct ingress *ing, const char *service);

/** How many places backends_have() looks at to find that out; 0 where they are all one Service. */
size_t backends_work(const struct ingress *ing);

#endif
