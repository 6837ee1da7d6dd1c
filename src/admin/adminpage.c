#include "adminpage_priv.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"

#define PLAIN_TEXT  "text/plain; charset=utf-8"
#define RETRY_AFTER "5" /* seconds */
#define REFUSAL_MAX 2048u

struct adminpage_budget *adminpage_budget_new(size_t page_max, size_t waiting_max)
{
    struct adminpage_budget *budget = calloc(1, sizeof(*budget));

    if (budget != NULL) {
        *budget =
            (struct adminpage_budget){.page_max = page_max, .waiting_max = waiting_max, .refs = 1};
    }
    return budget;
}

void adminpage_budget_unref(struct adminpage_budget *budget)
{
    if (budget != NULL && --budget->refs == 0) {
        free(budget);
    }
}

struct adminpage *adminpage_new(struct adminpage_budget *budget)
{
    size_t left = budget->waiting < budget->waiting_max ? budget->waiting_max - budget->waiting : 0;
    struct adminpage *page = calloc(1, sizeof(*page));

    if (page == NULL) {
        return NULL;
    }
    if (left > budget->page_max) {
        left = budget->page_max;
    }
    page->budget = budget;
    budget->refs++;
    page->reply.status = HTTP_OK;
    page->reply.content_type = PLAIN_TEXT;
    buf_init(&page->reply.body, left > LIMIT_ADMIN_SMALL_PAGE ? left : LIMIT_ADMIN_SMALL_PAGE);
    return page;
}

void adminpage_free(struct adminpage *page)
{
    page->budget->waiting -= page->charged;
    adminpage_budget_unref(page->budget);
    buf_fini(&page->reply.body);
    free(page);
}

void adminpage_refuse(struct adminpage *page, int status, const char *fmt, ...)
{
    struct adminserver_reply *reply = &page->reply;
    char text[REFUSAL_MAX];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_fini(&reply->body);
    reply->status = status;
    reply->content_type = PLAIN_TEXT;
    reply->verdict = NULL;
    (void)!buf_append(&reply->body, text, strlen(text)); /* without memory the status must do */
}

void adminpage_refuse_error(struct adminpage *page, int error)
{
    if (error == -ENOBUFS && page->reply.body.max >= page->budget->page_max) {
        adminpage_refuse(page, HTTP_INTERNAL,
                         "this page has become larger than the %zu MiB that one may have\n",
                         page->budget->page_max >> 20);
        return;
    }
    page->retry_after = RETRY_AFTER;
    if (error == -ENOBUFS) {
        adminpage_refuse(page, HTTP_SERVUNAVAIL,
                         "other clients have not taken their pages yet; try again\n");
    } else {
        adminpage_refuse(page, HTTP_SERVUNAVAIL, "this page cannot be made now: %s\n",
                         strerror(-error));
    }
}

/* --- Sending --------------------------------------------------------------------------------- */

static int add_headers(const struct adminpage *page, struct evhttp_request *req)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
    char length[24];
    const struct {
        const char *name, *value;
    } all[] = {
        {"Content-Type", page->reply.content_type},
        {"Content-Length", length},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Sealway-Verdict", page->reply.verdict},
        {"Allow", page->allow},
        {"Retry-After", page->retry_after},
        {"Connection", page->close ? "close" : NULL},
    };

    (void)snprintf(length, sizeof(length), "%zu", page->reply.body.len);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i].value != NULL && evhttp_add_header(headers, all[i].name, all[i].value) != 0) {
            return -ENOMEM;
        }
    }
    return 0;
}

static void on_taken(const void *data, size_t len, void *ctx)
{
    (void)data;
    (void)len;
    adminpage_free(ctx);
}

/* Hand the body over to `out`; the page goes when it is taken. */
static int give_body(struct adminpage *page, struct evbuffer *out)
{
    struct buf *body = &page->reply.body;

    page->charged = body->cap;
    page->budget->waiting += page->charged;
    return evbuffer_add_reference(out, body->data, body->len, on_taken, page) == 0 ? 0 : -ENOMEM;
}

int adminpage_send(struct adminpage *page, struct evhttp_request *req)
{
    bool bare = evhttp_request_get_command(req) == EVHTTP_REQ_HEAD || page->reply.body.len == 0;
    int status = page->reply.status;
    struct evbuffer *out = evbuffer_new();
    int rc = out != NULL ? add_headers(page, req) : -ENOMEM;

    if (rc == 0 && !bare) {
        rc = give_body(page, out);
    }
    if (rc != 0 || bare) {
        adminpage_free(page);
    }
    if (rc == 0) {
        evhttp_send_reply(req, status, NULL, out);
    }
    if (out != NULL) {
        evbuffer_free(out);
    }
    return rc;
}
