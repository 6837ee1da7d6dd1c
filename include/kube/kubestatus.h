/**
 * kubestatus - why the API server said no: its Status object, or what stands in for one.
 *
 * A refusal comes as an HTTP status with a Status object, with plain text or HTML (flow control,
 * proxies), or as the object of a watch's ERROR event under HTTP 200.  All become this.
 */
#ifndef KUBE_KUBESTATUS_H
#define KUBE_KUBESTATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#define KUBESTATUS_BODY_BYTES 65536u /* of an answer that is no success, read at most */

struct kubestatus {
    int code;          /* as in HTTP; 0: no answer at all (see message) */
    char reason[64];   /* "Expired", "Forbidden", ...: one word of letters and digits; made from the
                          code where there is none */
    char message[512]; /* for people; of any origin, so to be escaped where it is written */
    bool has_retry_after;
    uint32_t retry_after_s; /* details.retryAfterSeconds; a caller with the header puts that here */
    bool too_large_version; /* cause ResourceVersionTooLarge, or the old text of it */
};

/**
 * From a Status object (NULL is an empty one).  What is missing or of a wrong type reads as absent;
 * a code that is absent or outside 100..599 as 500.
 */
void kubestatus_from_json(struct kubestatus *s, const cJSON *tree);

/**
 * From an answer: `body` is parsed only when `content_type` (may be NULL) is JSON and it is a
 * Status; otherwise the message is its first line that is not blank, and the reason is made from
 * `code` as client-go does.  It is `code` that counts, whatever the body says.
 */
void kubestatus_from_answer(struct kubestatus *s, int code, const char *content_type,
                            const void *body, size_t len);

/** The same for the same cause: the code, or where there was no answer a digest of what the message
 * says but for numbers (times, addresses), which no code can be. */
uint32_t kubestatus_cause(const struct kubestatus *s);

/** No answer at all: code 0, reason "Unreachable", message as given. */
void kubestatus_unreachable(struct kubestatus *s, const char *message);

#endif
