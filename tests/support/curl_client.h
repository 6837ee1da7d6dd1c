/**
 * curl_client - an HTTP client by libcurl that the test turns: requests, streams, how they end.
 *
 * One thread; one request at a time, over the same connection where the server keeps it.
 */
#ifndef SUPPORT_CURL_CLIENT_H
#define SUPPORT_CURL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

struct curl_client {
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    char *head, *text; /* what has come, terminated; never NULL */
    size_t head_len, len;
    bool done;
    CURLcode result; /* once done */
    long status;
};

/** `ca`: PEM file, or NULL for plain http. */
void curl_client_init(struct curl_client *c, const char *ca);
void curl_client_fini(struct curl_client *c);

/** Send this header line with requests to come. */
void curl_client_header(struct curl_client *c, const char *line);

/** Begin a GET; what came before is dropped. */
void curl_client_start(struct curl_client *c, const char *base, const char *path);

/** Turn until the answer's body has these words; false: it ended without, or 20 s passed. */
bool curl_client_until(struct curl_client *c, const char *words);

/** Turn until the answer is over; its status, or 0 without one.  Fails the test after 20 s. */
long curl_client_end(struct curl_client *c);

/** Both. */
long curl_client_get(struct curl_client *c, const char *base, const char *path);

/** Let it read and write what it can within `ms`. */
void curl_client_turn(struct curl_client *c, int ms);

/** How often the words are in the body. */
unsigned curl_client_count(const struct curl_client *c, const char *words);

#endif
