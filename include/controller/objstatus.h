/**
 * objstatus - what an Ingress's status.loadBalancer should say, and the patch that makes it so.
 *
 * Pure.  Ours are the addresses we publish now, and those we are known to have written before;
 * whatever else stands there is others' and stays.
 */
#ifndef CONTROLLER_OBJSTATUS_H
#define CONTROLLER_OBJSTATUS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/limits.h"
#include "model/object.h"

#define OBJSTATUS_ADDRESSES LIMIT_STATUS_ADDRESSES /* of one list; further ones are left out */
#define OBJSTATUS_PATCH_BYTES                                                                      \
    (LIMIT_STATUS_ADDRESSES * (LIMIT_STATUS_ENTRY_BYTES + 1024ul) + 1024ul) /* of any patch */

/** Addresses; a list to publish is sorted (hostnames, then IPs), without duplicates.  Texts
 * borrowed. */
struct objstatus_list {
    struct object_address items[OBJSTATUS_ADDRESSES];
    size_t n;
};

/** Whether two entries name the same place, however their IP is spelt. */
bool objstatus_same(const struct object_address *a, const struct object_address *b);

/** Put an address where it belongs in a list to publish, if it is not there yet. */
void objstatus_add(struct objstatus_list *list, const char *ip, const char *hostname);

/**
 * What the Service stands for: the load balancer's addresses and externalIPs (LoadBalancer),
 * externalIPs or the ClusterIPs (NodePort), the ClusterIPs, or the name (ExternalName).  Texts live
 * as long as `s`.
 */
void objstatus_of_service(const struct service *s, struct objstatus_list *out);

/** From --publish-address: IPs and host names.  Texts borrowed. */
void objstatus_of_options(const char *const *addresses, size_t n, struct objstatus_list *out);

/**
 * What should stand there: others' entries of `has` in their order, then `want` (nothing when the
 * Ingress is not served).  `before`: what was ours at any time; of it goes what is not wanted.
 * Returns whether that differs from `has`, whatever the order; never when `has` is more than is
 * kept here (addresses_cut).  `out` borrows the texts of both.
 */
bool objstatus_merge(const struct ingress *has, const struct objstatus_list *want,
                     const struct objstatus_list *before, struct objstatus_list *out);

/** Append a merge patch with metadata.resourceVersion, so that it is refused (409) when the object
 * has changed.  0, -ENOMEM, or as buf_append(). */
MUST_CHECK int objstatus_patch(struct buf *b, const char *resource_version,
                               const struct objstatus_list *list);

#endif
