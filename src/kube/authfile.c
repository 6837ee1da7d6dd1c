#include "authfile_priv.h"

#include <string.h>

#include "base/secret.h"
#include "kubefile_priv.h"
#include "kubetoken_priv.h"

void authfile_fini(struct authfile *f)
{
    secret_replace(&f->text, NULL);
    secret_replace(&f->read, NULL);
}

const char *authfile_text(const struct authfile *f)
{
    return f->path != NULL ? f->text : f->given;
}

bool authfile_is_due(const struct authfile *f, uint64_t now_ms, uint64_t every_ms)
{
    return f->path != NULL && (f->is_stale || now_ms >= f->read_ms + every_ms);
}

int authfile_read(struct authfile *f, struct err *e)
{
    char *text;
    int rc = kubefile_read(f->path, f->max_bytes, &text, e);

    if (rc != 0) {
        err_prefix(e, "%s %s", f->what, f->path);
        return rc;
    }
    kubetoken_trim(text);
    secret_replace(&f->read, text);
    return 0;
}

bool authfile_accept(struct authfile *f, uint64_t now_ms)
{
    bool differs = f->text == NULL || strcmp(f->text, f->read) != 0;

    secret_replace(&f->text, f->read);
    f->read = NULL;
    f->read_ms = now_ms;
    f->is_stale = false;
    return differs;
}

void authfile_reject(struct authfile *f)
{
    secret_replace(&f->read, NULL);
}
