/**
 * kubeconfigread - typed reading of one entry of a kubeconfig, with complaints that name it.
 *
 * "kubeconfig FILE: users[3] (name "x").user.exec.command must be a text".  Never with the value:
 * it may be a secret in the wrong place.  The first complaint is kept; reading goes on as if what
 * was wrong were absent.  An empty text counts as absent.
 */
#ifndef KUBE_KUBECONFIGREAD_PRIV_H
#define KUBE_KUBECONFIGREAD_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/json.h"

struct kubeconfigread {
    struct json_reader reader;
    const char *path;    /* of the file */
    const char *section; /* "users"; NULL: the file as a whole */
    const char *name;    /* of the entry */
    size_t index;
    struct err *e;
    int rc; /* 0, -EINVAL, -ENOMEM: the first failure */
};

/** Begin reading; the rest of the fields is the caller's to fill. */
void kubeconfigread_init(struct kubeconfigread *r, const char *path, struct err *e);

/** Complain about a place: `fmt` ends the sentence "<where> ...".  At once -EINVAL. */
void kubeconfigread_refuse(const struct json_at *at, const char *fmt, ...) PRINTF_LIKE(2, 3);

/** Memory ran out while reading. */
void kubeconfigread_starve(const struct json_at *at);

/** The field's text, borrowed; NULL when absent, empty or of another type (which is refused). */
const char *kubeconfigread_text(const struct json_at *object, const char *key);

/** The same as a copy; NULL also without memory.  With _line control characters are refused, for
 * it is to stand in a header or an environment; _path is made relative to the file's directory. */
char *kubeconfigread_copy(const struct json_at *object, const char *key);
char *kubeconfigread_line(const struct json_at *object, const char *key);
char *kubeconfigread_path(const struct json_at *object, const char *key);

/** A base64 text decoded; NULL when absent or refused. */
char *kubeconfigread_data(const struct json_at *object, const char *key);

/** A list of texts as a NULL-terminated copy; NULL when absent, empty or refused, as texts with
 * control characters are where each is to be a `line`. */
char **kubeconfigread_list(const struct json_at *object, const char *key, bool line);

/** The text of a list's item, likewise; "" stands. */
const char *kubeconfigread_item(struct json_at *item, bool line);

/** Whether there is no control character in it. */
bool kubeconfigread_is_line(const char *text);

#endif
