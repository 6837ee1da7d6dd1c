#include <stdio.h>
#include <string.h>

#include "fakes/fakeapi_priv.h"

uint64_t fakeapi_put_class(struct fakeapi *api, const char *name, const char *controller)
{
    return fakeapi_putf(api,
                        "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"IngressClass\","
                        "\"metadata\":{\"name\":\"%s\"},\"spec\":{\"controller\":\"%s\"}}",
                        name, controller);
}

uint64_t fakeapi_put_ingress(struct fakeapi *api, const char *ns, const char *name,
                             const char *host, const char *service)
{
    char rule[300] = "";

    if (host != NULL) {
        snprintf(rule, sizeof(rule), "\"host\":\"%s\",", host);
    }
    return fakeapi_putf(
        api,
        "{\"apiVersion\":\"networking.k8s.io/v1\",\"kind\":\"Ingress\","
        "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"},"
        "\"spec\":{\"ingressClassName\":\"sealway\",\"rules\":[{%s\"http\":{\"paths\":["
        "{\"path\":\"/\",\"pathType\":\"Prefix\",\"backend\":{\"service\":{\"name\":\"%s\","
        "\"port\":{\"number\":443}}}}]}}]},\"status\":{\"loadBalancer\":{}}}",
        name, ns, rule, service);
}

uint64_t fakeapi_put_service(struct fakeapi *api, const char *ns, const char *name)
{
    return fakeapi_putf(
        api,
        "{\"apiVersion\":\"v1\",\"kind\":\"Service\","
        "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"},"
        "\"spec\":{\"type\":\"ClusterIP\",\"ports\":[{\"name\":\"https\",\"protocol\":\"TCP\","
        "\"port\":443,\"targetPort\":8443}]},\"status\":{\"loadBalancer\":{}}}",
        name, ns);
}

/* `before` and `after` around each address, with commas between. */
static void add_addresses(struct fakeapi_text *t, const char *addresses, const char *before,
                          const char *after)
{
    const char *comma = "";

    while (*(addresses += strspn(addresses, " ")) != '\0') {
        size_t len = strcspn(addresses, " ");

        fakeapi_text_addf(t, "%s%s\"%.*s\"%s", comma, before, (int)len, addresses, after);
        addresses += len;
        comma = ",";
    }
}

static uint64_t put_slice(struct fakeapi *api, const char *ns, const char *service, unsigned part,
                          const char *addresses)
{
    struct fakeapi_text t = {0};
    uint64_t version;

    fakeapi_text_addf(&t,
                      "{\"apiVersion\":\"discovery.k8s.io/v1\",\"kind\":\"EndpointSlice\","
                      "\"metadata\":{\"name\":\"%s-%u\",\"namespace\":\"%s\","
                      "\"labels\":{\"kubernetes.io/service-name\":\"%s\"}},"
                      "\"addressType\":\"%s\",",
                      service, part, ns, service, strchr(addresses, ':') != NULL ? "IPv6" : "IPv4");
    if (addresses[0] == '\0') {
        fakeapi_text_adds(&t, "\"endpoints\":null,");
    } else {
        fakeapi_text_adds(&t, "\"endpoints\":[");
        add_addresses(&t, addresses, "{\"addresses\":[",
                      "],\"conditions\":{\"ready\":true,\"serving\":true,\"terminating\":false}}");
        fakeapi_text_adds(&t, "],");
    }
    fakeapi_text_adds(&t, "\"ports\":[{\"name\":\"https\",\"port\":8443,\"protocol\":\"TCP\"}]}");
    version = fakeapi_put(api, t.s);
    fakeapi_text_free(&t);
    return version;
}

uint64_t fakeapi_put_slice(struct fakeapi *api, const char *ns, const char *service,
                           const char *addresses)
{
    return put_slice(api, ns, service, 1, addresses);
}

uint64_t fakeapi_put_slice_n(struct fakeapi *api, const char *ns, const char *service,
                             unsigned part, const unsigned range[2])
{
    struct fakeapi_text t = {0};
    uint64_t version;

    fakeapi_text_adds(&t, "");
    for (unsigned i = range[0]; i < range[0] + range[1]; i++) {
        fakeapi_text_addf(&t, "%s10.%u.%u.%u", t.len > 0 ? " " : "", i >> 16 & 255, i >> 8 & 255,
                          i & 255);
    }
    version = put_slice(api, ns, service, part, t.s);
    fakeapi_text_free(&t);
    return version;
}

uint64_t fakeapi_put_endpoints(struct fakeapi *api, const char *ns, const char *service,
                               const char *addresses)
{
    struct fakeapi_text t = {0};
    uint64_t version;

    fakeapi_text_addf(&t,
                      "{\"apiVersion\":\"v1\",\"kind\":\"Endpoints\","
                      "\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\"}",
                      service, ns);
    if (addresses[0] != '\0') {
        fakeapi_text_adds(&t, ",\"subsets\":[{\"addresses\":[");
        add_addresses(&t, addresses, "{\"ip\":", "}");
        fakeapi_text_adds(
            &t, "],\"ports\":[{\"name\":\"https\",\"port\":8443,\"protocol\":\"TCP\"}]}]");
    }
    fakeapi_text_adds(&t, "}");
    version = fakeapi_put(api, t.s);
    fakeapi_text_free(&t);
    return version;
}
