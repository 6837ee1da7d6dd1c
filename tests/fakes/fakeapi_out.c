#include <stdio.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

#define CHUNK (64u * 1024)

static const char *phrase_of(int status)
{
    static const struct {
        int code;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},          {400, "Bad Request"},         {401, "Unauthorized"},
        {403, "Forbidden"},   {404, "Not Found"},           {405, "Method Not Allowed"},
        {410, "Gone"},        {429, "Too Many Requests"},   {500, "Internal Server Error"},
        {502, "Bad Gateway"}, {503, "Service Unavailable"}, {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
        if (phrases[i].code == status) {
            return phrases[i].phrase;
        }
    }
    return "Some Status";
}

static bool over(struct fakeapi_call *call, enum fakeapi_cut how)
{
    call->end = how;
    return false;
}

/* Write, in drips if so scripted. */
static bool drip(struct fakeapi_call *call, const char *bytes, size_t len)
{
    size_t step = call->a.drip_bytes > 0 ? call->a.drip_bytes : len;

    while (len > 0) {
        size_t n = step < len ? step : len;

        if (!fakeapi_conn_write(call->conn, bytes, n) ||
            (call->a.drip_bytes > 0 && !fakeapi_conn_pause(call->conn, call->a.drip_ms))) {
            return over(call, FAKEAPI_FIN);
        }
        bytes += n;
        len -= n;
    }
    return true;
}

bool fakeapi_out_head(struct fakeapi_call *call, int status, const char *type, size_t len)
{
    struct fakeapi_text t = {0};
    bool going;

    call->is_chunked = len == SIZE_MAX;
    fakeapi_text_addf(&t,
                      "HTTP/1.1 %d %s\r\nAudit-Id: %08x\r\nCache-Control: no-cache, private\r\n"
                      "Content-Type: %s\r\n",
                      status, phrase_of(status), call->r.number, type);
    if (call->is_chunked) {
        fakeapi_text_adds(&t, "Transfer-Encoding: chunked\r\n");
    } else {
        fakeapi_text_addf(&t, "Content-Length: %zu\r\n", len);
    }
    if (!call->q.keeps_alive) {
        fakeapi_text_adds(&t, "Connection: close\r\n");
    }
    fakeapi_text_adds(&t, call->b.extra_head != NULL ? call->b.extra_head : "");
    fakeapi_text_adds(&t, call->a.head != NULL ? call->a.head : "");
    fakeapi_text_adds(&t, "\r\n");
    fakeapi_log_set_status(call->conn->api, call->r.number, status);
    if (call->a.drip_head) {
        going = drip(call, t.s, t.len);
    } else {
        going = fakeapi_conn_write(call->conn, t.s, t.len) || over(call, FAKEAPI_FIN);
    }
    fakeapi_text_free(&t);
    if (going && call->a.cut != FAKEAPI_UNCUT && call->a.cut_after == 0) {
        fakeapi_out_cut(call, call->a.cut);
        return false;
    }
    return going;
}

/* One piece of the body: a chunk, where there are chunks. */
static bool write_piece(struct fakeapi_call *call, const char *bytes, size_t len)
{
    char framed[CHUNK + 32];
    int n;

    if (!call->is_chunked) {
        return drip(call, bytes, len);
    }
    n = snprintf(framed, sizeof(framed), "%zx\r\n", len);
    memcpy(framed + n, bytes, len);
    memcpy(framed + n + len, "\r\n", 2);
    return drip(call, framed, (size_t)n + len + 2);
}

bool fakeapi_out_body(struct fakeapi_call *call, const char *bytes, size_t len)
{
    size_t step = call->b.piece_bytes;

    if (call->a.drip_bytes > 0) {
        step = call->a.drip_bytes;
    }
    if (step == 0 || step > CHUNK) {
        step = CHUNK;
    }
    while (len > 0) {
        size_t n = step < len ? step : len;

        if (call->a.cut != FAKEAPI_UNCUT && call->a.cut_after - call->sent < n) {
            n = call->a.cut_after - call->sent;
        }
        if (n > 0 && !write_piece(call, bytes, n)) {
            return false;
        }
        call->sent += n;
        bytes += n;
        len -= n;
        if (call->a.cut != FAKEAPI_UNCUT && call->sent == call->a.cut_after) {
            fakeapi_out_cut(call, call->a.cut);
            return false;
        }
    }
    return true;
}

void fakeapi_out_cut(struct fakeapi_call *call, enum fakeapi_cut how)
{
    call->end = how;
    if (how == FAKEAPI_CLEAN) {
        if (!call->is_chunked || !fakeapi_conn_write(call->conn, "0\r\n\r\n", 5)) {
            call->end = FAKEAPI_CLOSE;
        }
    } else if (how == FAKEAPI_STALL) {
        while (fakeapi_conn_read(call->conn, 0) != FAKEAPI_ENDED) {
        }
        call->end = FAKEAPI_FIN;
    }
}

void fakeapi_out_finish(struct fakeapi_call *call)
{
    if (call->a.cut != FAKEAPI_UNCUT) {
        fakeapi_out_cut(call, call->a.cut);
    } else if (call->is_chunked) {
        fakeapi_out_cut(call, FAKEAPI_CLEAN);
    }
    if (!call->q.keeps_alive && call->end == FAKEAPI_CLEAN) {
        call->end = FAKEAPI_CLOSE;
    }
}

void fakeapi_out_json(struct fakeapi_call *call, int status, const struct fakeapi_text *body)
{
    size_t len = body->len > 2048 ? SIZE_MAX : body->len;

    if (fakeapi_out_head(call, status, "application/json", len) &&
        fakeapi_out_body(call, body->s, body->len)) {
        fakeapi_out_finish(call);
    }
}

void fakeapi_out_status(struct fakeapi_call *call, int code, const char *message,
                        const char *details)
{
    struct fakeapi_text t = {0};

    fakeapi_kinds_status(&t, code, NULL, message, details);
    fakeapi_text_add(&t, "\n", 1);
    fakeapi_out_json(call, code, &t);
    fakeapi_text_free(&t);
}
