/**
 * secret - texts that are overwritten before their memory is given back.
 *
 * A token or a private key must not stay behind in freed memory, where a core dump or a later bug
 * would find it.  Knows nothing of what is secret: the caller does.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stddef.h>

#include <cjson/cJSON.h>

#include "base/attr.h"
#include "base/buf.h"

/** Overwrite a terminated text and free it; NULL is ignored. */
void secret_free(char *text);

/** The same with every text of a NULL-terminated list, and the list; NULL is ignored. */
void secret_free_list(char **list);

/** Overwrite every text of a tree and delete it; NULL is ignored.  Recurses as deep as the tree,
 * which its parser has bounded, as cJSON_Delete() does. */
void secret_free_tree(cJSON *tree);

/** Overwrite all a buffer has room for and free it; it is empty and usable afterwards. */
void secret_free_buf(struct buf *b);

/** As buf_append(), but what the buffer grows out of is overwritten. */
MUST_CHECK int secret_append(struct buf *b, const void *bytes, size_t n);

/** Put `text` (owned, may be NULL) in place of what `*slot` holds. */
void secret_replace(char **slot, char *text);

#endif
