/**
 * reflectorlist - a reflector's list: its pages, and what to do where they cannot be had.
 */
#ifndef KUBE_REFLECTORLIST_PRIV_H
#define KUBE_REFLECTORLIST_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "kube/reflector.h"

/** Begin a list, or begin it again, after a wait. */
void reflectorlist_anew(struct reflector *r, enum reflector_cause cause, uint64_t now_ms,
                        uint64_t wait_ms);

/** The pages so far are worth nothing any more. */
void reflectorlist_forget(struct reflector *r);

/** As reflector_page(). */
MUST_CHECK int reflectorlist_page(struct reflector *r, const char *version, const char *next_page,
                                  uint64_t now_ms, uint32_t random);

/** As reflector_refused(), while a list runs. */
bool reflectorlist_refused(struct reflector *r, const struct kubestatus *why, uint64_t now_ms,
                           uint32_t random);

#endif
