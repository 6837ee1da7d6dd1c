#include "base/heap.h"

#include <malloc.h>

/* Free memory at the end of an arena that is kept for what comes next: buffers of connections come
 * and go, and each time the kernel would have to find and zero pages for them. */
#define KEPT_BYTES (2 * 1024 * 1024)

void heap_setup(void)
{
    /* Left alone, glibc raises the first of these to the size of whatever large block is freed, a
     * file's text, say; the tables that come later then leave holes among small blocks. */
    (void)mallopt(M_MMAP_THRESHOLD, (int)HEAP_APART_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

bool heap_trim(void)
{
    return malloc_trim(0) == 1;
}
