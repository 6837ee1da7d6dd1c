/**
 * kubeoptions - everything libcurl is told about one request.
 */
#ifndef KUBE_KUBEOPTIONS_PRIV_H
#define KUBE_KUBEOPTIONS_PRIV_H

#include <curl/curl.h>

#include "base/attr.h"

struct kuberequest_config;
struct kuberequest_launch;

/** All borrowed, and until the transfer is gone but for `launch`. */
struct kubeoptions {
    const struct kuberequest_config *cfg;
    const struct kuberequest_launch *launch;
    struct curl_slist *headers, *connect_to;
    char *key;                         /* PEM; NULL: none */
    curl_prereq_callback on_connected; /* CURLOPT_PREREQFUNCTION */
    curl_sockopt_callback on_socket;   /* CURLOPT_SOCKOPTFUNCTION */
    void *ctx;                         /* of both; also CURLOPT_PRIVATE */
};

MUST_CHECK CURLcode kubeoptions_apply(const struct kubeoptions *o, CURL *easy);

/** Let the kernel find out that the peer is dead: keepalive, and a limit for what it leaves
 * unacknowledged; and keep the socket from programs we start. */
void kubeoptions_tune_socket(int fd);

#endif
