#include <stdio.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

static const struct fakeapi_kind kinds[] = {
    {FAKEAPI_INGRESSES, "/apis/networking.k8s.io/v1", "networking.k8s.io", "networking.k8s.io/v1",
     "ingresses", "Ingress", true, ",\"spec\":{},\"status\":{\"loadBalancer\":{}}"},
    {FAKEAPI_INGRESSCLASSES, "/apis/networking.k8s.io/v1", "networking.k8s.io",
     "networking.k8s.io/v1", "ingressclasses", "IngressClass", false, ",\"spec\":{}"},
    {FAKEAPI_SERVICES, "/api/v1", "", "v1", "services", "Service", true,
     ",\"spec\":{},\"status\":{\"loadBalancer\":{}}"},
    {FAKEAPI_ENDPOINTS, "/api/v1", "", "v1", "endpoints", "Endpoints", true, ""},
    {FAKEAPI_ENDPOINTSLICES, "/apis/discovery.k8s.io/v1", "discovery.k8s.io", "discovery.k8s.io/v1",
     "endpointslices", "EndpointSlice", true,
     ",\"addressType\":\"\",\"endpoints\":null,\"ports\":null"},
};
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

const struct fakeapi_kind *fakeapi_kinds_of(enum fakeapi_resource res)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (kinds[i].resource == res) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct fakeapi_kind *fakeapi_kinds_find(struct fakeapi_span api_version,
                                              struct fakeapi_span kind)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (fakeapi_json_is(api_version, kinds[i].api_version) &&
            fakeapi_json_is(kind, kinds[i].kind)) {
            return &kinds[i];
        }
    }
    return NULL;
}

const struct fakeapi_kind *fakeapi_kinds_at(const char *path, const char *plural)
{
    for (size_t i = 0; i < N_KINDS; i++) {
        if (strcmp(path, kinds[i].path) == 0 && strcmp(plural, kinds[i].plural) == 0) {
            return &kinds[i];
        }
    }
    return NULL;
}

static const char *usual_reason(int code)
{
    static const struct {
        int code;
        const char *reason;
    } reasons[] = {
        {400, "BadRequest"},      {401, "Unauthorized"},     {403, "Forbidden"},
        {404, "NotFound"},        {405, "MethodNotAllowed"}, {406, "NotAcceptable"},
        {409, "Conflict"},        {410, "Expired"},          {422, "Invalid"},
        {429, "TooManyRequests"}, {500, "InternalError"},    {503, "ServiceUnavailable"},
        {504, "Timeout"},
    };

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (reasons[i].code == code) {
            return reasons[i].reason;
        }
    }
    return "InternalError";
}

void fakeapi_kinds_status(struct fakeapi_text *t, int code, const char *reason, const char *message,
                          const char *details)
{
    fakeapi_text_adds(t, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},"
                         "\"status\":\"Failure\",\"message\":");
    fakeapi_text_add_quoted(t, message);
    if (reason == NULL) {
        reason = usual_reason(code);
    }
    if (reason[0] != '\0') {
        fakeapi_text_addf(t, ",\"reason\":\"%s\"", reason);
    }
    if (details != NULL) {
        fakeapi_text_addf(t, ",\"details\":%s", details);
    }
    fakeapi_text_addf(t, ",\"code\":%d}", code);
}

char *fakeapi_status(int code, const char *reason, const char *message)
{
    struct fakeapi_text t = {0};

    fakeapi_kinds_status(&t, code, reason, message, NULL);
    return t.s;
}

char *fakeapi_error_event(int code, const char *reason, const char *message)
{
    struct fakeapi_text t = {0};

    fakeapi_text_adds(&t, "{\"type\":\"ERROR\",\"object\":");
    fakeapi_kinds_status(&t, code, reason, message, NULL);
    fakeapi_text_adds(&t, "}\n");
    return t.s;
}

char *fakeapi_too_large(uint64_t wanted, uint64_t current, bool with_cause)
{
    struct fakeapi_text t = {0};
    char message[128];

    snprintf(message, sizeof(message), "Timeout: Too large resource version: %llu, current: %llu",
             (unsigned long long)wanted, (unsigned long long)current);
    fakeapi_kinds_status(&t, 504, NULL, message,
                         with_cause ? "{\"causes\":[{\"reason\":\"ResourceVersionTooLarge\","
                                      "\"message\":\"Too large resource version\"}],"
                                      "\"retryAfterSeconds\":1}"
                                    : NULL);
    return t.s;
}
