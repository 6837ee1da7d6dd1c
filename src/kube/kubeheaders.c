#include "kubeheaders_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "kube/kubeaccess.h"

#define LINE_BYTES 65536u /* name and value of one header */

void kubeheaders_free(struct curl_slist *list)
{
    for (struct curl_slist *at = list; at != NULL; at = at->next) {
        explicit_bzero(at->data, strlen(at->data));
    }
    curl_slist_free_all(list);
}

static int append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL) {
        return -ENOMEM;
    }
    *list = longer;
    return 0;
}

/* RFC 9110 5.5: no control characters, so that a value cannot become a header of its own. */
static bool is_value(const char *text)
{
    for (; *text != '\0'; text++) {
        if (iscntrl((unsigned char)*text) && *text != '\t') {
            return false;
        }
    }
    return true;
}

static int append_value(struct curl_slist **list, const char *name, const char *scheme,
                        const char *value)
{
    size_t size = strlen(name) + strlen(scheme) + strlen(value) + sizeof(": ");
    struct buf line;
    int rc;

    if (!is_value(value)) {
        return -EINVAL;
    }
    buf_init(&line, LINE_BYTES);
    rc = buf_reserve(&line, size); /* in one piece, lest growing leave a copy of a secret behind */
    if (rc == 0) {
        /* "Name:" alone would take the header away. */
        (void)snprintf((char *)line.data, size, "%s%s%s%s", name, *value != '\0' ? ": " : ";",
                       scheme, value);
        rc = append(list, (const char *)line.data);
        explicit_bzero(line.data, size);
    }
    buf_fini(&line);
    return rc == -ENOBUFS ? -EINVAL : rc;
}

/* As client-go has it: what cannot stand in a header's name is percent-encoded. */
static int append_extra(struct curl_slist **list, const char *key, const char *value)
{
    struct buf name;
    int rc;

    buf_init(&name, LINE_BYTES);
    rc = buf_printf(&name, "Impersonate-Extra-");
    for (; rc == 0 && *key != '\0'; key++) {
        bool is_legal = isalnum((unsigned char)*key) || strchr("!#$&'*+-.^_`|~", *key) != NULL;

        rc = buf_printf(&name, is_legal ? "%c" : "%%%02X", (unsigned char)*key);
    }
    if (rc == 0) {
        rc = buf_append(&name, "", 1);
    }
    if (rc == 0) {
        rc = append_value(list, (const char *)name.data, "", value);
    }
    buf_fini(&name);
    return rc;
}

static int append_impersonation(struct curl_slist **list, const struct kubeaccess *a)
{
    int rc = 0;

    if (a->as_user != NULL) {
        rc = append_value(list, "Impersonate-User", "", a->as_user);
    }
    if (rc == 0 && a->as_uid != NULL) {
        rc = append_value(list, "Impersonate-Uid", "", a->as_uid);
    }
    for (char **group = a->as_groups; rc == 0 && group != NULL && *group != NULL; group++) {
        rc = append_value(list, "Impersonate-Group", "", *group);
    }
    for (char **pair = a->as_extra; rc == 0 && pair != NULL && *pair != NULL; pair += 2) {
        rc = append_extra(list, pair[0], pair[1]);
    }
    return rc;
}

int kubeheaders_make(const struct kubeheaders_query *q, struct curl_slist **out)
{
    struct curl_slist *list = NULL;
    int rc = append(&list, "Accept: application/json");

    if (rc == 0) {
        rc = append(&list, "Expect:"); /* no 100-continue: it would stall a body */
    }
    if (rc == 0 && q->host != NULL) {
        rc = append(&list, q->host);
    }
    if (rc == 0 && q->content_type != NULL) {
        rc = append_value(&list, "Content-Type", "", q->content_type);
    }
    if (rc == 0 && q->token != NULL) {
        rc = append_value(&list, "Authorization", "Bearer ", q->token);
    }
    if (rc == 0) {
        rc = append_impersonation(&list, q->access);
    }
    if (rc != 0) {
        kubeheaders_free(list);
        return rc;
    }
    *out = list;
    return 0;
}
