/**
 * kubefailure - what libcurl says when there is no answer, in words for an operator.
 */
#ifndef KUBE_KUBEFAILURE_PRIV_H
#define KUBE_KUBEFAILURE_PRIV_H

#include <stddef.h>

#include <curl/curl.h>

/** How a transfer failed. */
struct kubefailure {
    CURLcode code;
    const char *detail; /* CURLOPT_ERRORBUFFER; "" where it says nothing */
    int os_errno;       /* CURLINFO_OS_ERRNO; 0: none */
};

/** "SERVER: what is wrong: detail"; cut to fit. */
void kubefailure_say(const struct kubefailure *f, const char *server, char *out, size_t size);

#endif
