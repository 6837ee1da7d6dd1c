/**
 * resourceversion - which of two resourceVersions of one resource is newer.
 *
 * Since Kubernetes 1.35 they are decimal integers of up to 128 bits that may be compared within one
 * resource (KEP-5504).  Whatever is no such number is opaque: equal or not, no more.
 */
#ifndef KUBE_RESOURCEVERSION_H
#define KUBE_RESOURCEVERSION_H

enum resourceversion_order { RV_OLDER, RV_SAME, RV_NEWER, RV_UNKNOWN };

#define RESOURCEVERSION_MAX 64 /* with terminator; a longer one is refused where it is read */

/** How `a` stands to `b`: RV_OLDER when a is.  "" and "0" are unknown to all but themselves. */
enum resourceversion_order resourceversion_compare(const char *a, const char *b);

#endif
