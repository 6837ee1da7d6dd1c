/**
 * decoded - an object decoded from JSON text, with its verdicts, for tests.
 *
 * JSON is written as for json_text_parse(), with ' for ".  The line of a node is made up: 100
 * and the length of its key, so that a test can tell which field a verdict points to.
 */
#ifndef SUPPORT_DECODED_H
#define SUPPORT_DECODED_H

#include <cjson/cJSON.h>

#include "model/decode.h"
#include "model/verdict.h"

struct decoded {
    cJSON *tree;
    enum decode_result result;
    struct objmeta *o; /* NULL unless DECODE_OK */
    struct verdicts v;
};

/** Decode as from the file "test.yaml". */
void decoded_init(struct decoded *d, const char *json);

/** Decode as from an API server: no file, no lines. */
void decoded_init_api(struct decoded *d, const char *json);

void decoded_fini(struct decoded *d);

/** The first verdict with this reason, or NULL. */
const struct verdict *decoded_verdict(const struct decoded *d, const char *reason);

/** The source that decoded_init() uses. */
extern const struct decode_source decoded_source;

#endif
