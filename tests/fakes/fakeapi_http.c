#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fakes/fakeapi_priv.h"

/* The length of the head at the beginning of c->in; 0: it is not complete. */
static size_t head_length(const struct fakeapi_conn *c)
{
    const char *end = memmem(c->in, c->n_in, "\r\n\r\n", 4);

    return end != NULL ? (size_t)(end - c->in) + 4 : 0;
}

static void consume(struct fakeapi_conn *c, size_t n)
{
    c->n_in -= n;
    memmove(c->in, c->in + n, c->n_in);
}

/* Wait for a whole head; 0: the connection ends. */
static size_t await_head(struct fakeapi_conn *c)
{
    size_t n;

    while ((n = head_length(c)) == 0) {
        if (fakeapi_conn_read(c, 0) == FAKEAPI_ENDED) {
            return 0;
        }
    }
    return n;
}

/* Read and drop a body of `left` bytes. */
static bool drop_body(struct fakeapi_conn *c, size_t left)
{
    while (left > 0) {
        size_t n = left < c->n_in ? left : c->n_in;

        consume(c, n);
        left -= n;
        if (left > 0 && fakeapi_conn_read(c, 0) == FAKEAPI_ENDED) {
            return false;
        }
    }
    return true;
}

static void take_header(struct fakeapi_call *call, const char *name, const char *value,
                        size_t *body_len)
{
    struct fakeapi_request *r = &call->r;

    if (strcasecmp(name, "Authorization") == 0) {
        snprintf(r->authorization, sizeof(r->authorization), "%s", value);
        snprintf(call->q.authorization, sizeof(call->q.authorization), "%s", value);
    } else if (strcasecmp(name, "Accept") == 0) {
        snprintf(r->accept, sizeof(r->accept), "%s", value);
    } else if (strcasecmp(name, "Accept-Encoding") == 0) {
        snprintf(r->accept_encoding, sizeof(r->accept_encoding), "%s", value);
        call->q.accepts_gzip = strstr(value, "gzip") != NULL;
    } else if (strcasecmp(name, "User-Agent") == 0) {
        snprintf(r->user_agent, sizeof(r->user_agent), "%s", value);
    } else if (strcasecmp(name, "Connection") == 0) {
        call->q.keeps_alive = strcasecmp(value, "close") != 0;
    } else if (strcasecmp(name, "Content-Length") == 0) {
        *body_len = strtoull(value, NULL, 10);
    }
}

/* Split the head, which is terminated and changed by this.  false: no HTTP. */
static bool parse_head(struct fakeapi_call *call, char *head, size_t *body_len)
{
    char *rest = head, *line = strsep(&rest, "\n");
    char *target, *method = strsep(&line, " ");

    target = strsep(&line, " ");
    if (target == NULL || line == NULL || strncmp(line, "HTTP/1.", 7) != 0) {
        return false;
    }
    snprintf(call->r.method, sizeof(call->r.method), "%s", method);
    call->q.keeps_alive = line[7] == '1';
    fakeapi_target_parse(call->conn->api, target, call);
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, ':');

        line[strcspn(line, "\r")] = '\0';
        if (value != NULL) {
            *value++ = '\0';
            take_header(call, line, value + strspn(value, " "), body_len);
        }
    }
    return true;
}

static void fix_behaviour(struct fakeapi_call *call)
{
    const struct fakeapi *api = call->conn->api;

    call->b = api->behaviour;
    call->b.extra_head = fakeapi_text_copy(api->extra_head);
}

/* Read one request into `call`; false: there is none. */
static bool read_request(struct fakeapi_call *call)
{
    struct fakeapi_conn *c = call->conn;
    size_t n = await_head(c), body_len = 0;
    char *head;
    bool good;

    if (n == 0) {
        return false;
    }
    head = fakeapi_text_copy_n(c->in, n);
    consume(c, n);
    good = parse_head(call, head, &body_len) && drop_body(c, body_len);
    free(head);
    if (!good) {
        return false;
    }
    call->r.connection = c->number;
    memcpy(call->r.client, c->client, sizeof(call->r.client));
    pthread_mutex_lock(&c->api->lock);
    fakeapi_log_add(c->api, &call->r);
    fakeapi_script_take(c->api, call);
    fix_behaviour(call);
    pthread_mutex_unlock(&c->api->lock);
    return true;
}

static enum fakeapi_cut converse(struct fakeapi_conn *c)
{
    struct fakeapi_call *call = fakeapi_text_alloc(sizeof(*call));
    enum fakeapi_cut end = FAKEAPI_CLEAN;

    while (end == FAKEAPI_CLEAN) {
        *call = (struct fakeapi_call){.conn = c, .end = FAKEAPI_CLEAN};
        if (!read_request(call)) {
            end = FAKEAPI_CLOSE;
            break;
        }
        fakeapi_serve_call(call);
        end = call->end;
        fakeapi_script_free_answer(&call->a);
        free((void *)(uintptr_t)call->b.extra_head);
    }
    free(call);
    return end;
}

void *fakeapi_http_run(void *conn)
{
    struct fakeapi_conn *c = conn;
    struct fakeapi *api = c->api;
    enum fakeapi_cut end = FAKEAPI_FIN;

    if (fakeapi_conn_greet(c)) {
        end = converse(c);
    }
    pthread_mutex_lock(&api->lock);
    if (c->doom != FAKEAPI_UNCUT) {
        end = c->doom;
    }
    pthread_mutex_unlock(&api->lock);
    fakeapi_conn_end(c, end);
    pthread_mutex_lock(&api->lock);
    c->has_ended = true;
    api->n_open--;
    pthread_cond_broadcast(&api->changed);
    pthread_mutex_unlock(&api->lock);
    return NULL;
}
