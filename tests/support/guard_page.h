/**
 * guard_page - bytes whose end touches an unmapped page, so that one byte read too far is a fault.
 */
#ifndef SUPPORT_GUARD_PAGE_H
#define SUPPORT_GUARD_PAGE_H

#include <stddef.h>
#include <stdint.h>

struct guard_page {
    uint8_t *base;
    size_t bytes; /* mapped in front of the guard */
};

/** Room for copies of up to `max_bytes`; stops the test when there is no memory. */
void guard_page_init(struct guard_page *g, size_t max_bytes);
void guard_page_fini(struct guard_page *g);

/** Copy `n` bytes so that the last one touches the guard; valid until the next copy. */
const uint8_t *guard_page_copy(struct guard_page *g, const uint8_t *bytes, size_t n);

#endif
