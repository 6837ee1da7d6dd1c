#include "support/curl_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE_S 20

static void check(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "curl_client: %s\n", what);
        abort();
    }
}

static size_t append(char **text, size_t *len, const char *bytes, size_t n)
{
    *text = realloc(*text, *len + n + 1);
    check(*text != NULL, "memory");
    memcpy(*text + *len, bytes, n);
    *len += n;
    (*text)[*len] = '\0';
    return n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct curl_client *c = arg;

    return append(&c->text, &c->len, bytes, size * n);
}

static size_t on_head(char *bytes, size_t size, size_t n, void *arg)
{
    struct curl_client *c = arg;

    return append(&c->head, &c->head_len, bytes, size * n);
}

void curl_client_init(struct curl_client *c, const char *ca)
{
    *c = (struct curl_client){.multi = curl_multi_init(), .easy = curl_easy_init()};
    check(c->multi != NULL && c->easy != NULL, "curl_easy_init");
    curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
    curl_easy_setopt(c->easy, CURLOPT_CAINFO, ca);
    curl_easy_setopt(c->easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
    curl_easy_setopt(c->easy, CURLOPT_USERAGENT, "sealway-test");
    curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    append(&c->text, &c->len, "", 0);
    append(&c->head, &c->head_len, "", 0);
    c->done = true;
}

void curl_client_fini(struct curl_client *c)
{
    curl_multi_remove_handle(c->multi, c->easy);
    curl_easy_cleanup(c->easy);
    curl_multi_cleanup(c->multi);
    curl_slist_free_all(c->headers);
    free(c->text);
    free(c->head);
    *c = (struct curl_client){0};
}

void curl_client_header(struct curl_client *c, const char *line)
{
    c->headers = curl_slist_append(c->headers, line);
    check(c->headers != NULL, "curl_slist_append");
    curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

void curl_client_start(struct curl_client *c, const char *base, const char *path)
{
    char url[2048];

    curl_multi_remove_handle(c->multi, c->easy);
    snprintf(url, sizeof(url), "%s%s", base, path);
    curl_easy_setopt(c->easy, CURLOPT_URL, url);
    c->head_len = c->len = 0;
    c->head[0] = c->text[0] = '\0';
    c->done = false;
    c->status = 0;
    check(curl_multi_add_handle(c->multi, c->easy) == CURLM_OK, "curl_multi_add_handle");
}

void curl_client_turn(struct curl_client *c, int ms)
{
    int running = 0, left = 0;
    CURLMsg *m;

    check(curl_multi_perform(c->multi, &running) == CURLM_OK, "curl_multi_perform");
    while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            c->done = true;
            c->result = m->data.result;
            curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &c->status);
        }
    }
    if (!c->done) {
        check(curl_multi_poll(c->multi, NULL, 0, ms, NULL) == CURLM_OK, "curl_multi_poll");
    }
}

bool curl_client_until(struct curl_client *c, const char *words)
{
    time_t until = time(NULL) + PATIENCE_S;

    while (strstr(c->text, words) == NULL) {
        if (c->done || time(NULL) > until) {
            return false;
        }
        curl_client_turn(c, 100);
    }
    return true;
}

long curl_client_end(struct curl_client *c)
{
    time_t until = time(NULL) + PATIENCE_S;

    while (!c->done) {
        check(time(NULL) <= until, "no end");
        curl_client_turn(c, 100);
    }
    return c->status;
}

long curl_client_get(struct curl_client *c, const char *base, const char *path)
{
    curl_client_start(c, base, path);
    return curl_client_end(c);
}

unsigned curl_client_count(const struct curl_client *c, const char *words)
{
    unsigned n = 0;

    for (const char *at = c->text; (at = strstr(at, words)) != NULL; at += strlen(words)) {
        n++;
    }
    return n;
}
