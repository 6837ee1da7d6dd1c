/**
 * kubekind - whether an object is of the kind that was asked for, and has a name; it says its kind
 * itself afterwards.
 */
#ifndef KUBE_KUBEKIND_PRIV_H
#define KUBE_KUBEKIND_PRIV_H

#include <cjson/cJSON.h>

#include "base/attr.h"

struct kuberesource;

/**
 * 1 when `object` is an object of the resource's kind or does not say (items of a list do not):
 * apiVersion and kind are put in where absent.  0 when it is something else, or has no
 * metadata.name: no server stores such an object, and no later event could take it back.  -ENOMEM.
 */
MUST_CHECK int kubekind_admit(cJSON *object, const struct kuberesource *resource);

#endif
