#include "kubewarnings_priv.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

static const char NAME[] = "Warning:";

/* The quoted text of `299 - "text"`, or all of a value that is not of this form. */
static void find_text(const char **at, size_t *len)
{
    const char *open = memchr(*at, '"', *len);
    const char *close = memrchr(*at, '"', *len);

    if (open != NULL && close > open) {
        *at = open + 1;
        *len = (size_t)(close - open - 1);
    }
    for (; *len > 0 && **at == ' '; (*at)++) {
        (*len)--;
    }
}

static bool is_told(const struct kubewarnings *w, const char *text, size_t len)
{
    for (size_t i = 0; i < w->n; i++) {
        if (strlen(w->told[i]) == len && memcmp(w->told[i], text, len) == 0) {
            return true;
        }
    }
    return false;
}

static void tell(const char *text, size_t len)
{
    struct log_line l;

    if (!log_enabled(LOG_WARN)) {
        return;
    }
    log_line_begin(&l, LOG_WARN, "the API server warns");
    log_line_strn(&l, "warning", text, len);
    log_line_send(&l);
}

void kubewarnings_hear(struct kubewarnings *w, const char *line, size_t len)
{
    const size_t name = sizeof(NAME) - 1;
    char *copy;

    if (len < name || strncasecmp(line, NAME, name) != 0 || w->n == LIMIT_KUBE_WARNINGS) {
        return;
    }
    line += name;
    len -= name;
    find_text(&line, &len);
    if (len > LIMIT_LOG_VALUE) {
        len = LIMIT_LOG_VALUE; /* all that is written */
    }
    if (is_told(w, line, len)) {
        return;
    }
    tell(line, len);
    copy = strndup(line, len);
    if (copy != NULL) { /* without memory it is told again */
        w->told[w->n++] = copy;
    }
}

void kubewarnings_fini(struct kubewarnings *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->told[i]);
    }
    memset(w, 0, sizeof(*w));
}
