/**
 * leaserecord - a Lease as it stands on the wire.
 */
#ifndef KUBE_LEASERECORD_PRIV_H
#define KUBE_LEASERECORD_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "kube/lease.h"

struct buf;

/** From a Lease object; absent fields read as empty, a holder that is too long is cut to
 * LEASE_IDENTITY_MAX - 1 bytes.  0, or -EBADMSG. */
MUST_CHECK int leaserecord_parse(struct lease_record *r, const cJSON *lease);

/** From the text of an answer.  0, -EBADMSG or -ENOMEM. */
MUST_CHECK int leaserecord_read(struct lease_record *r, const void *bytes, size_t len);

/** Append the merge patch (RFC 7396) that makes a Lease say this, provided it still has the
 * record's version; labels, annotations and what else stands there stay.  0, -ENOBUFS or -ENOMEM.
 */
MUST_CHECK int leaserecord_print(const struct lease_record *r, struct buf *out);

/** Whether both specs say the same, whatever the versions are. */
bool leaserecord_is_same(const struct lease_record *a, const struct lease_record *b);

#endif
