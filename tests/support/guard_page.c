#include "support/guard_page.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/attr.h"

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void guard_page_init(struct guard_page *g, size_t max_bytes)
{
    size_t page = page_bytes();
    g->bytes = (max_bytes + page - 1) / page * page;
    g->base =
        mmap(NULL, g->bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(g->base != MAP_FAILED);
    int rc = mprotect(g->base + g->bytes, page, PROT_NONE);
    ASSERT(rc == 0);
}

void guard_page_fini(struct guard_page *g)
{
    (void)munmap(g->base, g->bytes + page_bytes()); /* nothing to do about it in a test */
}

const uint8_t *guard_page_copy(struct guard_page *g, const uint8_t *bytes, size_t n)
{
    uint8_t *at;

    ASSERT(n <= g->bytes);
    at = g->base + g->bytes - n;
    if (n > 0) {
        memcpy(at, bytes, n);
    }
    return at;
}
